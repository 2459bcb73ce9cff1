"""Makes the reference models and vectors of this folder: `python make.py [CASE...]`.

`--search` looks for a prompt without boundary cases and prints its seed; `--check` makes everything
in a temporary folder and compares it with what is here.
"""

from __future__ import annotations

import os

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # transformers compiles its quantizers; eager gives the same

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from capture import Trace, nearest_trit, run, sequence, weights_table, write_vectors
from cases import CASES, GGUF_CASES
from families import Case, load, write_folder, write_json
from gguf_files import I2_S, GgufCase, load_gguf, write_gguf, write_tokenizations
from tokenizers import Tokenizer
from tokenizers_small import encodings
from transformers import PreTrainedModel
from transformers.quantizers import quantizer_bitnet

HERE = Path(__file__).resolve().parent
STORIES = HERE.parents[2] / "models" / "stories"
STORY = "Mia and the green book\nOnce upon a time, Mia was in the park. Ben was in the forest."


def patch() -> None:
    """What keeps `transformers` from loading these models here; README.md lists it."""
    quantizer_bitnet.is_accelerate_available = lambda: True
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)


def traced(model: PreTrainedModel, case: Case, search: bool) -> tuple[int, list[int], Trace]:
    """Seed and tokens of the prompt, and the run."""
    for seed in range(1000) if search else [case.prompt_seed]:
        tokens = sequence(model.config.vocab_size, case.tokens, seed)
        trace = run(model, tokens)
        if not trace.flips:
            break
    if search:
        print(f"{case.name}: prompt seed {seed}, {len(trace.flips)} flips, nearest {trace.nearest:.2g}")
    assert search or not case.quiet or not trace.flips, f"{case.name}: {trace.flips}"
    assert trace.logits.std() > 1, f"{case.name}: logits hardly differ"
    assert nearest_trit(model) > 1e-5, f"{case.name}: a trit depends on the order of a sum"
    return seed, tokens, trace


def describe(case: Case, seed: int, model: PreTrainedModel) -> dict[str, str]:
    """Metadata of the vectors."""
    return {
        "case": case.name,
        "weights_seed": str(case.seed),
        "prompt_seed": str(seed),
        "nearest_trit": f"{nearest_trit(model):.3g}",
    }


def make_case(case: Case, folder: Path, search: bool) -> None:
    """One folder: the model, its weights' table and its vectors."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_folder(case, folder)
    model = load(folder, case.architecture)
    seed, tokens, trace = traced(model, case, search)
    write_json(folder / "weights.json", weights_table(model))
    about = describe(case, seed, model)
    write_vectors(folder / "vectors.safetensors", tokens, trace, case.captured, about)


def make_gguf(item: GgufCase, target: Path, search: bool) -> None:
    """One file with its weights' table and vectors; I2_S has those of its case."""
    (target / "gguf").mkdir(exist_ok=True)
    if item.ternary == I2_S:
        stem = target / "gguf" / f"{item.case.name}-i2s"
        vocabulary = write_gguf(item, stem.with_suffix(".gguf"), target / item.case.name)
    else:
        stem = target / "gguf" / item.case.name.removesuffix("-wide")
        vocabulary = write_gguf(item, stem.with_suffix(".gguf"), None)
        model = load_gguf(item, stem.with_suffix(".gguf"))
        seed, tokens, trace = traced(model, item.case, search)
        write_json(stem.with_suffix(".weights.json"), weights_table(model))
        about = describe(item.case, seed, model)
        write_vectors(stem.with_suffix(".vectors.safetensors"), tokens, trace, 0, about)
    if vocabulary.merges:
        write_tokenizations(stem.with_suffix(".tokens.json"), encodings(vocabulary))


def make_stories(target: Path) -> None:
    """Vectors of the model that the repository ships; its weights lie in models/stories."""
    (target / "stories").mkdir(exist_ok=True)
    model = load(STORIES, "BitNetForCausalLM")
    tokens = Tokenizer.from_file(str(STORIES / "tokenizer.json")).encode(STORY).ids[:24]
    trace = run(model, tokens)
    write_json(target / "stories" / "weights.json", weights_table(model))
    digest = hashlib.sha256((STORIES / "model.safetensors").read_bytes()).hexdigest()
    about = {"case": "stories", "text": STORY, "model_sha256": digest}
    write_vectors(target / "stories" / "vectors.safetensors", tokens, trace, 0, about, first_logits=16)


def differing(target: Path) -> list[str]:
    """Files of `target` that are not the same here."""
    wrong = []
    for path in sorted(target.rglob("*")):
        here = HERE / path.relative_to(target)
        if path.is_file() and not (here.is_file() and here.read_bytes() == path.read_bytes()):
            wrong.append(str(path.relative_to(target)))
    return wrong


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, `stories`, `gguf`; everything if none is named")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    patch()
    with tempfile.TemporaryDirectory() as temporary:
        target = Path(temporary) if given.check else HERE
        for case in CASES:
            if not given.names or case.name in given.names:
                make_case(case, target / case.name, given.search)
        if not given.names or "stories" in given.names:
            make_stories(target)
        if not given.names or "gguf" in given.names:
            for item in GGUF_CASES:
                make_gguf(item, target, given.search)
        if not given.check:
            return 0
        wrong = differing(target)
    print("\n".join(f"{name} differs" for name in wrong) or "all files are the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
