// Package carts keeps carts and orders in memory and serves them over HTTP.
package carts

import (
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"example.com/shop/api"
	"example.com/shop/libs/go/money"
)

var (
	// ErrNoCart says that there is no cart with that id.
	ErrNoCart = errors.New("no such cart")
	// ErrEmpty says that an empty cart cannot be ordered.
	ErrEmpty = errors.New("the cart is empty")
)

// Store keeps carts and orders for as long as the process lives.
type Store struct {
	mutex  sync.Mutex
	carts  map[uuid.UUID]api.Cart
	orders []api.Order
}

// NewStore returns a store without carts.
func NewStore() *Store {
	return &Store{carts: map[uuid.UUID]api.Cart{}}
}

// Open makes a new, empty cart.
func (s *Store) Open() api.Cart {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cart := api.Cart{ID: uuid.New(), Lines: []api.Line{}}
	s.carts[cart.ID] = cart
	return cart
}

// Cart returns a cart.
func (s *Store) Cart(id uuid.UUID) (api.Cart, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cart, ok := s.carts[id]
	if !ok {
		return api.Cart{}, ErrNoCart
	}
	return cart, nil
}

// Add puts pieces of a product into a cart, on the line that the product has already.
func (s *Store) Add(id uuid.UUID, product api.Product, quantity int) (api.Cart, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cart, ok := s.carts[id]
	if !ok {
		return api.Cart{}, ErrNoCart
	}
	cart.Lines = withPieces(cart.Lines, product, quantity)
	cart.TotalCents = int64(total(cart.Lines))
	s.carts[id] = cart
	return cart, nil
}

// Checkout turns a cart into an order; the cart is gone then.
func (s *Store) Checkout(id uuid.UUID) (api.Order, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cart, ok := s.carts[id]
	if !ok {
		return api.Order{}, ErrNoCart
	}
	if len(cart.Lines) == 0 {
		return api.Order{}, ErrEmpty
	}
	delete(s.carts, id)
	order := api.Order{Number: len(s.orders) + 1, Cart: cart}
	s.orders = append(s.orders, order)
	return order, nil
}

// Orders returns the orders with a number greater than after.
func (s *Store) Orders(after int) []api.Order {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	after = max(0, min(after, len(s.orders)))
	return append([]api.Order{}, s.orders[after:]...)
}

// withPieces copies the lines, since carts that were handed out share them.
func withPieces(lines []api.Line, product api.Product, quantity int) []api.Line {
	lines = slices.Clone(lines)
	for i := range lines {
		if lines[i].Product.ID == product.ID {
			lines[i].Quantity += quantity
			return lines
		}
	}
	return append(lines, api.Line{Product: product, Quantity: quantity})
}

func total(lines []api.Line) money.Cents {
	var sum money.Cents
	for _, line := range lines {
		sum += money.Cents(line.Product.PriceCents).Times(line.Quantity)
	}
	return sum
}
