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

EMBEDDING = 0.05  # deviation of the embedding

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
    quiet: bool = True  # no value within the margin of a rounding boundary: required, not found
    tokens: int = 16
    captured: int = 4  # positions of which the layers' values are stored
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
    around 1; embeddings are small, so that the norms' eps shows; logits deviate by about 2.5 (for which
    the last gain is larger where the embedding is the head). About 31 % of the trits are 0.
    """
    draw = torch.Generator().manual_seed(case.seed)
    tied, hidden = model.config.tie_word_embeddings, model.config.hidden_size
    found = {}
    for name, like in sorted(model.named_parameters()):
        value = torch.randn(like.shape, generator=draw)
        if like.dim() == 1:
            value = (0.3 * value).exp()
            if name == "model.norm.weight" and tied:
                value = value * (2.5 / EMBEDDING / math.sqrt(hidden))
        elif name == "model.embed_tokens.weight":
            value = value * EMBEDDING
        else:
            peak = {"q_proj": 1.5, "k_proj": 1.5, "lm_head": 2.5}.get(name.split(".")[-2], 1.0)
            value = value * (peak / math.sqrt(like.shape[1]))
        value = value.to(case.dtype)
        if case.dtype == torch.bfloat16:  # GGUF files hold some of it as F16: only what both can
            value = torch.where(value.half().to(case.dtype) == value, value, 0)
        found[name] = value
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
    model, report = model_class.from_pretrained(
        folder,
        dtype=torch.float32,
        attn_implementation="eager",
        local_files_only=True,
        output_loading_info=True,
    )
    assert not any(report.values()), f"{folder}: {report}"
    # Of a packed checkpoint, transformers leaves norms and embedding in the file's type.
    return nn.Module.float(model).eval()


def linears(model: PreTrainedModel) -> dict[str, nn.Module]:
    """The ternary layers by name."""
    return {n: m for n, m in model.named_modules() if n.endswith("_proj")}
