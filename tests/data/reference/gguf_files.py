"""GGUF files as the public converters write them, and the models that they describe.

`llama-158` and `bitnet_b1_58` follow llama.cpp's convert_hf_to_gguf.py (`--outtype tq2_0`, `tq1_0`): key
names and their order, tensor names and types, the order of Q's and K's rows. `bitnet-2b4t-i2s` follows
the file that Microsoft published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from bitnet158 import OnlineBitLinear, activation_quant
from families import CLASSES, Case, linears, master_weights, ternary
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter, quants
from safetensors.torch import load_file
from tokenizers_small import CHAT_TEMPLATE, Vocabulary, byte_level, sentence_piece
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.integrations.bitnet import unpack_weights

I2_S, FILE_TYPE_I2_S = 36, 40
# The file's name of each of our names.
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.inner_attn_ln": "attn_sub_norm",
    "self_attn.attn_sub_norm": "attn_sub_norm",
    "mlp.ffn_layernorm": "ffn_sub_norm",
    "mlp.ffn_sub_norm": "ffn_sub_norm",
}


@dataclass(frozen=True)
class GgufCase:
    """One file made from a case's weights."""

    case: Case
    arch: str
    ternary: int  # tensor type of the ternary matrices
    file_type: int
    head: Type = Type.F16  # type of `output.weight`, where there is one


def file_name(name: str) -> str:
    """`model.layers.0.mlp.up_proj.weight` to `blk.0.ffn_up.weight`, and so on."""
    fixed = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem = name.removesuffix(".weight")
    if stem in fixed:
        return fixed[stem] + ".weight"
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{NAMES[rest]}.weight"


def permute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a head from halves to pairs, as ggml's plain RoPE turns neighbours."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def unpermute(rows: np.ndarray, heads: int) -> np.ndarray:
    """The way back."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def heads_of(name: str, config: dict) -> int | None:
    """Heads of a matrix whose rows arch `llama` reorders."""
    if name.endswith("attn_q.weight"):
        return config["num_attention_heads"]
    return config["num_key_value_heads"] if name.endswith("attn_k.weight") else None


def i2_s(trits: np.ndarray, scale: float) -> np.ndarray:
    """x86 layout: 32 bytes hold 128 elements, element 32 j + p in bits 7-2j..6-2j of byte p."""
    groups = (trits.reshape(-1, 4, 32) + 1).astype(np.uint8)
    data = groups[:, 0] << 6 | groups[:, 1] << 4 | groups[:, 2] << 2 | groups[:, 3]
    tail = np.zeros(32, np.uint8)
    tail[:4] = np.frombuffer(np.float32(scale).tobytes(), np.uint8)
    return np.concatenate([data.reshape(-1), tail])


def add_ternary(writer: GGUFWriter, name: str, trits: np.ndarray, scale: float, kind: int) -> None:
    """One matrix."""
    if kind == I2_S:  # the package knows no such type: shape, type and bytes past its checks
        data = i2_s(trits, scale)
        writer.add_tensor_info(name, trits.shape, np.dtype(np.int8), data.nbytes, raw_dtype=I2_S)
        writer.tensors[-1][name].tensor = data
    else:
        values = quants.quantize(trits.astype(np.float32) * np.float32(scale), Type(kind))
        writer.add_tensor(name, values, raw_dtype=Type(kind))


def add_float(writer: GGUFWriter, name: str, value: np.ndarray, head: Type) -> None:
    """Norms in F32, embedding in F16, head in its type."""
    kind = Type.F32 if value.ndim == 1 else head if name == "output.weight" else Type.F16
    if kind == Type.Q8_0:
        writer.add_tensor(name, quants.quantize(value, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, value.astype(np.float32 if kind == Type.F32 else np.float16))


def describe_converted(writer: GGUFWriter, item: GgufCase, vocabulary: Vocabulary) -> None:
    """Keys of convert_hf_to_gguf.py."""
    config = item.case.config
    writer.add_type("model")
    writer.add_name(item.case.name)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(item.file_type)
    writer.add_vocab_size(config["vocab_size"])
    if item.arch == "bitnet":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(1.0)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(vocabulary.tokens)
        writer.add_token_scores(vocabulary.scores)
        writer.add_token_types(vocabulary.types)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(False)
    else:
        writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("llama-bpe")
        writer.add_token_list(vocabulary.tokens)
        writer.add_token_types(vocabulary.types)
        writer.add_token_merges(vocabulary.merges)
        writer.add_bos_token_id(vocabulary.tokens.index("<|begin_of_text|>"))
        writer.add_eos_token_id(vocabulary.tokens.index("<|eot_id|>"))
        writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_quantization_version(2)


def describe_microsoft(writer: GGUFWriter, item: GgufCase, vocabulary: Vocabulary) -> None:
    """Keys of microsoft/bitnet-b1.58-2B-4T-gguf; it names no pre-tokenizer."""
    config = item.case.config
    writer.add_name("bitnet2b")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_add_bos_token(True)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_file_type(item.file_type)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_scores(vocabulary.scores)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(vocabulary.tokens.index("<|begin_of_text|>"))
    writer.add_eos_token_id(vocabulary.tokens.index("<|end_of_text|>"))
    writer.add_pad_token_id(vocabulary.tokens.index("<|end_of_text|>"))
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_quantization_version(2)


def write_gguf(item: GgufCase, path: Path, folder: Path | None) -> Vocabulary:
    """One file, from the case's folder if it has one, else from its drawn weights."""
    config = item.case.config
    writer = GGUFWriter(path, item.arch)
    make = sentence_piece if item.arch == "bitnet" else byte_level
    vocabulary = make(config["vocab_size"])
    describe = describe_microsoft if item.ternary == I2_S else describe_converted
    describe(writer, item, vocabulary)
    for name, value in tensors(item.case, folder):
        if isinstance(value, tuple):
            trits, scale = value[0].numpy(), float(value[1])
            heads = heads_of(file_name(name), config) if item.arch == "llama" else None
            trits = permute(trits, heads) if heads else trits
            add_ternary(writer, file_name(name), trits, scale, item.ternary)
        else:
            add_float(writer, file_name(name), value.float().numpy(), item.head)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return vocabulary


