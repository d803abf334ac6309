#!/bin/sh
# Shows on examples/shop that an action is the same in every kind of container: toolchains are images, the outputs of rg's
# own sandbox, of a container engine and of the sandbox without namespaces are equal, and each takes what another has made.
# Works in a copy, with a Docker of its own, which ends with it. Needs root, and what scripts/setup.sh installs.
#
# Usage: RG=target/release/rg sh scripts/demo_containers.sh
set -eu
cd "$(dirname "$0")/.."
RG=$(realpath "${RG:-target/release/rg}")
targets=//...    # Go, Python, Node and the storefront
work=$(mktemp -d)
shop=$work/shop
docker=$work/docker
engine=

end() {
    if [ -n "$engine" ]; then
        kill "$engine" 2> /dev/null && wait "$engine" || true
        grep -o "$work[^ ]*" /proc/mounts | sort -r | while read -r place; do umount -l "$place"; done
    fi
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() {
    printf '\n== %s\n' "$1"
}

# start_engine: starts Docker on a socket of its own, without a network.
start_engine() {
    mkdir "$docker"
    dockerd --data-root "$docker/data" --exec-root "$docker/exec" --pidfile "$docker/pid" \
        -H "unix://$docker/socket" --iptables=false --bridge=none > "$docker/log" 2>&1 &
    engine=$!
    until [ -S "$docker/socket" ]; do
        if ! kill -0 "$engine" 2> /dev/null; then
            echo "demo: dockerd does not start" >&2
            tail -5 "$docker/log" >&2
            exit 36
        fi
        sleep 0.1
    done
    DOCKER_HOST=unix://$docker/socket
    export DOCKER_HOST
}

# build EXECUTOR CACHE RESULT: builds the targets, and keeps what is said of their outputs.
build() {
    RG_CACHE_DIR=$work/cache-$2 "$RG" --workspace "$shop" --profile container build --executor "$1" \
        --output json "$targets" > "$work/$3.json"
}

# outputs RESULT: the digest and the path of each output.
outputs() {
    python3 -c 'import json, sys
for target in json.load(open(sys.argv[1]))["targets"]:
    for output in target["outputs"]:
        print(output["digest"], output["path"])' "$work/$1.json"
}

# executed RESULT: how many actions ran.
executed() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["actions"]["executed"])' "$work/$1.json"
}

command -v dockerd > /dev/null || { echo "demo: dockerd is missing; make setup installs it" >&2; exit 36; }
cp -R examples/shop "$shop"
rm -rf "$shop/rg-out" "$shop/node_modules"

heading "images of Debian packages and of this machine's Go and Node: no registry is asked"
python3 examples/images/make.py "$shop/third_party/images"

heading "rg.lock pins them"
RG_CACHE_DIR=$work/cache-native "$RG" --workspace "$shop" --profile container lock
cat "$shop/rg.lock"

heading "a container engine of its own, and what rg finds"
start_engine
"$RG" --workspace "$shop" --profile container doctor | grep executor

for executor in native engine chroot-lite; do
    heading "the whole shop, with an empty cache: --executor $executor"
    build "$executor" "$executor" "$executor"
    outputs "$executor"
    echo "$(executed "$executor") actions ran"
    if [ "$(outputs "$executor")" != "$(outputs native)" ]; then
        echo "demo: the outputs of $executor are not those of native" >&2
        exit 1
    fi
done
heading "the outputs are the same"

for executor in engine chroot-lite; do
    heading "--executor $executor takes what rg's own sandbox has made: nothing runs"
    build "$executor" native again
    echo "$(executed again) actions ran"
    [ "$(executed again)" = 0 ]
done
