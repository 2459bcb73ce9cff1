"""The cases: one row each, and how a row becomes a folder in the published format."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from bitnet158 import BitnetForCausalLM
from torch import Tensor, nn
from transformers import (
    BitNetConfig,
    BitNetForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)
from transformers.integrations.bitnet import pack_weights, replace_with_bitnet_linear
from transformers.utils.quantization_config import BitNetQuantConfig

CLASSES = {
    "BitNetForCausalLM": (BitNetConfig, BitNetForCausalLM),
    "BitnetForCausalLM": (LlamaConfig, BitnetForCausalLM),
    "LlamaForCausalLM": (LlamaConfig, LlamaForCausalLM),
    "MistralForCausalLM": (MistralConfig, MistralForCausalLM),
}


@dataclass(frozen=True)
class Case:
    """One folder. `config` is `config.json` as published, less what every case has."""

    name: str
    architecture: str
    config: dict
    dtype: torch.dtype  # of the file's float tensors
    seed: int  # of the weights
    prompt_seed: int  # of the tokens; the first one from 0 on that meets `quiet`
    quiet: bool = True  # no value within the margin of a rounding boundary
    tokens: int = 16
    captured: int = 6  # positions of which the layers' values are stored
    layers_stored: bool = True
    packed: bool = True  # trits in bytes with weight_scale; else master weights
    shard: str | None = None  # largest shard
    new_style: bool = False  # config.json as transformers 5 writes it
    generation: dict | None = None

    def make_config(self):
        """The configuration object of the architecture."""
        config_class, _ = CLASSES[self.architecture]
        fields = {k: v for k, v in self.config.items() if k not in ("model_type", "torch_dtype")}
        quantization = fields.pop("quantization_config", None)
        config = config_class(**fields)
        if quantization:
            fields = {k: v for k, v in quantization.items() if k != "quant_method"}
            config.quantization_config = BitNetQuantConfig(**fields)
        return config


def master_weights(model: PreTrainedModel, case: Case) -> dict[str, Tensor]:
    """Every parameter by name, in the file's type, drawn in the order of the names.

    A linear layer's weights have deviation 1/sqrt(inputs), those of Q and K 1.5 times that; gains are
    around 1; the head's rows give logits a deviation of about 2.5. About 31 % of the trits are 0.
    """
    draw = torch.Generator().manual_seed(case.seed)
    found = {}
    for name, like in sorted(model.named_parameters()):
        value = torch.randn(like.shape, generator=draw)
        if name.endswith(("layernorm.weight", "norm.weight", "_ln.weight")):
            value = (0.3 * value).exp()
        elif name == "lm_head.weight" or (
            name == "model.embed_tokens.weight" and model.config.tie_word_embeddings
        ):
            value = value * (2.5 / math.sqrt(like.shape[1]))
        elif name != "model.embed_tokens.weight":
            peak = 1.5 if "q_proj" in name or "k_proj" in name else 1.0
            value = value * (peak / math.sqrt(like.shape[1]))
        value = value.to(case.dtype)
        found[name] = torch.where(value.half().to(case.dtype) == value, value, 0)  # F16 holds it too
    return found


def ternary(weight: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
    """Trits of a matrix and its scale in the file's type: mean magnitude, or 1 over it."""
    mean = weight.float().abs().mean().clamp(min=1e-5)
    trits = (weight.float() / mean).round().clamp(-1, 1)
    return trits, (1 / mean if inverse else mean).reshape(1).to(weight.dtype)


def pack(model: PreTrainedModel, weights: dict[str, Tensor], inverse: bool) -> dict[str, Tensor]:
    """The same tensors with each ternary matrix as bytes and its `weight_scale`."""
    found = {}
    for name, value in weights.items():
        if name.endswith("_proj.weight"):
            trits, scale = ternary(value, inverse)
            found[name] = pack_weights(trits)
            found[name.replace(".weight", ".weight_scale")] = scale
        else:
            found[name] = value
    return found


def write_json(path: Path, content: dict) -> None:
    """Indented JSON with a newline at its end."""
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_folder(case: Case, folder: Path) -> None:
    """config.json, generation_config.json and the weights, by `save_pretrained`."""
    config = case.make_config()
    quantization = config.__dict__.pop("quantization_config", None)
    model = CLASSES[case.architecture][1](config).to(case.dtype)
    weights = master_weights(model, case)
    if case.packed:
        inverse = quantization.linear_class == "bitlinear"
        weights = pack(model, weights, inverse)
        # BitLinear holds the packed bytes, whichever class is to run them.
        replace_with_bitnet_linear(model, modules_to_not_convert=["lm_head"])
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights, assign=True)
    model.tie_weights()
    if quantization:
        model.config.quantization_config = quantization
    model.save_pretrained(folder, max_shard_size=case.shard or "5GB")
    if not case.new_style:
        write_json(folder / "config.json", {"architectures": [case.architecture], **case.config})
    (folder / "generation_config.json").unlink(missing_ok=True)
    if case.generation:
        write_json(folder / "generation_config.json", case.generation)


def load(folder: Path, architecture: str) -> PreTrainedModel:
    """The model as `transformers` loads the folder, in float32 with eager attention."""
    model_class = CLASSES[architecture][1]
    model = model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
    )
    # Of a packed checkpoint, transformers leaves norms and embedding in the file's type.
    return nn.Module.float(model).eval()


def linears(model: PreTrainedModel) -> dict[str, nn.Module]:
    """The ternary layers by name."""
    return {n: m for n, m in model.named_modules() if n.endswith("_proj")}
