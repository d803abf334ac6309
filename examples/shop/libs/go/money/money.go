// Package money adds and prints amounts of money without floating point.
package money

import "fmt"

// Cents is an amount in the hundredth part of the shop's currency.
type Cents int64

// Times returns the amount for a number of pieces.
func (c Cents) Times(quantity int) Cents {
	return c * Cents(quantity)
}

// String returns the amount as people read it: 1234 is "12.34 EUR".
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	return fmt.Sprintf("%s%d.%02d EUR", sign, c/100, c%100)
}