def tensors(case: Case, folder: Path | None) -> list[tuple[str, Tensor | tuple[Tensor, Tensor]]]:
    """Names with values: trits and multiplier of ternary matrices, all others as they are."""
    if folder:
        found = load_file(folder / "model.safetensors")
    else:
        config = case.make_config()
        config.__dict__.pop("quantization_config", None)
        found = master_weights(CLASSES[case.architecture][1](config).to(case.dtype), case)
    listed = []
    for name, value in sorted(found.items()):
        if value.dtype == torch.uint8:
            scale = found[name.replace(".weight", ".weight_scale")]
            listed.append((name, (unpack_weights(value, torch.int8), scale)))
        elif name.endswith("_proj.weight"):
            listed.append((name, ternary(value, inverse=False)))
        elif not name.endswith("_scale"):
            listed.append((name, value))
    return listed


class DequantizedBitLinear(OnlineBitLinear):
    """Weights are used as they are: a GGUF file holds them ternary already."""

    def forward(self, x: Tensor) -> Tensor:
        """y = (codes / s_x) @ W^T."""
        codes, factor = activation_quant(x, self.input_bits)
        return nn.functional.linear(codes / factor, self.weight)


def load_gguf(item: GgufCase, path: Path) -> PreTrainedModel:
    """The model that the file describes, in float32: `gguf` unpacks it, `transformers` runs it."""
    config = item.case.make_config()
    config.__dict__.pop("quantization_config", None)
    config._attn_implementation = "eager"
    model = CLASSES[item.case.architecture][1](config)
    for module in linears(model).values():
        module.__class__ = DequantizedBitLinear
    stored = {t.name: quants.dequantize(t.data, t.tensor_type) for t in GGUFReader(path).tensors}
    found = {}
    for name in model.state_dict():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            value = stored["token_embd.weight"]
        else:
            value = stored.pop(file_name(name)) if "embed" not in name else stored[file_name(name)]
        heads = heads_of(file_name(name), item.case.config) if item.arch == "llama" else None
        value = unpermute(value, heads) if heads else value
        found[name] = torch.from_numpy(np.array(value, np.float32))
    assert set(stored) == {"token_embd.weight"}, f"left over: {sorted(stored)}"
    model.load_state_dict(found)
    return model.float().eval()


def write_tokenizations(path: Path, found: list[dict]) -> None:
    """One text a line."""
    lines = ",\n".join("  " + json.dumps(entry, ensure_ascii=False) for entry in found)
    path.write_text(f"[\n{lines}\n]\n")
