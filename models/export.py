"""Writes a trained network as a Hugging Face folder, in the format of BitNet b1.58 2B-4T."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from network import Network, Shape, embedding_codes, ternary

# The file's name of each matrix and each norm of a layer.
MATRICES = {
    "q": "self_attn.q_proj",
    "k": "self_attn.k_proj",
    "v": "self_attn.v_proj",
    "o": "self_attn.o_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
    "down": "mlp.down_proj",
}
NORMS = {
    "input": "input_layernorm",
    "attn_sub": "self_attn.attn_sub_norm",
    "post": "post_attention_layernorm",
    "ffn_sub": "mlp.ffn_sub_norm",
}


def pack(codes: Tensor) -> Tensor:
    """Codes -1, 0, 1 of [out, in] as bytes [out / 4, in].

    Bits 2i of byte row r hold 1 + the code of output row r + i * out / 4.
    """
    quarters = (codes + 1).to(torch.uint8).chunk(4)
    return sum(quarter << (2 * i) for i, quarter in enumerate(quarters))


def tensors(network: Network) -> dict[str, Tensor]:
    """Every tensor of the file. The embedding is stored on its 81 levels."""
    codes, scale = embedding_codes(network.embedding)
    found = {"model.embed_tokens.weight": codes * scale, "model.norm.weight": network.final_gain}
    for index, layer in enumerate(network.layers):
        prefix = f"model.layers.{index}."
        for name, norm in NORMS.items():
            found[f"{prefix}{norm}.weight"] = layer.gains[name]
        for name, matrix in MATRICES.items():
            codes, scale = ternary(layer.weights[name])
            found[f"{prefix}{matrix}.weight"] = pack(codes)
            found[f"{prefix}{matrix}.weight_scale"] = scale.reshape(1)
    return {
        name: (t if t.dtype == torch.uint8 else t.bfloat16()).cpu().contiguous()
        for name, t in found.items()
    }


def config(shape: Shape, begin: int, end: int) -> dict[str, object]:
    """`config.json`."""
    return {
        "architectures": ["BitNetForCausalLM"],
        "model_type": "bitnet",
        **shape.fields(),
        "head_dim": shape.head_dim,
        "hidden_act": "relu2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "tie_word_embeddings": True,
        "use_cache": True,
        "bos_token_id": begin,
        "eos_token_id": end,
        "torch_dtype": "bfloat16",
        "quantization_config": {
            "quant_method": "bitnet",
            "linear_class": "autobitlinear",
            "quantization_mode": "offline",
        },
    }


def write_json(path: Path, content: dict[str, object]) -> None:
    """Indented JSON with a newline at its end."""
    path.write_text(json.dumps(content, indent=2) + "\n")


@torch.no_grad()
def write(network: Network, tokenizer: Tokenizer, folder: Path) -> None:
    """Writes the whole folder."""
    folder.mkdir(parents=True, exist_ok=True)
    begin, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    save_file(tensors(network), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", config(network.shape, begin, end))
    write_json(
        folder / "generation_config.json",
        {"bos_token_id": begin, "eos_token_id": end, "do_sample": True, "temperature": 0.8},
    )
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "add_bos_token": True,
            "clean_up_tokenization_spaces": False,
            "model_max_length": network.shape.max_position_embeddings,
        },
    )
