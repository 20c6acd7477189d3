#!/usr/bin/env python3
"""Write models/families/: one tiny random model of every family Errata runs, as folders in Hugging Face layout.

Needs torch, transformers, safetensors. No norm weight is 1, no bias 0, and no two dimensions of a model are the same, so that
whatever an implementation leaves out or swaps changes its numbers. Most configurations are written as hubs have them
(`rope_theta`, `torch_dtype`); some as transformers 5 writes them (`rope_parameters`, `dtype`).
"""
import argparse
import json
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM

import tensor_file

FAMILIES = Path(__file__).resolve().parent.parent / "models" / "families"
TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHARED = {"vocab_size": 61, "bos_token_id": 0, "eos_token_id": 0}
CONFIGS = {
    "gpt2": {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_positions": 17, "n_embd": 24, "n_inner": 44, "n_layer": 3,
        "n_head": 4, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-3, "tie_word_embeddings": True,
        "torch_dtype": "bfloat16"},
    "gptj": {
        "model_type": "gptj", "architectures": ["GPTJForCausalLM"], "n_positions": 19, "n_embd": 20, "n_inner": 44, "n_layer": 3,
        "n_head": 2, "rotary_dim": 6, "activation_function": "gelu_new", "layer_norm_epsilon": 1e-3, "tie_word_embeddings": False,
        "torch_dtype": "float32"},
    "gpt_neox": {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "max_position_embeddings": 23, "hidden_size": 32,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 2, "hidden_act": "gelu", "rotary_pct": 0.25,
        "rotary_emb_base": 500, "use_parallel_residual": True, "layer_norm_eps": 1e-3, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16"},
    "gpt_neox-sequential": {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "max_position_embeddings": 23, "hidden_size": 24,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 2, "hidden_act": "gelu_fast",
        "rope_parameters": {"partial_rotary_factor": 0.5, "rope_theta": 200.0, "rope_type": "default"}, "attention_bias": True,
        "use_parallel_residual": False, "layer_norm_eps": 1e-3, "tie_word_embeddings": False, "dtype": "bfloat16"},
    "opt": {
        "model_type": "opt", "architectures": ["OPTForCausalLM"], "max_position_embeddings": 21, "hidden_size": 24,
        "word_embed_proj_dim": 24, "ffn_dim": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "activation_function": "relu",
        "do_layer_norm_before": True, "enable_bias": True, "layer_norm_elementwise_affine": True, "pad_token_id": 1,
        "tie_word_embeddings": True, "torch_dtype": "float16"},
    "llama3": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 256, "hidden_size": 32,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 100.0,
        # Wavelengths 6.3, 19.9, 62.8 and 198.7 against the bounds 8 and 32: one kept, one between, two divided by 8.
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 32},
        "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "llama2": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 29, "hidden_size": 24,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_act": "silu", "rms_norm_eps": 1e-3,
        "rope_theta": 10000.0, "rope_scaling": None, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "mistral": {
        "model_type": "mistral", "architectures": ["MistralForCausalLM"], "max_position_embeddings": 31, "hidden_size": 24,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 1000.0, "rope_type": "default"},
        "sliding_window": 4, "tie_word_embeddings": False, "dtype": "bfloat16"},
    "qwen2": {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "max_position_embeddings": 37, "hidden_size": 24,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
        "rms_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"},
        "layer_types": 3 * ["full_attention"], "use_sliding_window": False, "sliding_window": None, "max_window_layers": 3,
        "tie_word_embeddings": True, "dtype": "bfloat16"},
    # What families leave to a model: an activation without a gate or with one, and biases.
    "gpt_neox-silu": {
        "model_type": "gpt_neox", "architectures": ["GPTNeoXForCausalLM"], "max_position_embeddings": 25, "hidden_size": 20,
        "intermediate_size": 36, "num_hidden_layers": 3, "num_attention_heads": 2, "hidden_act": "silu", "rotary_pct": 0.4,
        "rotary_emb_base": 300, "use_parallel_residual": True, "attention_bias": False, "layer_norm_eps": 1e-3,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "llama-biased": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 27, "hidden_size": 20,
        "intermediate_size": 36, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
        "hidden_act": "gelu", "rms_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 700.0, "rope_type": "linear", "factor": 2.0},
        "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True, "dtype": "bfloat16"},
    "qwen3": {
        "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 41, "hidden_size": 32,
        "intermediate_size": 44, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 900.0, "rope_type": "default"},
        "layer_types": 3 * ["full_attention"], "attention_bias": False, "use_sliding_window": False, "sliding_window": None,
        "max_window_layers": 3, "tie_word_embeddings": True, "dtype": "bfloat16"},
    # Norms around each part, caps low enough to bend, windows on even layers.
    "gemma2": {
        "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"], "max_position_embeddings": 43, "hidden_size": 16,
        "intermediate_size": 28, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
        "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-3, "rope_theta": 300.0,
        "query_pre_attn_scalar": 6, "sliding_window": 4, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0,
        "torch_dtype": "bfloat16"},
    "gemma3": {
        "model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "max_position_embeddings": 45, "hidden_size": 18,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 3, "num_key_value_heads": 1, "head_dim": 10,
        "hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-3, "query_pre_attn_scalar": 10, "sliding_window": 3,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
        "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0},
                            "sliding_attention": {"rope_type": "default", "rope_theta": 60.0}}, "dtype": "bfloat16"},
    "olmo2": {
        "model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"], "max_position_embeddings": 47, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
        "rms_norm_eps": 1e-3, "rope_theta": 400.0, "attention_bias": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    # 16 positions, and ramps of YaRN over the pairs 0 to 3.
    "olmo3": {
        "model_type": "olmo3", "architectures": ["Olmo3ForCausalLM"], "max_position_embeddings": 64, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "silu",
        "rms_norm_eps": 1e-3, "sliding_window": 3,
        "rope_parameters": {"full_attention": {"rope_type": "yarn", "rope_theta": 50.0, "factor": 4.0, "beta_fast": 2.0,
                                               "original_max_position_embeddings": 16, "beta_slow": 0.25},
                            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0}},
        "tie_word_embeddings": False, "dtype": "bfloat16"},
    "smollm3": {
        "model_type": "smollm3", "architectures": ["SmolLM3ForCausalLM"], "max_position_embeddings": 49, "hidden_size": 12,
        "intermediate_size": 20, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 250.0, "no_rope_layer_interval": 4, "attention_bias": False,
        "mlp_bias": False, "use_sliding_window": False, "pad_token_id": 0, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "granite": {
        "model_type": "granite", "architectures": ["GraniteForCausalLM"], "max_position_embeddings": 51, "hidden_size": 12,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "silu",
        "rms_norm_eps": 1e-3, "rope_theta": 150.0, "embedding_multiplier": 3.0, "residual_multiplier": 0.4,
        "attention_multiplier": 0.2, "logits_scaling": 2.5, "attention_bias": True, "mlp_bias": False, "tie_word_embeddings": True,
        "torch_dtype": "bfloat16"},
    "phi": {
        "model_type": "phi", "architectures": ["PhiForCausalLM"], "max_position_embeddings": 53, "hidden_size": 16,
        "intermediate_size": 28, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2,
        "hidden_act": "gelu_new", "layer_norm_eps": 1e-3, "rope_theta": 200.0, "partial_rotary_factor": 0.5, "qk_layernorm": False,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    # All texts here are short for the first, the longest is long for the second.
    "phi3": {
        "model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "max_position_embeddings": 64, "hidden_size": 16,
        "original_max_position_embeddings": 16, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 350.0, "partial_rotary_factor": 0.75,
        "rope_scaling": {"type": "longrope", "short_factor": [1.1, 1.3, 1.7], "long_factor": [1.2, 2.5, 6.0]},
        "sliding_window": 5, "attention_bias": False, "pad_token_id": 0, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "phi3-long": {
        "model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "max_position_embeddings": 64, "hidden_size": 16,
        "original_max_position_embeddings": 8, "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "hidden_act": "silu", "rms_norm_eps": 1e-3,
        "rope_parameters": {"rope_type": "longrope", "rope_theta": 100.0, "partial_rotary_factor": 1.0,
                            "short_factor": [1.1, 1.3, 1.7, 2.0], "long_factor": [1.2, 2.5, 6.0, 7.0]},
        "sliding_window": None, "pad_token_id": 0, "tie_word_embeddings": True, "dtype": "bfloat16"},
    "glm": {
        "model_type": "glm", "architectures": ["GlmForCausalLM"], "max_position_embeddings": 55, "hidden_size": 12,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 180.0, "partial_rotary_factor": 0.5, "attention_bias": True,
        "pad_token_id": 0, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "glm4": {
        "model_type": "glm4", "architectures": ["Glm4ForCausalLM"], "max_position_embeddings": 57, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 12,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "attention_bias": True, "pad_token_id": 0,
        "rope_parameters": {"rope_theta": 170.0, "rope_type": "default", "partial_rotary_factor": 0.5},
        "tie_word_embeddings": False, "dtype": "bfloat16"},
    "ministral3": {
        "model_type": "ministral3", "architectures": ["Ministral3ForCausalLM"], "max_position_embeddings": 24, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "pad_token_id": 0,
        "rope_parameters": {"rope_type": "yarn", "rope_theta": 40.0, "factor": 6.0, "original_max_position_embeddings": 4,
                            "beta_fast": 0.6, "beta_slow": 0.1, "mscale": 1.0, "mscale_all_dim": 0.5, "llama_4_scaling_beta": 0.3},
        "sliding_window": None, "tie_word_embeddings": True, "dtype": "bfloat16"},
    "stablelm": {
        "model_type": "stablelm", "architectures": ["StableLmForCausalLM"], "max_position_embeddings": 59, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "silu",
        "layer_norm_eps": 1e-3, "rope_theta": 220.0, "partial_rotary_factor": 0.25, "use_qkv_bias": True,
        "use_parallel_residual": False, "qk_layernorm": False, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "stablelm-parallel": {
        "model_type": "stablelm", "architectures": ["StableLmForCausalLM"], "max_position_embeddings": 59, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 2, "hidden_act": "silu",
        "layer_norm_eps": 1e-3, "rope_theta": 230.0, "partial_rotary_factor": 0.5, "use_qkv_bias": False,
        "use_parallel_residual": True, "qk_layernorm": False, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    # Norms after each part only; the last layer sees everything and is not turned.
    "exaone4": {
        "model_type": "exaone4", "architectures": ["Exaone4ForCausalLM"], "max_position_embeddings": 62, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 10,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 190.0, "sliding_window": 3, "sliding_window_pattern": 4,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "cohere2": {
        "model_type": "cohere2", "architectures": ["Cohere2ForCausalLM"], "max_position_embeddings": 63, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "hidden_act": "silu",
        "layer_norm_eps": 1e-3, "rope_theta": 240.0, "sliding_window": 3, "logit_scale": 0.3, "attention_bias": False,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "falcon": {
        "model_type": "falcon", "architectures": ["FalconForCausalLM"], "max_position_embeddings": 65, "hidden_size": 16,
        "ffn_hidden_size": 28, "num_hidden_layers": 3, "num_attention_heads": 4, "multi_query": True, "parallel_attn": True,
        "new_decoder_architecture": False, "alibi": False, "bias": False, "layer_norm_epsilon": 1e-3, "rope_theta": 260.0,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "falcon-grouped": {
        "model_type": "falcon", "architectures": ["FalconForCausalLM"], "max_position_embeddings": 66, "hidden_size": 24,
        "ffn_hidden_size": 20, "num_hidden_layers": 3, "num_attention_heads": 6, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1,
        "parallel_attn": True, "new_decoder_architecture": True, "alibi": False, "bias": True, "layer_norm_epsilon": 1e-3,
        "rope_theta": 270.0, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "gpt_bigcode": {
        "model_type": "gpt_bigcode", "architectures": ["GPTBigCodeForCausalLM"], "n_positions": 18, "n_embd": 16, "n_inner": 28,
        "n_layer": 3, "n_head": 4, "multi_query": True, "activation_function": "gelu_pytorch_tanh", "layer_norm_epsilon": 1e-3,
        "scale_attn_weights": True, "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    "starcoder2": {
        "model_type": "starcoder2", "architectures": ["Starcoder2ForCausalLM"], "max_position_embeddings": 67, "hidden_size": 12,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1,
        "hidden_act": "gelu_pytorch_tanh", "norm_epsilon": 1e-3, "rope_theta": 280.0, "sliding_window": 4, "use_bias": True,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16"},
    # Experts: all sizes different, weights of the chosen with and without a sum of 1, one layer without experts.
    "mixtral": {
        "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "max_position_embeddings": 59, "hidden_size": 16,
        "intermediate_size": 20, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6,
        "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 450.0, "sliding_window": None, "num_local_experts": 5,
        "num_experts_per_tok": 2, "output_router_logits": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "qwen3_moe": {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "max_position_embeddings": 62, "hidden_size": 16,
        "intermediate_size": 28, "moe_intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 10, "hidden_act": "silu", "rms_norm_eps": 1e-3, "rope_theta": 550.0,
        "attention_bias": False, "use_sliding_window": False, "sliding_window": None, "max_window_layers": 3, "num_experts": 7,
        "num_experts_per_tok": 3, "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "output_router_logits": False, "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
    "qwen3_moe-mixed": {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "max_position_embeddings": 63, "hidden_size": 12,
        "intermediate_size": 28, "moe_intermediate_size": 8, "num_hidden_layers": 3, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 10, "hidden_act": "silu", "rms_norm_eps": 1e-3,
        "rope_parameters": {"rope_theta": 320.0, "rope_type": "default"}, "attention_bias": False, "use_sliding_window": False,
        "sliding_window": None, "max_window_layers": 3, "num_experts": 6, "num_experts_per_tok": 4, "norm_topk_prob": False,
        "decoder_sparse_step": 1, "mlp_only_layers": [1], "output_router_logits": False, "tie_word_embeddings": True,
        "dtype": "bfloat16"},
    "olmoe": {
        "model_type": "olmoe", "architectures": ["OlmoeForCausalLM"], "max_position_embeddings": 66, "hidden_size": 16,
        "intermediate_size": 12, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_act": "silu",
        "rms_norm_eps": 1e-3, "rope_theta": 260.0, "attention_bias": False, "clip_qkv": None, "num_experts": 6,
        "num_experts_per_tok": 2, "norm_topk_prob": False, "output_router_logits": False, "pad_token_id": 0,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16"},
}


def fill(model, seed):
    """Random weights: projections keep the size of what goes through, embeddings are smaller, norms vary around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = torch.randn(weight.shape, generator=generator)
            if weight.ndim >= 2:
                values *= 0.4 if "wte" in name or "embed" in name else 0.2
            elif name.endswith("bias"):
                values = 0.15 * values
            else:
                # Gemma's norms multiply by 1 + weight.
                values = 0.2 * values + (0 if model.config.model_type.startswith("gemma") else 1)
            weight.copy_(values)


def published(kind, name, weight):
    """A tensor under its published name, or one for each expert of those that transformers holds together."""
    stem, _, last = name.rpartition(".experts.")
    if kind == "mixtral":
        name, stem = name.replace(".mlp.", ".block_sparse_moe."), stem.replace(".mlp", ".block_sparse_moe")
    if not stem:
        return {name: weight}
    names = {"gate_up_proj": ("w1", "w3"), "down_proj": ("w2",)}[last] if kind == "mixtral" else {
        "gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}[last]
    return {f"{stem}.experts.{expert}.{own}.weight": part.contiguous()
            for expert, both in enumerate(weight) for own, part in zip(names, both.chunk(len(names)))}


def write(name, seed, out):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    config = {**CONFIGS[name], **SHARED}
    if name == "opt":
        config["bos_token_id"] = config["eos_token_id"] = 2
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    fill(model, seed)
    stored_type = TYPES[config.get("torch_dtype", config.get("dtype"))]
    # named_parameters leaves out the tied head, as files do.
    weights = {own: part for key, weight in model.named_parameters()
               for own, part in published(config["model_type"], key, weight.detach().to(stored_type).contiguous()).items()}
    tensor_file.save(folder / "model.safetensors", weights, {"format": "pt"})
    _, report = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    problems = {key: value for key, value in report.items() if value}
    print(name, sum(w.numel() for w in weights.values()), "weights", stored_type, problems or "load as they are")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FAMILIES)
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    for seed, name in enumerate(CONFIGS):
        if not options.names or name in options.names:
            write(name, 100 + seed, options.out)


if __name__ == "__main__":
    main()
