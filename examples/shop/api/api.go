// Package api is what the services of the shop say to each other. The routes and messages are in
// api.gen.go, which the target //api:go makes from shop.json; this file holds what is written by hand.
package api

import (
	"net/url"
	"strings"
)

// Path fills the placeholders of a route, in order: Path(RouteProduct, "tea") is "/products/tea".
func Path(route string, values ...string) string {
	for _, value := range values {
		begin := strings.IndexByte(route, '{')
		end := strings.IndexByte(route, '}')
		if begin < 0 || end < begin {
			break
		}
		route = route[:begin] + url.PathEscape(value) + route[end+1:]
	}
	return route
}
