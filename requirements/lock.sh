#!/bin/sh
# Pins every package with its hashes. Needs uv. No file names an address or a folder.
set -eu
cd "$(dirname "$0")/.."
lock() {
    out=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
        --no-emit-find-links "$@" -o "requirements/$out"
}
lock runtime.txt pyproject.toml
lock servers.txt --group servers -c requirements/runtime.txt
lock dev.txt --group dev -c requirements/runtime.txt
lock node.txt --group node
(cd frontend && npm install --package-lock-only --no-audit --no-fund --omit-lockfile-registry-resolved --silent)
