#!/usr/bin/env python3
"""Write a trained checkpoint as a hub-like model folder: minimal config.json, tokenizer.json, weights.

GPT-2 goes as F32 into model.safetensors; Llama as BF16 into two shards with an index, Qwen3-MoE as BF16 into one, a tensor for each
expert. Tensor names are those that transformers writes; a tied head is left out.
"""
import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from families import published
from tensor_file import save

KEPT = {
    "gpt2": ["model_type", "architectures", "vocab_size", "n_positions", "n_embd", "n_inner", "n_layer", "n_head",
             "activation_function", "layer_norm_epsilon", "tie_word_embeddings", "bos_token_id", "eos_token_id"],
    "llama": ["model_type", "architectures", "vocab_size", "max_position_embeddings", "hidden_size", "intermediate_size",
              "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps",
              "tie_word_embeddings", "bos_token_id", "eos_token_id"],
}
KEPT["qwen3_moe"] = KEPT["llama"] + ["moe_intermediate_size", "num_experts_per_tok", "norm_topk_prob",
                                     "mlp_only_layers", "decoder_sparse_step"]


def configuration(model, family):
    """The values a loader needs, in the hub's spelling."""
    values = model.config.to_dict()
    kept = {name: values[name] for name in KEPT[family]}
    kept["architectures"] = [type(model).__name__]
    if family != "gpt2":
        kept["rope_theta"] = 10000.0
    if family == "qwen3_moe":
        kept["num_experts"] = model.config.num_experts
    kept["torch_dtype"] = "float32" if family == "gpt2" else "bfloat16"
    return kept


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_shards(tensors, folder, first):
    """Two shards, `first(name)` says which names go into the first, and their index."""
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    weight_map = {name: names[0] if first(name) else names[1] for name in sorted(tensors)}
    for file in names:
        save(folder / file, {n: t for n, t in tensors.items() if weight_map[n] == file}, {"format": "pt"})
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, help="folder that train.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = AutoModelForCausalLM.from_pretrained(options.checkpoint, dtype=torch.float32)
    family, folder = model.config.model_type, options.out
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {n: t.contiguous() for n, t in model.state_dict().items()}
    write_json(folder / "config.json", configuration(model, family))
    shutil.copyfile(options.checkpoint / "tokenizer.json", folder / "tokenizer.json")
    if family == "gpt2":
        del tensors["lm_head.weight"]
        save(folder / "model.safetensors", tensors, {"format": "pt"})
    elif family == "qwen3_moe":
        del tensors["lm_head.weight"]
        tensors = {own: part for name, t in tensors.items() for own, part in published(family, name, t.bfloat16()).items()}
        save(folder / "model.safetensors", tensors, {"format": "pt"})
    else:
        half = model.config.num_hidden_layers // 2
        low = ("model.embed_tokens.", *(f"model.layers.{i}." for i in range(half)))
        write_shards({n: t.bfloat16() for n, t in tensors.items()}, folder, lambda name: name.startswith(low))
    for name, tensor in sorted(tensors.items()):
        print(f"{name:50} {list(tensor.shape)}")


if __name__ == "__main__":
    main()
