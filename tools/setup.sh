#!/bin/sh
# Makes sure that the tools of `make demo` (or, with `all`, of `make test`) are here: installs Debian packages as
# root, else says in one sentence what is missing.
set -eu
missing=""
finish() { # the Python packages, once the others are there
    [ "$1" = all ] || exit 0
    exec "$(dirname "$0")/venv.sh" packages
}
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need verilator verilator
need g++ g++
need make make
[ -e /usr/include/zlib.h ] || missing="$missing zlib1g-dev"
if [ "${1:-}" = all ]; then
    need iverilog iverilog
    need yosys yosys
    need tclsh tcl
    need dtc device-tree-compiler
    need python3 python3
    python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
fi
command -v cargo >/dev/null 2>&1 || {
    echo "cargo is missing: install Rust 1.89 or newer from https://rustup.rs and run this again" >&2
    exit 1
}
[ -n "$missing" ] || finish "${1:-}"
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing:$missing" >&2
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list of packages
    if { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
        rm -f "$log"
        finish "${1:-}"
    fi
    tail -n 5 "$log" >&2
    echo "installing$missing failed: see $log" >&2
    exit 1
fi
echo "missing:$missing; install with: sudo apt-get install$missing" >&2
exit 1
