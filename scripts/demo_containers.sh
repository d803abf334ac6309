#!/bin/sh
# Shows on examples/shop that an action is the same in every kind of container: its toolchains are images, the outputs of
# rg's own sandbox and of a container engine are equal, and each takes what the other has made.
#
# Usage: RG=target/release/rg sh scripts/demo_containers.sh
set -eu
cd "$(dirname "$0")/.."
RG=$(realpath "${RG:-target/release/rg}")
work=$(mktemp -d)
engine=
end() {
    if [ -n "$engine" ]; then
        kill "$engine" && wait "$engine" || true
        umount -l "$work/docker/data" 2> /dev/null || true
    fi
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap end EXIT
shop=$work/shop
cp -R examples/shop "$shop"
rm -rf "$shop/rg-out" "$shop/node_modules"

heading() {
    printf '\n== %s\n' "$1"
}

# build EXECUTOR CACHE WORDS…: builds, and keeps what was said of the outputs in EXECUTOR.json.
build() {
    executor=$1 cache=$2
    shift 2
    RG_CACHE_DIR=$work/$cache "$RG" --workspace "$shop" --profile container --executor "$executor" \
        build "$@" --output json > "$work/$executor.json"
}

digests() {
    python3 -c 'import json, sys
for target in json.load(open(sys.argv[1]))["targets"]:
    for output in target["outputs"]:
        print(output["digest"], output["path"])' "$1"
}

heading "images of this machine's toolchains, since no registry is asked"
python3 examples/images/make.py "$shop/third_party/images"

heading "rg.lock pins them"
"$RG" --workspace "$shop" --profile container lock

heading "the services, each action on the root directory of its image, in rg's own sandbox"
build native native //services/...

if [ -z "${DOCKER_HOST:-}" ]; then
    heading "a container engine of its own"
    mkdir -p "$work/docker"
    dockerd --data-root "$work/docker/data" --exec-root "$work/docker/exec" --pidfile "$work/docker/pid" \
        -H "unix://$work/docker/docker.sock" --iptables=false --bridge=none > "$work/docker/log" 2>&1 &
    engine=$!
    DOCKER_HOST=unix://$work/docker/docker.sock
    export DOCKER_HOST
    tries=0
    until [ -S "$work/docker/docker.sock" ] || [ "$tries" = 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
fi

heading "the same in the engine: what the sandbox has made is taken as it is"
build engine native //services/...

heading "again with an empty cache: everything runs in containers of the engine"
build engine engine //services/notify //services/recommend

heading "the outputs are the same"
digests "$work/engine.json" | while read -r digest path; do
    grep -q "$digest" "$work/native.json" && echo "$digest $path"
done
