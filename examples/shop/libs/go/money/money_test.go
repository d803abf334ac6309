package money_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"example.com/shop/libs/go/money"
)

func TestAmountsPrintAsPeopleReadThem(t *testing.T) {
	table, err := os.ReadFile("../../money/amounts.tsv")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		number, want, _ := strings.Cut(strings.TrimSpace(line), "\t")
		cents, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := money.Cents(cents).String(); got != want {
			t.Errorf("%d prints as %q, want %q", cents, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	if got := money.Cents(450).Times(3); got != 1350 {
		t.Errorf("got %d", got)
	}
}
