#!/bin/sh
# Makes the Python environment NAME from tools/requirements-NAME.txt, in the user's cache; does nothing if it is there and current.
set -eu
name=$1
list=$(dirname "$0")/requirements-$name.txt
home=${XDG_CACHE_HOME:-$HOME/.cache}/sterna-tools/$name
cmp -s "$list" "$home/requirements.txt" && exit 0
echo "installing the Python packages of $list" >&2
rm -rf "$home"
mkdir -p "$home"
if python3 -m venv "$home" >"$home.log" 2>&1 && "$home/bin/pip" install -q -r "$list" >>"$home.log" 2>&1; then
    cp "$list" "$home/requirements.txt"
    rm -f "$home.log"
    exit 0
fi
tail -n 5 "$home.log" >&2
echo "installing the Python packages of $list failed: see $home.log" >&2
exit 1
