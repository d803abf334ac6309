// Package receipts writes a receipt for each order of the shop, once.
package receipts

import (
	"embed"
	"fmt"
	"io"
	"text/template"

	"example.com/shop/api"
	"example.com/shop/libs/go/money"
)

//go:embed templates/*.tmpl
var templates embed.FS

var receipt = template.Must(template.New("receipt.tmpl").
	Funcs(template.FuncMap{"money": formatCents, "times": timesCents}).
	ParseFS(templates, "templates/*.tmpl"))

// Write writes the receipt of an order.
func Write(w io.Writer, order api.Order) error {
	if err := receipt.Execute(w, order); err != nil {
		return fmt.Errorf("the receipt of order %d: %w", order.Number, err)
	}
	return nil
}

func formatCents(cents int64) string {
	return money.Cents(cents).String()
}

func timesCents(cents int64, quantity int) int64 {
	return int64(money.Cents(cents).Times(quantity))
}
