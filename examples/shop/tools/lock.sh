#!/bin/sh
# Writes the lock files: requirements.txt of this repository and of each Python service, package-lock.json.
# Arguments go to uv: `sh tools/lock.sh --upgrade`. Wants uv and npm.
set -eu
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="sh tools/lock.sh"

# lock DIRECTORY ARGUMENT…
lock() {
    directory=$1
    shift
    uv pip compile -q --generate-hashes --python-version 3.11 --python-platform x86_64-manylinux_2_28 \
        "$@" -o "$directory/requirements.txt" "$directory/requirements.in"
}

lock . "$@"
# A service runs with the versions that it was tested with.
for service in services/recommend services/reviews; do
    lock "$service" --constraint requirements.txt
done
npm install --package-lock-only --ignore-scripts
