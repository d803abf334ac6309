#!/bin/sh
# End-to-end: builds and tests examples/shop and this repository with rg, runs what was built, and holds the
# number of actions that ran against what has to run. Works in a copy of the shop.
#
# Usage: RG=target/release/rg sh scripts/run_e2e.sh       (ends with `N passed, N failed`)
set -eu
cd "$(dirname "$0")/.."
here=$PWD
RG=$(realpath "${RG:-target/release/rg}")
# A cache of the tests' own; it stays, since compiling Go's standard library takes a minute.
RG_CACHE_DIR=${RG_CACHE_DIR:-$here/target/e2e-cache}
export RG_CACHE_DIR
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
shop=$scratch/shop
mkdir "$shop"
cp -R examples/shop/. "$shop"
rm -rf "$shop/rg-out" "$shop/node_modules"

passed=0
failed=0

# check SENTENCE COMMAND…: runs a command and keeps its output in case it fails.
check() {
    sentence=$1
    shift
    if "$@" > "$scratch/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $sentence"
    else
        failed=$((failed + 1))
        echo "NOT OK  $sentence"
        sed 's/^/        /' "$scratch/output"
    fi
}

in_shop() (
    cd "$shop"
    "$@"
)

# runs_nothing COMMAND…: passes if the last line of rg says that no action ran.
runs_nothing() {
    "$@" > "$scratch/report" 2>&1 || { cat "$scratch/report"; return 1; }
    tail -n 1 "$scratch/report"
    tail -n 1 "$scratch/report" | grep -q ': 0 executed,'
}

# edit_of_money: only what sees libs/go/money is built and tested. Each edit is another, since the cache stays.
edit_of_money() {
    printf '\n// Edition tells one edit from another.\nconst Edition = "%s"\n' "$(date +%s%N)" >> libs/go/money/money.go
    "$RG" build --output json //... > "$scratch/build.json" && "$RG" test --output json //... > "$scratch/test.json" || return 1
    python3 - "$scratch/build.json" "$scratch/test.json" << 'PYTHON'
import json, sys
reports = [json.load(open(name)) for name in sys.argv[1:]]
targets = [target for report in reports for target in report["targets"]]
ran = sorted({target["label"] for target in targets if target["status"] == "executed"})
print("executed:", ran)
built = {"//services/cart:cart", "//services/notify:notify"}
assert built <= set(ran), f"did not run: {sorted(built - set(ran))}"
kept = {
    "//api:go", "//api:unit", "//services/catalog:catalog", "//services/catalog:unit",
    "//services/recommend:recommend", "//services/shipping:shipping", "//apps/storefront:storefront",
}
assert not kept & set(ran), f"ran, though money does not reach it: {kept & set(ran)}"
PYTHON
}

# edit_of_contract: a route is renamed in shop.json, and every language follows; libraries that do not know it stay.
edit_of_contract() {
    sed -i "s|/reviews\"|/opinions-$(date +%s%N)\"|" api/shop.json
    "$RG" build --output json //... > "$scratch/build.json" && "$RG" test --output json //... > "$scratch/test.json" || return 1
    python3 - "$scratch/build.json" "$scratch/test.json" << 'PYTHON'
import json, sys
reports = [json.load(open(name)) for name in sys.argv[1:]]
targets = [target for report in reports for target in report["targets"]]
ran = sorted({target["label"] for target in targets if target["status"] == "executed"})
print("executed:", ran)
follow = {
    "//api:go", "//api:python", "//api:ts", "//services/catalog:catalog", "//services/reviews:reviews",
    "//services/reviews:unit", "//libs/python:contract", "//services/shipping:shipping", "//apps/storefront:storefront", "//apps/storefront:unit",
}
assert follow <= set(ran), f"did not run: {sorted(follow - set(ran))}"
kept = {"//libs/go:unit", "//libs/python:unit", "//libs/npm/format:unit", "//libs/npm/format:types", "//:gofmt", "//:ruff"}
assert not kept & set(ran), f"ran, though the contract does not reach it: {kept & set(ran)}"
PYTHON
}

check "the shop builds" in_shop "$RG" build //...
check "the shop's tests pass" in_shop "$RG" test //...
check "building again runs nothing" runs_nothing in_shop "$RG" build //...
check "testing again runs nothing" runs_nothing in_shop "$RG" test //...
check "the built services work together" python3 "$shop/e2e/shop_e2e.py" "$shop/rg-out"
check "the built storefront works in a browser" python3 "$shop/e2e/browser_e2e.py" "$shop/rg-out"
check "both do so in a sandbox, too" in_shop "$RG" test //e2e //e2e:browser
check "an edit of one library runs what it reaches and nothing else" in_shop edit_of_money
check "an edit of the contract runs what follows it in each language" in_shop edit_of_contract
check "this repository builds" "$RG" build //...
check "this repository's checks of docs and scripts pass" "$RG" test //...

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
