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
rm -rf "$shop/rg-out" "$shop/node_modules"
cd "$shop"

heading() {
    printf '\n== %s\n' "$1"
}

# replace OLD NEW FILE…
replace() {
    old=$1 new=$2
    shift 2
    sed -i "s|$old|$new|g" "$@"
}

build_and_test() {
    "$RG" build //...
    "$RG" test //...
}

heading "build everything: services in Go, Python and Node, a storefront, and the contract that they share"
"$RG" build //...

heading "test everything; linters are tests, too"
"$RG" test //...

heading "both again: nothing changed, so nothing runs"
build_and_test

heading "what libs/go/money/money.go reaches"
"$RG" query 'rdeps(//..., libs/go/money/money.go)'

heading "another currency, in Go, Python and JavaScript: the catalog does not handle money, so it stays as it is"
amounts=$(grep -rlI --exclude-dir=node_modules EUR libs services apps)
# shellcheck disable=SC2086
replace EUR USD $amounts
build_and_test

heading "one line of the contract, a route: it is generated anew for each language, and who uses it follows"
replace '/reviews"' '/opinions"' api/shop.json
build_and_test

heading "undo both: all of that is still in the cache"
# shellcheck disable=SC2086
replace USD EUR $amounts
replace '/opinions"' '/reviews"' api/shop.json
build_and_test
