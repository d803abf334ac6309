#!/bin/sh
# Installs what the tests need and this machine lacks. Installs nothing that is there.
#
# Usage: setup.sh [bench]
#
# Rust, Go, Node and Python are expected; everything else comes from apt, as root. What stays missing is named,
# and with CI=true it is a failure.
set -eu

updated=no
lacking=0

# missing WHAT HINT
missing() {
    echo "setup: $1 is missing; $2" >&2
    lacking=1
}

# expect PROGRAM HINT: something that this script does not install.
expect() {
    command -v "$1" > /dev/null 2>&1 || missing "$1" "$2"
}

# from_apt PROGRAM PACKAGE
from_apt() {
    if command -v "$1" > /dev/null 2>&1; then return; fi
    if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null 2>&1; then
        missing "$1" "as root: apt-get install $2"
        return
    fi
    if [ "$updated" = no ]; then
        apt-get update -qq
        updated=yes
    fi
    echo "setup: installing $2"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$2" > /dev/null
}

expect cargo "see https://rustup.rs"
expect go "see https://go.dev/doc/install; examples/shop has services in it"
expect node "see https://nodejs.org; examples/shop has a service and a storefront in it"
expect npm "it comes with Node"
expect python3 "the end-to-end tests are written in it, and services of examples/shop"
if command -v cargo > /dev/null 2>&1; then
    cargo fmt --version > /dev/null 2>&1 || missing rustfmt "rustup component add rustfmt"
    cargo clippy --version > /dev/null 2>&1 || missing clippy "rustup component add clippy"
fi

from_apt git git              # brings the repositories of [repos.*]; tidy asks it which files are tracked
from_apt ssh openssh-client   # such repositories come over ssh
from_apt /usr/sbin/sshd openssh-server    # which is tried on loopback
from_apt cc gcc               # the bundled SQLite, and cgo in the tests of the Go scanner
from_apt awk mawk             # the generators of examples/shop
from_apt chromium chromium    # the storefront of examples/shop is tried in it
from_apt chromedriver chromium-driver
from_apt pgrep procps         # tests that no process is left
from_apt setpriv util-linux   # tests as a plain user
from_apt busybox busybox-static   # the images of the tests are made of it
from_apt dockerd docker.io    # actions run in its containers
from_apt podman podman
from_apt runc runc            # what both make containers with
from_apt newuidmap uidmap     # rootless Podman
from_apt slirp4netns slirp4netns
from_apt docker-registry docker-registry    # images come from it in the tests of oci
from_apt openssl openssl      # signs the tokens of that registry
from_apt skopeo skopeo        # copies images in the acceptance scripts
from_apt strace strace        # tests that kill rg at its n-th system call
if [ "${1:-}" = bench ]; then
    from_apt ninja ninja-build
    from_apt bwrap bubblewrap      # what a sandbox costs elsewhere
fi

if [ "$lacking" = 1 ] && [ "${CI:-}" = true ]; then
    echo "setup: CI=true, so what is missing is a failure" >&2
    exit 1
fi
