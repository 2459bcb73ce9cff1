"""The training-time network: BitNet b1.58 with quantization in the loop.

Forward passes see what the exported model computes: ternary weights (absmean), int8
activations (absmax of each token), embedding rows rounded to 81 levels. Gradients pass
straight through the rounding to float master weights.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5  # of RMSNorm, and the least absmax and absmean
EMBED_LEVELS = 40.0  # a row of the embedding has 2 * 40 + 1 levels: 4 balanced ternary digits


@dataclass(frozen=True)
class Shape:
    """The model's dimensions, under the names that `config.json` gives them."""

    vocab_size: int = 768
    hidden_size: int = 256
    num_hidden_layers: int = 4
    num_attention_heads: int = 8
    num_key_value_heads: int = 2
    intermediate_size: int = 768
    max_position_embeddings: int = 384
    rope_theta: float = 10000.0
    rms_norm_eps: float = EPS

    @property
    def head_dim(self) -> int:
        """Elements of one head."""
        return self.hidden_size // self.num_attention_heads

    def fields(self) -> dict[str, int | float]:
        """The dimensions as a dictionary."""
        return asdict(self)


def through(x: Tensor, rounded: Tensor) -> Tensor:
    """`rounded` in the forward pass, the gradient of `x` in the backward pass."""
    return x + (rounded - x).detach()


def quantize_activation(x: Tensor) -> Tensor:
    """int8 by the absmax of each token (last axis), as floats."""
    scale = 127.0 / x.detach().abs().amax(-1, keepdim=True).clamp(min=EPS)
    return through(x, (x * scale).round().clamp(-128, 127) / scale)


def ternary(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes in {-1, 0, 1} and the scale that multiplies them, by the mean of |weight|."""
    scale = weight.abs().mean().clamp(min=EPS)
    return (weight / scale).round().clamp(-1, 1), scale


def quantize_weight(weight: Tensor) -> Tensor:
    """The ternary weight, as floats."""
    codes, scale = ternary(weight.detach())
    return through(weight, codes * scale)


def embedding_codes(rows: Tensor, levels: float = EMBED_LEVELS) -> tuple[Tensor, Tensor]:
    """Codes in -levels..levels and the scale of each row, by the absmax of the row."""
    scale = rows.abs().amax(-1, keepdim=True).clamp(min=EPS) / levels
    return (rows / scale).round(), scale


def rms_norm(x: Tensor, gain: Tensor) -> Tensor:
    """RMSNorm over the last axis."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * gain


def rope_tables(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines, [positions, head_dim / 2] each."""
    half = torch.arange(0, shape.head_dim, 2, device=device) / shape.head_dim
    angle = torch.arange(shape.max_position_embeddings, device=device)[:, None] * (
        shape.rope_theta**-half
    )
    return angle.cos(), angle.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding: element i turns with element i + head_dim / 2."""
    low, high = x.chunk(2, -1)
    return torch.cat((low * cos - high * sin, high * cos + low * sin), -1)


class Layer(nn.Module):
    """One decoder layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, inner = shape.hidden_size, shape.intermediate_size
        kv_width = shape.num_key_value_heads * shape.head_dim
        outs = {"q": (width, width), "k": (kv_width, width), "v": (kv_width, width)}
        outs |= {"o": (width, width), "gate": (inner, width), "up": (inner, width)}
        outs |= {"down": (width, inner)}
        self.weights = nn.ParameterDict(
            {name: nn.Parameter(torch.randn(size) * size[1] ** -0.5) for name, size in outs.items()}
        )
        norms = {"input": width, "attn_sub": width, "post": width, "ffn_sub": inner}
        # The branches start small, so that tokens are not drowned in the residual stream.
        starts = {"attn_sub": 0.25, "ffn_sub": 0.25}
        self.gains = nn.ParameterDict(
            {k: nn.Parameter(torch.full((n,), starts.get(k, 1.0))) for k, n in norms.items()}
        )

    def linear(self, x: Tensor, *names: str) -> Tensor:
        """The named matrices, one below the other, times the quantized `x`."""
        weight = torch.cat([quantize_weight(self.weights[name]) for name in names])
        return F.linear(quantize_activation(x), weight)

    def attention(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """Causal grouped-query attention over [batch, tokens, width]."""
        batch, tokens, width = x.shape
        heads, kv_heads = self.shape.num_attention_heads, self.shape.num_key_value_heads
        packed = self.linear(x, "q", "k", "v").view(batch, tokens, -1, self.shape.head_dim)
        q, k, v = packed.transpose(1, 2).split((heads, kv_heads, kv_heads), 1)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (t.repeat_interleave(heads // kv_heads, 1) for t in (k, v))
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        out = out.transpose(1, 2).reshape(batch, tokens, width)
        return self.linear(rms_norm(out, self.gains["attn_sub"]), "o")

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[batch, tokens, width] to the same."""
        x = x + self.attention(rms_norm(x, self.gains["input"]), cos, sin)
        both = self.linear(rms_norm(x, self.gains["post"]), "gate", "up")
        gate, up = both.chunk(2, -1)
        inner = F.relu(gate).square() * up
        return x + self.linear(rms_norm(inner, self.gains["ffn_sub"]), "down")


class Network(nn.Module):
    """Token ids to logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        # All rows share a part: without biases, that is what attention by position builds on.
        rows = torch.randn(shape.vocab_size, shape.hidden_size) + torch.randn(shape.hidden_size)
        self.embedding = nn.Parameter(rows * 0.25)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))
        self.final_gain = nn.Parameter(torch.full((shape.hidden_size,), 0.25))
        cos, sin = rope_tables(shape, torch.device("cpu"))
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits [batch, tokens, vocabulary] of ids [batch, tokens]."""
        codes, scale = embedding_codes(self.embedding.detach())
        table = through(self.embedding, codes * scale)
        x = F.embedding(ids, table)
        cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, cos, sin)
        x = quantize_activation(rms_norm(x, self.final_gain))
        return F.linear(x, table)

    def loss(self, ids: Tensor) -> Tensor:
        """Mean cross-entropy in nats of ids [batch, tokens + 1]; id -1 is padding."""
        logits, targets = self(ids[:, :-1].clamp(min=0)), ids[:, 1:]
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
