#!/bin/sh
# Puts the generated files where editors and each language's own tools look for them. rg does not need
# this: it stages the outputs of //api:go, //api:python and //api:ts there by itself.
set -eu
cd "$(dirname "$0")/../api"

# generate GENERATOR OUTPUT
generate() {
    awk -f generate/read.awk -f "generate/$1.awk" shop.json > "$2.part"
    mv "$2.part" "$2"
}

generate go api.gen.go
generate python shop_api.py
generate javascript shop.mjs
generate types shop.d.mts
