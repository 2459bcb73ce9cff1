"""The table of cases. `config` fields and their order are those of the published files."""

from __future__ import annotations

import torch
from families import Case
from gguf import GGMLQuantizationType as Type
from gguf_files import FILE_TYPE_I2_S, I2_S, GgufCase

OFFLINE = {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "offline"}

BITNET_2B = {  # microsoft/bitnet-b1.58-2B-4T
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_act": "relu2",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 96,
    "max_position_embeddings": 128,
    "model_type": "bitnet",
    "rms_norm_eps": 1e-05,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 72,
}

BITNET_2B_CODE = {
    "AutoConfig": "configuration_bitnet.BitNetConfig",
    "AutoModelForCausalLM": "modeling_bitnet.BitNetForCausalLM",
}

LLAMA_158 = {  # HF1BitLLM/Llama3-8B-1.58-100B-tokens
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 100,
    "max_position_embeddings": 128,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "quantization_config": {"modules_to_not_convert": None, "quant_method": "bitnet"},
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 69,
}

FALCON3 = {  # tiiuae/Falcon3-1B-Instruct-1.58bit; the sizes keep 3B's 3 query heads a KV head
    "attention_bias": False,
    "attention_dropout": 0.0,
    "eos_token_id": 11,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 96,
    "initializer_range": 0.02,
    "intermediate_size": 60,
    "is_bitnet_config": True,
    "max_position_embeddings": 128,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 3,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "pretraining_tp": 1,
    "quantization_config": {"modules_to_not_convert": ["lm_head"], "quant_method": "bitnet"},
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 1000042,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 67,
}

FALCON_E = FALCON3 | {  # tiiuae/Falcon-E-1B-Base
    "bos_token_id": 1,
    "head_dim": 8,
    "hidden_size": 64,
    "intermediate_size": 72,
    "num_attention_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_theta": 1000000,
    "vocab_size": 64,
}

BITNET_LARGE = {  # 1bitLLM/bitnet_b1_58-large
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 48,
    "initializer_range": 0.02,
    "input_bits": 8,
    "intermediate_size": 20,
    "max_position_embeddings": 64,
    "model_type": "llama",
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
    "num_key_value_heads": 2,
    "pad_token_id": 32,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "float16",
    "use_cache": True,
    "vocab_size": 50,
    "weight_bits": 1,
}

MISTRAL = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 16,
    "hidden_size": 48,
    "intermediate_size": 40,
    "max_position_embeddings": 64,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "quantization_config": {"quant_method": "bitnet"},
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "sliding_window": 5,
    "tie_word_embeddings": False,
    "vocab_size": 70,
}

CASES = [
    Case(
        "bitnet-2b4t",
        "BitNetForCausalLM",
        {"auto_map": BITNET_2B_CODE} | BITNET_2B | {"quantization_config": OFFLINE},
        torch.bfloat16,
        seed=1,
        prompt_seed=10,
        generation={"bos_token_id": 0, "eos_token_id": [1, 5], "do_sample": True},
    ),
    Case(
        "llama-158",
        "LlamaForCausalLM",
        LLAMA_158,
        torch.bfloat16,
        seed=3,
        prompt_seed=4,
        generation={
            "bos_token_id": 2,
            "eos_token_id": [3, 7],
            "do_sample": True,
            "temperature": 0.6,
            "top_p": 0.9,
        },
    ),
    Case(
        "bitnet-2b4t-master",
        "BitNetForCausalLM",
        BITNET_2B
        | {
            "hidden_size": 48,
            "intermediate_size": 40,
            "num_attention_heads": 3,
            "num_hidden_layers": 1,
            "num_key_value_heads": 1,
            "quantization_config": OFFLINE | {"quantization_mode": "online"},
            "vocab_size": 80,
        },
        torch.bfloat16,
        seed=2,
        prompt_seed=2,
        packed=False,
    ),
    Case(
        "bitnet_b1_58-large",
        "BitnetForCausalLM",
        BITNET_LARGE,
        torch.float32,
        seed=4,
        prompt_seed=0,
        packed=False,
    ),
    Case(
        "bitnet_b1_58-3B",
        "BitnetForCausalLM",
        BITNET_LARGE
        | {
            "hidden_size": 60,
            "intermediate_size": 28,
            "num_attention_heads": 3,
            "num_key_value_heads": 3,
            "vocab_size": 67,
        },
        torch.float16,
        seed=9,
        prompt_seed=1,
        packed=False,
    ),
    Case(
        "falcon3",
        "LlamaForCausalLM",
        FALCON3,
        torch.bfloat16,
        seed=6,
        prompt_seed=1,
        shard="25KB",
    ),
    Case("falcon-e", "LlamaForCausalLM", FALCON_E, torch.bfloat16, seed=7, prompt_seed=1),
    Case(
        "mistral-window",
        "MistralForCausalLM",
        MISTRAL,
        torch.bfloat16,
        seed=8,
        prompt_seed=1,
        tokens=20,
        captured=6,
        new_style=True,
    ),
]

WIDE = LLAMA_158 | {  # rows of 256, which ggml's ternary types need
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_attention_heads": 8,
    "num_hidden_layers": 1,
    "num_key_value_heads": 1,
    "vocab_size": 80,
}
WIDE_BITNET = BITNET_LARGE | {
    "hidden_size": 256,
    "intermediate_size": 256,
    "num_attention_heads": 8,
    "num_key_value_heads": 1,
    "pad_token_id": 22,
    "vocab_size": 23,
}

GGUF_CASES = [
    GgufCase(
        Case(
            "llama-158-wide",
            "LlamaForCausalLM",
            WIDE,
            torch.bfloat16,
            seed=20,
            prompt_seed=2,
            captured=0,
        ),
        arch="llama",
        ternary=Type.TQ2_0,
        file_type=37,
        head=Type.Q8_0,
    ),
    GgufCase(
        Case(
            "bitnet_b1_58-wide",
            "BitnetForCausalLM",
            WIDE_BITNET,
            torch.float16,
            seed=21,
            prompt_seed=0,
            captured=0,
        ),
        arch="bitnet",
        ternary=Type.TQ1_0,
        file_type=36,
    ),
    GgufCase(CASES[0], arch="bitnet-b1.58", ternary=I2_S, file_type=FILE_TYPE_I2_S),
]
