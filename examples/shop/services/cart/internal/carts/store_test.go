package carts

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"example.com/shop/api"
)

var tea = api.Product{ID: "tea", Name: "Tea", PriceCents: 450}

func TestTheSameProductIsOneLine(t *testing.T) {
	store := NewStore()
	id := store.Open().ID
	before, err := store.Add(id, tea, 1)
	if err != nil {
		t.Fatal(err)
	}
	cart, err := store.Add(id, tea, 2)
	if err != nil || len(cart.Lines) != 1 || cart.Lines[0].Quantity != 3 || cart.TotalCents != 1350 {
		t.Errorf("got %+v, %v", cart, err)
	}
	if before.Lines[0].Quantity != 1 {
		t.Error("a cart that was handed out changed")
	}
}

func TestCheckoutNumbersOrdersAndClosesTheCart(t *testing.T) {
	store := NewStore()
	id := store.Open().ID
	if _, err := store.Checkout(id); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty cart: %v", err)
	}
	if _, err := store.Add(id, tea, 1); err != nil {
		t.Fatal(err)
	}
	order, err := store.Checkout(id)
	if err != nil || order.Number != 1 {
		t.Errorf("got %+v, %v", order, err)
	}
	if _, err := store.Cart(id); !errors.Is(err, ErrNoCart) {
		t.Errorf("the cart after checkout: %v", err)
	}
	if got := store.Orders(0); len(got) != 1 || len(store.Orders(1)) != 0 || len(store.Orders(-7)) != 1 {
		t.Errorf("orders: %+v", got)
	}
}

func TestUnknownCart(t *testing.T) {
	if _, err := NewStore().Add(uuid.New(), tea, 1); !errors.Is(err, ErrNoCart) {
		t.Errorf("got %v", err)
	}
}
