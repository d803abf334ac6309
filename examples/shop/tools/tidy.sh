#!/bin/sh
# Runs `go mod tidy` in every module. By itself that command does not look at go.work, and would ask
# the network for the modules of this repository; so each module is tidied beside a copy of its go.mod
# that says where they are.
set -eu
cd "$(dirname "$0")/.."
sh tools/generate.sh
shop=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ours="api libs/go services"

for module in $ours; do
    cp "$module/go.mod" "$scratch/go.mod"
    if [ -f "$module/go.sum" ]; then cp "$module/go.sum" "$scratch/go.sum"; else : > "$scratch/go.sum"; fi
    for other in $ours; do
        [ "$other" = "$module" ] || go mod edit -replace "example.com/shop/$other=$shop/$other" "$scratch/go.mod"
    done
    (cd "$module" && GOWORK=off go mod tidy -modfile="$scratch/go.mod")
    for other in $ours; do
        go mod edit -dropreplace "example.com/shop/$other" -droprequire "example.com/shop/$other" "$scratch/go.mod"
    done
    go mod edit -fmt "$scratch/go.mod"
    cp "$scratch/go.mod" "$scratch/go.sum" "$module/"
done
go work sync
