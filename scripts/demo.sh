#!/bin/sh
# Shows on examples/shop what rg is for. Works in a copy, so that the checkout stays clean.
#
# Usage: RG=target/release/rg sh scripts/demo.sh
set -eu
cd "$(dirname "$0")/.."
RG=$(realpath "${RG:-target/release/rg}")
shop=$(mktemp -d)
trap 'chmod -R u+w "$shop"; rm -rf "$shop"' EXIT
cp -R examples/shop/. "$shop"
rm -rf "$shop/rg-out"
cd "$shop"

heading() {
    printf '\n== %s\n' "$1"
}

heading "build everything: two services, a worker, and the Go file that they share"
"$RG" build //...

heading "test everything"
"$RG" test //...

heading "both again: nothing changed, so nothing runs"
"$RG" build //...
"$RG" test //...

heading "what libs/go/money/money.go reaches"
"$RG" query 'rdeps(//..., libs/go/money/money.go)'

heading "edit it: the catalog does not handle money, so its binary and its tests stay as they are"
sed -i 's/EUR/USD/' libs/go/money/money.go libs/go/money/testdata/amounts.tsv \
    services/notify/internal/receipts/testdata/receipt.golden
"$RG" build //...
"$RG" test //...

heading "undo it: all of that is still in the cache"
sed -i 's/USD/EUR/' libs/go/money/money.go libs/go/money/testdata/amounts.tsv \
    services/notify/internal/receipts/testdata/receipt.golden
"$RG" build //...
"$RG" test //...
