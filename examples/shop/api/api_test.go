package api

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/uuid"
)

func TestPathFillsPlaceholders(t *testing.T) {
	for _, c := range []struct {
		route, value, want string
	}{
		{RouteProducts, "ignored", "/products"},
		{RouteProduct, "tea", "/products/tea"},
		{RouteProduct, "a/b c", "/products/a%2Fb%20c"},
		{RouteCartItems, "7", "/carts/7/items"},
	} {
		if got := Path(c.route, c.value); got != c.want {
			t.Errorf("Path(%q, %q) = %q, want %q", c.route, c.value, got, c.want)
		}
	}
}

func TestMessagesReadTheRecordedJSON(t *testing.T) {
	text, err := os.ReadFile("testdata/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var order Order
	if err := json.Unmarshal(text, &order); err != nil {
		t.Fatal(err)
	}
	want := uuid.MustParse("8f14e45f-ceea-467f-a8f5-1f2b9c1d0e3a")
	if order.Number != 3 || order.Cart.ID != want || order.Cart.Lines[0].Product.PriceCents != 450 {
		t.Errorf("read %+v", order)
	}
}
