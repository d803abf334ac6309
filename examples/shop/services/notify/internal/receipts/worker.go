package receipts

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/api"
)

// Worker asks for new orders again and again. A receipt that is in the outbox already is left
// alone, so that a restart writes none twice.
type Worker struct {
	CartURL  string
	Client   *http.Client
	Outbox   string
	Log      *slog.Logger
	receipts prometheus.Counter
	last     int
}

// Count registers the worker's metrics.
func (w *Worker) Count(metrics promauto.Factory) {
	w.receipts = metrics.NewCounter(prometheus.CounterOpts{
		Name: "shop_receipts_total",
		Help: "Receipts written.",
	})
}

// Follow returns the worker's loop. Count comes first.
func (w *Worker) Follow(interval time.Duration) func(context.Context) {
	return func(ctx context.Context) {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			if err := w.Once(ctx); err != nil && ctx.Err() == nil {
				w.Log.Warn("asking for orders", "error", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-ticks.C:
			}
		}
	}
}

// Once writes the receipts of the orders that came since the last time.
func (w *Worker) Once(ctx context.Context) error {
	orders, err := w.orders(ctx)
	if err != nil {
		return err
	}
	for _, order := range orders {
		if err := w.deliver(order); err != nil {
			return err
		}
		w.last = order.Number
	}
	return nil
}

func (w *Worker) orders(ctx context.Context) ([]api.Order, error) {
	url := fmt.Sprintf("%s%s?after=%d", w.CartURL, api.RouteOrders, w.last)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := w.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the cart service answered %s", response.Status)
	}
	var orders []api.Order
	err = json.NewDecoder(response.Body).Decode(&orders)
	return orders, err
}

func (w *Worker) deliver(order api.Order) error {
	path := filepath.Join(w.Outbox, order.Cart.ID.String()+".txt")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	var text bytes.Buffer
	if err := Write(&text, order); err != nil {
		return err
	}
	// A rename puts the receipt there whole or not at all.
	if err := os.WriteFile(path+".part", text.Bytes(), 0o644); err != nil {
		return err
	}
	if err := os.Rename(path+".part", path); err != nil {
		return err
	}
	w.receipts.Inc()
	w.Log.Info("receipt", "order", order.Number, "path", path)
	return nil
}
