#!/bin/sh
# Puts the generated Go file where plain `go build` and editors look for it. rg does not need this:
# it stages the output of //api:go there by itself.
set -eu
cd "$(dirname "$0")/../api"
awk -f generate.awk shop.json > api.gen.go.part
mv api.gen.go.part api.gen.go
