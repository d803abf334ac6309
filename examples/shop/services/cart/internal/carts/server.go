package carts

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/api"
	"example.com/shop/libs/go/money"
	"example.com/shop/libs/go/service"
)

// Server answers the cart service's routes.
type Server struct {
	Store   *Store
	Catalog Catalog
	Log     *slog.Logger
	revenue prometheus.Counter
}

// Count registers the metrics of the shop's business.
func (s *Server) Count(metrics promauto.Factory) {
	s.revenue = metrics.NewCounter(prometheus.CounterOpts{
		Name: "shop_revenue_cents_total",
		Help: "What was ordered, in cents.",
	})
}

// Routes adds the cart service's routes. Count comes first.
func (s *Server) Routes(router chi.Router) {
	router.Post(api.RouteCarts, s.open)
	router.Get(api.RouteCart, s.show)
	router.Post(api.RouteCartItems, s.add)
	router.Post(api.RouteCartCheckout, s.checkout)
	router.Get(api.RouteOrders, s.orders)
}

func (s *Server) open(w http.ResponseWriter, _ *http.Request) {
	service.WriteJSON(w, http.StatusCreated, s.Store.Open())
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	cart, err := s.Store.Cart(cartID(r))
	answer(w, http.StatusOK, cart, err)
}

func (s *Server) add(w http.ResponseWriter, r *http.Request) {
	var item api.AddItem
	if err := json.NewDecoder(r.Body).Decode(&item); err != nil || item.Quantity < 1 {
		service.WriteJSON(w, http.StatusBadRequest, api.Problem{Error: "want a product_id and a quantity of at least 1"})
		return
	}
	if _, err := s.Store.Cart(cartID(r)); err != nil {
		answer(w, http.StatusOK, nil, err)
		return
	}
	product, err := s.Catalog.Product(r.Context(), item.ProductID)
	if err != nil {
		s.Log.Warn("catalog", "product", item.ProductID, "error", err)
		answer(w, http.StatusOK, nil, err)
		return
	}
	cart, err := s.Store.Add(cartID(r), product, item.Quantity)
	answer(w, http.StatusOK, cart, err)
}

func (s *Server) checkout(w http.ResponseWriter, r *http.Request) {
	order, err := s.Store.Checkout(cartID(r))
	if err == nil {
		s.revenue.Add(float64(order.Cart.TotalCents))
		s.Log.Info("order", "number", order.Number, "cart", order.Cart.ID, "total", money.Cents(order.Cart.TotalCents).String())
	}
	answer(w, http.StatusCreated, order, err)
}

func (s *Server) orders(w http.ResponseWriter, r *http.Request) {
	// A missing or strange number means all orders.
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	service.WriteJSON(w, http.StatusOK, s.Store.Orders(after))
}

// cartID returns the id in the path; a malformed one is the zero id, which no cart has.
func cartID(r *http.Request) uuid.UUID {
	id, _ := uuid.Parse(chi.URLParam(r, "id"))
	return id
}

func answer(w http.ResponseWriter, status int, value any, err error) {
	switch {
	case err == nil:
		service.WriteJSON(w, status, value)
	case errors.Is(err, ErrNoCart):
		service.WriteJSON(w, http.StatusNotFound, api.Problem{Error: err.Error()})
	case errors.Is(err, ErrNoProduct), errors.Is(err, ErrEmpty):
		service.WriteJSON(w, http.StatusUnprocessableEntity, api.Problem{Error: err.Error()})
	default:
		service.WriteJSON(w, http.StatusBadGateway, api.Problem{Error: err.Error()})
	}
}
