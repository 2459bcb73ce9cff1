"""Makes the reference models and vectors of this folder: `python make.py [CASE...]`.

`--search` looks for a prompt without boundary cases and prints its seed; `--check` makes everything
in a temporary folder and compares it with what is here.
"""

from __future__ import annotations

import os

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # transformers compiles its quantizers; eager gives the same

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from capture import nearest_trit, run, sequence, weights_table, write_vectors
from cases import CASES
from families import Case, load, write_folder, write_json
from transformers.quantizers import quantizer_bitnet

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def patch() -> None:
    """What keeps `transformers` from loading these models here; README.md lists it."""
    quantizer_bitnet.is_accelerate_available = lambda: True
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)


def make_case(case: Case, folder: Path, search: bool) -> None:
    """One folder: the model, its weights' table and its vectors."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_folder(case, folder)
    model = load(folder, case.architecture)
    vocabulary = model.config.vocab_size
    seeds = range(1000) if search else [case.prompt_seed]
    for seed in seeds:
        tokens = sequence(vocabulary, case.tokens, seed)
        trace = run(model, tokens)
        if not (search and trace.flips):
            break
    if search:
        print(f"{case.name}: prompt seed {seed}, {len(trace.flips)} flips, nearest {trace.nearest:.2g}")
    assert search or not case.quiet or not trace.flips, f"{case.name}: {trace.flips}"
    write_json(folder / "weights.json", weights_table(model))
    seeds = {"case": case.name, "weights_seed": str(case.seed), "prompt_seed": str(seed)}
    seeds["nearest_trit"] = f"{nearest_trit(model):.3g}"
    assert trace.logits.std() > 1, f"{case.name}: logits hardly differ"
    assert nearest_trit(model) > 1e-5, f"{case.name}: a trit depends on the order of a sum"
    write_vectors(folder, tokens, trace, case.captured, seeds)
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{case.name}: {size} bytes, logits deviate {trace.logits.std():.2f}")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="cases; all of them if none is named")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    patch()
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) if given.check else HERE
        for case in CASES:
            if not given.names or case.name in given.names:
                make_case(case, target / case.name, given.search)
        if not given.check:
            return 0
        wrong = [
            path.relative_to(target)
            for path in sorted(target.rglob("*"))
            if path.is_file() and path.read_bytes() != (HERE / path.relative_to(target)).read_bytes()
        ]
    print("\n".join(f"{path} differs" for path in wrong) or "all files are the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
