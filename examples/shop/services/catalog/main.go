// The catalog service answers what the shop sells.
package main

import (
	"github.com/go-chi/chi/v5"

	"example.com/shop/libs/go/service"
	"example.com/shop/services/catalog/internal/products"
)

func main() {
	service.Main("catalog", ":8081", func(_ *service.Service, router chi.Router) error {
		list, err := products.Embedded()
		if err != nil {
			return err
		}
		list.Routes(router)
		return nil
	})
}
