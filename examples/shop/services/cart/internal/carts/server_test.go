package carts_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/api"
	"example.com/shop/libs/go/service"
	"example.com/shop/services/cart/internal/carts"
)

// shop starts a cart service beside a catalog that sells tea and breaks on gin.
func shop(t *testing.T) string {
	t.Helper()
	catalog := chi.NewRouter()
	catalog.Get(api.RouteProduct, func(w http.ResponseWriter, r *http.Request) {
		switch chi.URLParam(r, "id") {
		case "tea":
			service.WriteJSON(w, http.StatusOK, api.Product{ID: "tea", Name: "Tea", PriceCents: 450})
		case "gin":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	upstream := httptest.NewServer(catalog)
	t.Cleanup(upstream.Close)

	server := carts.Server{
		Store:   carts.NewStore(),
		Catalog: carts.Catalog{URL: upstream.URL, Client: upstream.Client()},
		Log:     slog.New(slog.DiscardHandler),
	}
	server.Count(promauto.With(prometheus.NewRegistry()))
	router := chi.NewRouter()
	server.Routes(router)
	here := httptest.NewServer(router)
	t.Cleanup(here.Close)
	return here.URL
}

func post[T any](t *testing.T, url, body string) (int, T) {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var value T
	if err := json.NewDecoder(response.Body).Decode(&value); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, value
}

func TestFromAnEmptyCartToAnOrder(t *testing.T) {
	url := shop(t)
	_, cart := post[api.Cart](t, url+api.RouteCarts, "")
	id := cart.ID.String()
	status, cart := post[api.Cart](t, url+api.Path(api.RouteCartItems, id), `{"product_id":"tea","quantity":2}`)
	if status != http.StatusOK || cart.TotalCents != 900 {
		t.Fatalf("%d %+v", status, cart)
	}
	status, order := post[api.Order](t, url+api.Path(api.RouteCartCheckout, id), "")
	if status != http.StatusCreated || order.Number != 1 || order.Cart.TotalCents != 900 {
		t.Fatalf("%d %+v", status, order)
	}
}

func TestWhatCannotBeAdded(t *testing.T) {
	url := shop(t)
	_, cart := post[api.Cart](t, url+api.RouteCarts, "")
	items := url + api.Path(api.RouteCartItems, cart.ID.String())
	for _, c := range []struct {
		url, body string
		status    int
	}{
		{items, `{"product_id":"none","quantity":1}`, http.StatusUnprocessableEntity},
		{items, `{"product_id":"tea","quantity":0}`, http.StatusBadRequest},
		{items, `not JSON`, http.StatusBadRequest},
		{items, `{"product_id":"gin","quantity":1}`, http.StatusBadGateway},
		{url + api.Path(api.RouteCartItems, "7"), `{"product_id":"tea","quantity":1}`, http.StatusNotFound},
	} {
		if status, problem := post[api.Problem](t, c.url, c.body); status != c.status || problem.Error == "" {
			t.Errorf("%s: %d %+v, want %d", c.body, status, problem, c.status)
		}
	}
}
