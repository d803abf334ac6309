// The notify worker follows the orders of the cart service and writes a receipt for each of them.
package main

import (
	"cmp"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/libs/go/service"
	"example.com/shop/services/notify/internal/receipts"
)

func main() {
	service.Main("notify", ":8082", func(s *service.Service, _ chi.Router) error {
		interval, err := time.ParseDuration(cmp.Or(os.Getenv("INTERVAL"), "2s"))
		if err != nil {
			return err
		}
		outbox := cmp.Or(os.Getenv("OUTBOX"), filepath.Join(os.TempDir(), "shop-outbox"))
		if err := os.MkdirAll(outbox, 0o755); err != nil {
			return err
		}
		worker := receipts.Worker{
			CartURL: cmp.Or(os.Getenv("CART_URL"), "http://127.0.0.1:8080"),
			Client:  &http.Client{Timeout: 5 * time.Second},
			Outbox:  outbox,
			Log:     s.Log,
		}
		worker.Count(promauto.With(s.Metrics))
		s.Background = worker.Follow(interval)
		return nil
	})
}
