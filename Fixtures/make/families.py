#!/usr/bin/env python3
"""Write models/families/: one tiny random model of every family Errata runs, as folders in Hugging Face layout.

Needs torch, transformers, safetensors. No norm weight is 1, no bias 0, and no two dimensions of a model are the same, so that
whatever an implementation leaves out or swaps changes its numbers. Most configurations are written as hubs have them
(`rope_theta`, `torch_dtype`); three as transformers 5 writes them (`rope_parameters`, `dtype`).
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
}


def fill(model, seed):
    """Random weights: projections keep the size of what goes through, embeddings are smaller, norms vary around 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = torch.randn(weight.shape, generator=generator)
            if weight.ndim == 2:
                values *= 0.4 if "wte" in name or "embed" in name else 0.2
            else:
                values = 0.15 * values if name.endswith("bias") else 1 + 0.2 * values
            weight.copy_(values)


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
    weights = {key: weight.detach().to(stored_type).contiguous() for key, weight in model.named_parameters()}
    tensor_file.save(folder / "model.safetensors", weights, {"format": "pt"})
    _, report = AutoModelForCausalLM.from_pretrained(
        folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True)
    problems = {key: value for key, value in report.items() if value}
    print(name, sum(w.numel() for w in weights.values()), "weights", stored_type, problems or "load as they are")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FAMILIES)
    out = parser.parse_args().out
    for seed, name in enumerate(CONFIGS):
        write(name, 100 + seed, out)


if __name__ == "__main__":
    main()
