"""BitNet b1.58 as 1bitLLM published it (bitnet_b1_58-large, -xl and -3B), on transformers' Llama.

Those checkpoints bring their own classes, which current `transformers` no longer runs: `config.json`
says `model_type` "llama", architecture "BitnetForCausalLM". They differ from Llama in three places:
a norm before `o_proj` (`self_attn.inner_attn_ln`), one before `down_proj` (`mlp.ffn_layernorm`), and
linear layers that quantize their weights and inputs whenever they run. The names and the arithmetic
follow the published modeling_bitnet.py and utils_quant.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaMLP, LlamaRMSNorm


def weight_quant(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Trits (as floats) of the whole matrix, and the factor that made them."""
    factor = 1 / weight.float().abs().mean().clamp(min=1e-5)
    return (weight.float() * factor).round().clamp(-1, 1), factor


def activation_quant(x: Tensor, bits: int = 8) -> tuple[Tensor, Tensor]:
    """Codes (as floats) of each token, and the factor that made them."""
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    factor = high / x.abs().max(dim=-1, keepdim=True).values.clamp(min=1e-5)
    return (x * factor).round().clamp(low, high), factor


class OnlineBitLinear(nn.Linear):
    """Master weights; both operands are quantized and scaled back before a plain product."""

    input_bits = 8

    def forward(self, x: Tensor) -> Tensor:
        """y = (codes / s_x) @ (trits / s_w)^T."""
        codes, x_factor = activation_quant(x, self.input_bits)
        trits, w_factor = weight_quant(self.weight)
        return nn.functional.linear(codes / x_factor, trits / w_factor)


class BitnetAttention(LlamaAttention):
    """Llama's attention with a norm between it and `o_proj`."""

    def __init__(self, config: LlamaConfig, layer_idx: int) -> None:
        super().__init__(config, layer_idx)
        self.inner_attn_ln = LlamaRMSNorm(config.hidden_size, eps=config.rms_norm_eps)
        self.o_proj.register_forward_pre_hook(lambda _, args: (self.inner_attn_ln(args[0]),))


class BitnetMLP(LlamaMLP):
    """silu(gate) * up, a norm, then `down_proj`."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        self.ffn_layernorm = LlamaRMSNorm(config.intermediate_size, eps=config.rms_norm_eps)
        self.down_proj.register_forward_pre_hook(lambda _, args: (self.ffn_layernorm(args[0]),))


class BitnetForCausalLM(LlamaForCausalLM):
    """Llama with the three changes; saves and loads under the published names."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__(config)
        for index, layer in enumerate(self.model.layers):
            layer.self_attn = BitnetAttention(config, index)
            layer.mlp = BitnetMLP(config)
            for name, module in list(layer.named_modules()):
                if isinstance(module, nn.Linear):
                    module.__class__ = OnlineBitLinear
                    module.input_bits = config.input_bits
        self.post_init()
