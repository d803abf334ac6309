package receipts

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"example.com/shop/api"
)

func order(number int) api.Order {
	return api.Order{Number: number, Cart: api.Cart{
		ID: uuid.NewSHA1(uuid.Nil, []byte{byte(number)}),
		Lines: []api.Line{
			{Product: api.Product{ID: "tea", Name: "Green tea, 100 g", PriceCents: 450}, Quantity: 2},
			{Product: api.Product{ID: "pot", Name: "Cast iron teapot", PriceCents: 5900}, Quantity: 1},
		},
		TotalCents: 6800,
	}}
}

func TestReceiptLooksAsAgreed(t *testing.T) {
	want, err := os.ReadFile("testdata/receipt.golden")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := Write(&got, order(1)); err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestEachOrderGetsOneReceipt(t *testing.T) {
	asked := []string{}
	cart := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		orders := []api.Order{}
		if r.URL.Query().Get("after") == "0" {
			orders = append(orders, order(1), order(2))
		}
		if err := json.NewEncoder(w).Encode(orders); err != nil {
			t.Error(err)
		}
	}))
	defer cart.Close()

	outbox := t.TempDir()
	for range 2 { // the second worker is the first one after a restart
		worker := Worker{CartURL: cart.URL, Client: cart.Client(), Outbox: outbox, Log: slog.New(slog.DiscardHandler)}
		worker.Count(promauto.With(prometheus.NewRegistry()))
		for range 2 {
			if err := worker.Once(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(outbox, "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("receipts: %v, %v", files, err)
	}
	if len(asked) != 4 || asked[1] != "/orders?after=2" {
		t.Errorf("asked for %v", asked)
	}
}
