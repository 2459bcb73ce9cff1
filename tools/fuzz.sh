#!/bin/sh
# Every fuzz target under libFuzzer, with the compiler at hand: what cargo-fuzz asks a nightly one for, but for the address sanitizer.
# Seeds are files of the small models in tests/data/reference and of the shipped one; what is found stays in target/fuzz.
# FUZZ_SECONDS: of each target (60). Arguments: the targets, all without.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/target/fuzz
triple=$(rustc -vV | sed -n 's/^host: //p')
cover="-Cpasses=sancov-module -Cdebug-assertions --cfg fuzzing"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    cover="$cover -Cllvm-args=-sanitizer-coverage-$option"
done
cd "$root/fuzz"
RUSTFLAGS=$cover cargo build --quiet --release --target "$triple" --target-dir "$out/build"
cd "$root"
failed=
for target in ${*:-$(sed -n 's/^name = "\([a-z_]*\)"/\1/p' fuzz/Cargo.toml)}; do
    case $target in
    gguf_model) seeds="-name *.gguf" ;;
    safetensors_folder) seeds="-name model.safetensors" ;;
    hf_config) seeds="-name config.json" ;;
    generation_config | tokenizer_json) seeds="-name $target.json" ;;
    index) seeds="-name *.index.json" ;;
    *) seeds="-name none" ;;
    esac
    corpus=$out/$target
    mkdir -p "$corpus"
    set -f
    find tests/data/reference models $seeds -size -200k | while read -r seed; do
        cp "$seed" "$corpus/seed-$(cksum <"$seed" | tr ' ' -)"
    done
    set +f
    "$out/build/$triple/release/$target" "$corpus" -max_total_time="${FUZZ_SECONDS:-60}" -rss_limit_mb=2048 -timeout=20 -max_len=262144 \
        -print_final_stats=1 -artifact_prefix="$out/$target-" >"$out/$target.log" 2>&1 || failed="$failed $target"
    echo "$target: $(sed -n 's/.*executed_units: *//p' "$out/$target.log") inputs," \
        "$(grep -o 'cov: [0-9]*' "$out/$target.log" | tail -n 1 | tr -d 'cov: ') places reached"
done
[ -z "$failed" ] || { echo "failed:$failed; the logs and the inputs are in $out" >&2; exit 1; }
