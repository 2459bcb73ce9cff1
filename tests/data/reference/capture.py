"""Runs a model and records what its layers saw, and how near each value came to rounding otherwise."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from bitnet158 import OnlineBitLinear, weight_quant
from safetensors.torch import save
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.integrations.bitnet import AutoBitLinear, BitLinear, unpack_weights

MARGIN = 1e-4
# Matrices, and the name of the input that some of them share.
SHARED = {"q": "qkv", "k": "qkv", "v": "qkv", "o": "o", "gate": "gate_up", "up": "gate_up", "down": "down"}


@dataclass
class Trace:
    """One run over all tokens at once."""

    logits: Tensor  # [tokens, vocabulary]
    values: dict[str, Tensor] = field(default_factory=dict)  # [tokens, width] each
    flips: list[tuple[int, str, int, int]] = field(default_factory=list)
    nearest: float = 0.5  # smallest distance of a value before rounding from a boundary


def codes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Values before rounding, and int8 codes, by the formula that all three classes share."""
    factor = 127 / x.abs().max(dim=-1, keepdim=True).values.clamp(min=1e-5)
    scaled = x * factor
    return scaled, scaled.round().clamp(-128, 127).to(torch.int8)


def trits_and_multiplier(module: nn.Module) -> tuple[Tensor, Tensor]:
    """int8 [out, in] and m of y = acc * m / s_act, from what the loaded class holds."""
    if type(module).__name__ == "DequantizedBitLinear":
        return module.weight.detach().sign().to(torch.int8), module.weight.detach().abs().max()
    if isinstance(module, OnlineBitLinear) or (isinstance(module, AutoBitLinear) and module.online_quant):
        trits, factor = weight_quant(module.weight.detach())
        return trits.to(torch.int8), 1 / factor
    if isinstance(module, AutoBitLinear):
        return module.weight.to(torch.int8), module.weight_scale[0]
    return unpack_weights(module.weight, torch.int8), 1 / module.weight_scale[0]


def check_codes(module: nn.Module, x: Tensor, found: Tensor) -> None:
    """The class itself computes these codes."""
    if isinstance(module, BitLinear):
        assert torch.equal(module.activation_quant(x)[0], found)


def matrices(layer: nn.Module) -> dict[str, nn.Module]:
    """A layer's ternary matrices by their short names."""
    found = {name: getattr(layer.self_attn, f"{name}_proj") for name in "qkvo"}
    return found | {name: getattr(layer.mlp, f"{name}_proj") for name in ("gate", "up", "down")}


@torch.no_grad()
def run(model: PreTrainedModel, tokens: list[int]) -> Trace:
    """The whole sequence at once, without a cache."""
    trace, handles = Trace(torch.empty(0)), []

    def layer_hook(index: int) -> Callable:
        def hook(_module: nn.Module, args: tuple, output: Tensor) -> None:
            trace.values[f"layers.{index}.input"] = args[0][0]
            trace.values[f"layers.{index}.output"] = output[0]

        return hook

    def linear_hook(index: int, name: str) -> Callable:
        def hook(module: nn.Module, args: tuple, output: Tensor) -> None:
            trace.values[f"layers.{index}.{name}.output"] = output[0]
            shared = f"layers.{index}.{SHARED[name]}"
            if f"{shared}.input" in trace.values:
                assert torch.equal(trace.values[f"{shared}.input"], args[0][0])
                return
            scaled, found = codes(args[0][0])
            check_codes(module, args[0][0], found)
            trace.values[f"{shared}.input"], trace.values[f"{shared}.codes"] = args[0][0], found
            distance = (scaled - scaled.floor() - 0.5).abs()
            trace.nearest = min(trace.nearest, float(distance.min()))
            for position, element in (distance < MARGIN).nonzero().tolist():
                trace.flips.append((index, SHARED[name], position, element))

        return hook

    for index, layer in enumerate(model.model.layers):
        handles.append(layer.register_forward_hook(layer_hook(index)))
        for name, module in matrices(layer).items():
            handles.append(module.register_forward_hook(linear_hook(index, name)))
    trace.logits = model(torch.tensor([tokens]), use_cache=False).logits[0]
    for handle in handles:
        handle.remove()
    return trace


def sequence(vocabulary: int, count: int, seed: int) -> list[int]:
    """Token ids of a prompt."""
    return np.random.default_rng(seed).integers(0, vocabulary, count).tolist()


def weights_table(model: PreTrainedModel) -> dict[str, dict]:
    """Of each ternary matrix: shape, SHA-256 of its int8 trits in row-major order, multiplier."""
    table = {}
    for index, layer in enumerate(model.model.layers):
        for name, module in matrices(layer).items():
            trits, multiplier = trits_and_multiplier(module)
            table[f"layers.{index}.{name}"] = {
                "shape": list(trits.shape),
                "sha256": hashlib.sha256(trits.contiguous().numpy().tobytes()).hexdigest(),
                "multiplier": float(multiplier),
            }
    return table


def nearest_trit(model: PreTrainedModel) -> float:
    """Of master weights: smallest distance of a scaled magnitude from 0.5, where the trit changes."""
    found = [0.5]
    for module in model.modules():
        if type(module) is OnlineBitLinear or getattr(module, "online_quant", False):
            scaled = module.weight.detach() * weight_quant(module.weight.detach())[1]
            found.append(float((scaled.abs() - 0.5).abs().min()))
    return min(found)


def save_tensors(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> None:
    """A safetensors file whose metadata is in the order of its keys: the library's order is random."""
    apart = {name: t.clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    blob = save(apart, metadata=metadata)
    (size,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8 : 8 + size])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob[8 + size :])


def write_vectors(
    path: Path,
    tokens: list[int],
    trace: Trace,
    captured: int,
    metadata: dict[str, str],
    first_logits: int = 0,
) -> None:
    """Logits from position `first_logits` on, and the layers' values of the first `captured` positions."""
    tensors = {"tokens": torch.tensor(tokens, dtype=torch.int32), "logits": trace.logits[first_logits:]}
    tensors |= {name: value[:captured] for name, value in trace.values.items() if captured}
    metadata = metadata | {
        "captured": str(captured),
        "first_logits": str(first_logits),
        "margin": str(MARGIN),
        "nearest_boundary": f"{trace.nearest:.3g}",
        "boundary_flips": json.dumps(trace.flips),
    }
    save_tensors(tensors, metadata, path)
