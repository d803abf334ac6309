package carts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"example.com/shop/api"
)

// ErrNoProduct says that the catalog does not have the product.
var ErrNoProduct = errors.New("no such product")

// Catalog asks the catalog service.
type Catalog struct {
	URL    string
	Client *http.Client
}

// Product returns a product as the catalog knows it now.
func (c Catalog) Product(ctx context.Context, id string) (api.Product, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+api.Path(api.RouteProduct, id), nil)
	if err != nil {
		return api.Product{}, err
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return api.Product{}, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		var product api.Product
		err := json.NewDecoder(response.Body).Decode(&product)
		return product, err
	case http.StatusNotFound:
		return api.Product{}, ErrNoProduct
	default:
		return api.Product{}, fmt.Errorf("the catalog answered %s", response.Status)
	}
}
