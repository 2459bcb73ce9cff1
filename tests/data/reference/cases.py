"""The table of cases. `config` fields and their order are those of the published files."""

from __future__ import annotations

import torch
from families import Case

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
    "vocab_size": 96,
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
    "vocab_size": 93,
}

CASES = [
    Case(
        "bitnet-2b4t",
        "BitNetForCausalLM",
        BITNET_2B | {"quantization_config": OFFLINE},
        torch.bfloat16,
        seed=1,
        prompt_seed=0,
        generation={"bos_token_id": 0, "eos_token_id": [1, 5], "do_sample": True},
    ),
    Case(
        "llama-158",
        "LlamaForCausalLM",
        LLAMA_158,
        torch.bfloat16,
        seed=3,
        prompt_seed=5,
        generation={"bos_token_id": 2, "eos_token_id": [3, 7], "do_sample": True, "temperature": 0.6, "top_p": 0.9},
    ),
]
