"""Reads an exported folder and runs it with numpy alone: the reference for small checks.

`Weights` is the file, `State` the KV cache of some sequences, `step` one token of each.
Linear layers are exact: int8 codes times trits, summed as integers that float32 can hold.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
LAYER_NORMS = ("input_layernorm", "self_attn.attn_sub_norm")
LAYER_NORMS += ("post_attention_layernorm", "mlp.ffn_sub_norm")
LAYER_MATRICES = tuple(f"self_attn.{m}_proj" for m in "qkvo")
LAYER_MATRICES += tuple(f"mlp.{m}_proj" for m in ("gate", "up", "down"))


def read_safetensors(path: Path) -> dict[str, NDArray]:
    """All tensors of a file; bf16 becomes float32, bytes stay bytes."""
    blob = path.read_bytes()
    (size,) = struct.unpack("<Q", blob[:8])
    found = {}
    for name, entry in json.loads(blob[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        start, stop = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            bits = np.frombuffer(blob[start:stop], "<u2").astype(np.uint32) << 16
            values = bits.view(np.float32)
        elif entry["dtype"] == "U8":
            values = np.frombuffer(blob[start:stop], np.uint8)
        else:
            raise ValueError(f"{name}: type {entry['dtype']} is neither BF16 nor U8")
        found[name] = values.reshape(entry["shape"])
    return found


def unpack(rows: NDArray[np.uint8]) -> Floats:
    """Bytes [out / 4, in] to trits [out, in]: bits 2i of byte row r are row r + i * out / 4."""
    quarters = [(rows >> (2 * i)) & 3 for i in range(4)]
    return np.concatenate(quarters).astype(np.float32) - 1


@dataclass
class Weights:
    """The tensors of a folder, ready to use, and its configuration."""

    config: dict
    embedding: Floats  # [vocabulary, hidden]
    final_norm: Floats
    norms: list[dict[str, Floats]]
    matrices: list[dict[str, tuple[Floats, np.float32]]]  # trits [out, in] and their scale

    @staticmethod
    def load(folder: Path) -> Weights:
        """Reads `config.json` and `model.safetensors`."""
        config = json.loads((folder / "config.json").read_text())
        found = read_safetensors(folder / "model.safetensors")
        norms, matrices = [], []
        for index in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{index}."
            norms.append({n: found[f"{prefix}{n}.weight"] for n in LAYER_NORMS})
            matrices.append(
                {
                    m: (
                        unpack(found[f"{prefix}{m}.weight"]),
                        found[f"{prefix}{m}.weight_scale"][0],
                    )
                    for m in LAYER_MATRICES
                }
            )
        embedding = found["model.embed_tokens.weight"]
        return Weights(config, embedding, found["model.norm.weight"], norms, matrices)

    def with_embedding_levels(self, levels: int) -> Weights:
        """The same with each embedding row rounded to -levels..levels, as a device holds it."""
        scale = np.abs(self.embedding).max(-1, keepdims=True) / np.float32(levels)
        rounded = np.round(self.embedding / np.maximum(scale, 1e-12)) * scale
        return Weights(self.config, rounded, self.final_norm, self.norms, self.matrices)


def quantize(x: Floats) -> tuple[Floats, Floats]:
    """int8 codes (as floats) of each row, and the factor that made them."""
    scale = np.float32(127) / np.maximum(np.abs(x).max(-1, keepdims=True), np.float32(1e-5))
    return np.clip(np.round(x * scale), -128, 127), scale


@dataclass
class State:
    """Keys and values [layers, sequences, positions, kv heads, head_dim], and the position."""

    keys: Floats
    values: Floats
    position: int = 0

    @staticmethod
    def empty(config: dict, sequences: int) -> State:
        """Room for the model's whole context."""
        shape = (
            config["num_hidden_layers"],
            sequences,
            config["max_position_embeddings"],
            config["num_key_value_heads"],
            config["hidden_size"] // config["num_attention_heads"],
        )
        return State(np.zeros(shape, np.float32), np.zeros(shape, np.float32))


