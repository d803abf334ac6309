// The cart service keeps shopping carts and turns them into orders. It asks the catalog for prices.
package main

import (
	"cmp"
	"net/http"
	"os"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/libs/go/service"
	"example.com/shop/services/cart/internal/carts"
)

func main() {
	service.Main("cart", ":8080", func(s *service.Service, router chi.Router) error {
		catalog := carts.Catalog{
			URL:    cmp.Or(os.Getenv("CATALOG_URL"), "http://127.0.0.1:8081"),
			Client: &http.Client{Timeout: 5 * time.Second},
		}
		server := carts.Server{Store: carts.NewStore(), Catalog: catalog, Log: s.Log}
		server.Count(promauto.With(s.Metrics))
		server.Routes(router)
		return nil
	})
}
