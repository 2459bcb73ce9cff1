"""Checks what `sterna convert` wrote with the public packages: `python check_convert.py FOLDER [LOGITS]`.

`transformers` loads FOLDER and must give the logits of LOGITS, a file of `sterna logits -m FOLDER --device reference`; the `gguf`
package reads each GGUF file in FOLDER, and its values must be those of the safetensors file.
"""

from __future__ import annotations

import os

os.environ["TORCHDYNAMO_DISABLE"] = "1"

import sys
from pathlib import Path

import gguf
import numpy as np
import torch
from make import patch
from safetensors import safe_open
from transformers import AutoModelForCausalLM


def check_logits(folder: Path, logits: Path) -> None:
    """Compares the logits of `transformers` with a file of ours."""
    patch()
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    for tensor in [*model.parameters(), *model.buffers()]:  # .float() is refused for quantized models
        if tensor.is_floating_point():
            tensor.data = tensor.data.float()
    model = model.eval()
    with safe_open(logits, "np") as file:
        ours, tokens = file.get_tensor("logits"), file.get_tensor("tokens").astype(np.int64)
    with torch.no_grad():
        theirs = model(torch.from_numpy(tokens)[None]).logits[0].numpy()
    error = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"{folder}: logits differ by {error:.1e} of their range")
    assert error < 1e-4


def codes(packed: np.ndarray, rows: int) -> np.ndarray:
    """[rows, inputs] codes of a packed matrix."""
    return np.concatenate([(packed >> (2 * i)) & 3 for i in range(4)])[:rows].astype(np.int8) - 1


def check_gguf(folder: Path, path: Path) -> None:
    """Compares the values of a GGUF file with those of the safetensors file beside it."""
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    with safe_open(folder / "model.safetensors", "np") as file:
        for layer in range(sum(name.endswith(".attn_v.weight") for name in tensors)):
            for ours, theirs in [("self_attn.v_proj", "attn_v"), ("mlp.down_proj", "ffn_down")]:
                tensor = tensors[f"blk.{layer}.{theirs}.weight"]
                values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
                own = tensors.get(f"blk.{layer}.{theirs}.scale")
                values = values * (own.data[0] if own else np.float32(1))
                name = f"model.layers.{layer}.{ours}.weight"
                want = codes(file.get_tensor(name), values.shape[0]) * file.get_tensor(f"{name}_scale")
                assert np.array_equal(values, want), name
    print(f"{path}: read by the gguf package, values equal")


def main() -> None:
    """Checks everything in a folder."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        check_logits(folder, Path(sys.argv[2]))
    for path in folder.glob("*.gguf"):
        check_gguf(folder, path)


if __name__ == "__main__":
    main()