class Model:
    """One forward pass that reads like the paper."""

    def __init__(self, weights: Weights, device_numbers: bool = False) -> None:
        """`device_numbers`: int8 keys, values and head input too, as the accelerator has them."""
        self.weights = weights
        self.device_numbers = device_numbers
        config = weights.config
        self.head_dim = config["hidden_size"] // config["num_attention_heads"]
        self.turn = config["rope_theta"] ** -(np.arange(0, self.head_dim, 2) / self.head_dim)

    def norm(self, x: Floats, gain: Floats) -> Floats:
        """RMSNorm over the last axis."""
        mean = np.square(x).mean(-1, keepdims=True)
        return x / np.sqrt(mean + np.float32(self.weights.config["rms_norm_eps"])) * gain

    def linear(self, layer: int, name: str, x: Floats) -> Floats:
        """y = (int8 codes x trits) / activation scale * weight scale."""
        trits, scale = self.weights.matrices[layer][name]
        codes, factor = quantize(x)
        return codes @ trits.T / factor * scale

    def rotate(self, x: Floats, position: int) -> Floats:
        """Rotary embedding: element i turns with element i + head_dim / 2."""
        cos = np.cos(position * self.turn).astype(np.float32)
        sin = np.sin(position * self.turn).astype(np.float32)
        low, high = np.split(x, 2, -1)
        return np.concatenate((low * cos - high * sin, high * cos + low * sin), -1)

    def kept(self, x: Floats) -> Floats:
        """Keys or values as the cache keeps them."""
        if not self.device_numbers:
            return x
        codes, factor = quantize(x)
        return codes / factor

    def attention(self, layer: int, x: Floats, state: State) -> Floats:
        """Attention of one token of each sequence to all before it."""
        at, sequences = state.position, len(x)
        query, key, value = (
            self.linear(layer, f"self_attn.{name}_proj", x).reshape(sequences, -1, self.head_dim)
            for name in "qkv"
        )
        state.keys[layer, :, at] = self.kept(self.rotate(key, at))
        state.values[layer, :, at] = self.kept(value)
        keys, values = state.keys[layer, :, : at + 1], state.values[layer, :, : at + 1]
        groups = (sequences, keys.shape[2], -1, self.head_dim)  # query heads by their KV head
        query = self.rotate(query, at).reshape(groups)
        scores = np.einsum("skgd,stkd->skgt", query, keys) / np.sqrt(np.float32(self.head_dim))
        share = np.exp(scores - scores.max(-1, keepdims=True))
        share /= share.sum(-1, keepdims=True)
        return np.einsum("skgt,stkd->skgd", share, values).reshape(sequences, -1)

    def step(self, ids: Ids, state: State) -> Floats:
        """Logits [sequences, vocabulary] after one more token of each sequence."""
        x = self.weights.embedding[ids]
        for layer, norms in enumerate(self.weights.norms):
            seen = self.attention(layer, self.norm(x, norms["input_layernorm"]), state)
            seen = self.norm(seen, norms["self_attn.attn_sub_norm"])
            x = x + self.linear(layer, "self_attn.o_proj", seen)
            inner = self.norm(x, norms["post_attention_layernorm"])
            gate = np.maximum(self.linear(layer, "mlp.gate_proj", inner), 0)
            inner = np.square(gate) * self.linear(layer, "mlp.up_proj", inner)
            inner = self.norm(inner, norms["mlp.ffn_sub_norm"])
            x = x + self.linear(layer, "mlp.down_proj", inner)
        state.position += 1
        x = self.norm(x, self.weights.final_norm)
        if self.device_numbers:
            codes, factor = quantize(x)
            return codes @ self.weights.embedding.T / factor
        return x @ self.weights.embedding.T


def log_softmax(logits: Floats) -> Floats:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def loss(model: Model, rows: list[list[int]]) -> float:
    """Mean loss in nats for each token of `rows` after its first."""
    rows = sorted(rows, key=len)
    total, count = 0.0, 0
    for start in range(0, len(rows), 64):
        group = rows[start : start + 64]
        state = State.empty(model.weights.config, len(group))
        for at in range(len(group[-1]) - 1):
            now = np.array([row[min(at, len(row) - 1)] for row in group])
            logs = log_softmax(model.step(now, state))
            for line, row in zip(logs, group):
                if at + 1 < len(row):
                    total, count = total - float(line[row[at + 1]]), count + 1
    return total / count


def sample(
    model: Model, prompts: list[list[int]], temperature: float, seed: int
) -> Iterator[list[int]]:
    """Continues each prompt to its end token; temperature 0 is greedy."""
    config, rng = model.weights.config, np.random.default_rng(seed)
    limit, end = config["max_position_embeddings"], config["eos_token_id"]
    state, rows = State.empty(config, len(prompts)), [list(prompt) for prompt in prompts]
    for at in range(limit - 1):
        if all(row[-1] == end for row in rows):
            break
        now = np.array([row[min(at, len(row) - 1)] for row in rows])
        logits = model.step(now, state)
        for line, row in zip(logits, rows):
            if len(row) == at + 1 and row[-1] != end:
                row.append(draw(line, temperature, rng))
    yield from rows


def draw(logits: Floats, temperature: float, rng: np.random.Generator) -> int:
    """One token id."""
    if temperature == 0:
        return int(logits.argmax())
    share = np.exp(log_softmax(logits.astype(np.float64) / temperature))
    return int(rng.choice(len(share), p=share / share.sum()))
