// Package products holds the products of the shop and answers questions about them.
package products

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"example.com/shop/api"
	"example.com/shop/libs/go/service"
)

//go:embed products.json
var embedded []byte

// List is what the shop sells, in the order in which it is shown.
type List []api.Product

// Embedded returns the products that are compiled into this program.
func Embedded() (List, error) {
	return parse(embedded)
}

func parse(text []byte) (List, error) {
	var list List
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("the product list: %w", err)
	}
	seen := map[string]bool{}
	for _, product := range list {
		if product.ID == "" || product.PriceCents <= 0 || seen[product.ID] {
			return nil, fmt.Errorf("the product list: product %q has no id, no price, or is there twice", product.ID)
		}
		seen[product.ID] = true
	}
	return list, nil
}

// Routes adds the catalog's routes.
func (l List) Routes(router chi.Router) {
	router.Get(api.RouteProducts, func(w http.ResponseWriter, _ *http.Request) {
		service.WriteJSON(w, http.StatusOK, l)
	})
	router.Get(api.RouteProduct, func(w http.ResponseWriter, r *http.Request) {
		id := chi.URLParam(r, "id")
		at := slices.IndexFunc(l, func(product api.Product) bool { return product.ID == id })
		if at < 0 {
			service.WriteJSON(w, http.StatusNotFound, api.Problem{Error: "no product " + id})
			return
		}
		service.WriteJSON(w, http.StatusOK, l[at])
	})
}
