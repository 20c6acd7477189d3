#!/usr/bin/env python3
"""Write the tiny models as GGUF, as llama.cpp's converter writes such models: names, orientation, rotary permutation.

Needs numpy, torch (to read BF16), safetensors, gguf; the K-quants are made by ggml itself, in the xllamacpp package.
"""
import argparse
import json
from pathlib import Path

import gguf
import numpy as np
from safetensors import safe_open

import ggml

MODELS = Path(__file__).resolve().parent.parent / "models"
GPT2_NAMES = {"attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output", "ln_1": "attn_norm", "ln_2": "ffn_norm",
              "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
LLAMA_NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
               "self_attn.o_proj": "attn_output", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
               "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOP_NAMES = {"transformer.wte": "token_embd", "transformer.wpe": "position_embd", "transformer.ln_f": "output_norm",
             "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def read(folder):
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            yield from ((name, file.get_tensor(name).float().numpy()) for name in file.keys())


def permuted(weight, heads):
    """Rows of each head from (first half, second half) to pairs, which is how llama.cpp turns them."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def renamed(name, weight, config):
    """Name, array as GGUF has them."""
    stem, kind = name.rsplit(".", 1)
    if stem in TOP_NAMES:
        return f"{TOP_NAMES[stem]}.{kind}", weight
    parts = stem.split(".")
    layer, inner = parts[2], ".".join(parts[3:])
    if config["model_type"] == "gpt2":
        # Conv1D stores input × output; the converter turns it.
        weight = weight.T if inner in GPT2_NAMES and weight.ndim == 2 else weight
        return f"blk.{layer}.{GPT2_NAMES[inner]}.{kind}", weight
    if inner == "self_attn.q_proj":
        weight = permuted(weight, config["num_attention_heads"])
    if inner == "self_attn.k_proj":
        weight = permuted(weight, config["num_key_value_heads"])
    return f"blk.{layer}.{LLAMA_NAMES[inner]}.{kind}", weight


def place(name):
    """The order of llama.cpp's files: embeddings, blocks, output."""
    parts = name.split(".")
    return (1, int(parts[1]), name) if parts[0] == "blk" else (0 if "embd" in name else 2, 0, name)


def element_type(name, weight, kind):
    """Small tensors and positions stay F32, as in the converter."""
    if weight.ndim == 1 or name.startswith("position_embd"):
        return "F32"
    if kind != "Q4_K":
        return kind
    if weight.shape[-1] % 256:
        return "Q8_0" if name.startswith(("output", "token_embd")) else "Q5_0"
    return "Q6_K" if name.startswith("blk.0") or name.startswith("blk.3") else "Q4_K"


def add_metadata(writer, config, tokenizer, kind):
    writer.add_name(f"tiny-{config['model_type']}")
    writer.add_file_type(gguf.LlamaFileType[{"F16": "MOSTLY_F16", "Q8_0": "MOSTLY_Q8_0", "Q4_K": "MOSTLY_Q4_K_M"}[kind]])
    if config["model_type"] == "gpt2":
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_feed_forward_length(config["n_inner"])
        writer.add_block_count(config["n_layer"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_vocab_size(config["vocab_size"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_head_count(config["num_attention_heads"])
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_rope_dimension_count(config["head_dim"])
        writer.add_rope_freq_base(config["rope_theta"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    words = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].get)
    special = {token["content"] for token in tokenizer["added_tokens"] if token["special"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.CONTROL if w in special else gguf.TokenType.NORMAL for w in words])
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def write(model, kind, path):
    folder = MODELS / model
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(path, config["model_type"])
    add_metadata(writer, config, json.loads((folder / "tokenizer.json").read_text()), kind)
    tensors = sorted((renamed(name, weight, config) for name, weight in read(folder)), key=lambda t: place(t[0]))
    for name, weight in tensors:
        weight, own = np.ascontiguousarray(weight), element_type(name, weight, kind)
        if own in ("F32", "F16"):
            writer.add_tensor(name, weight.astype({"F32": "<f4", "F16": "<f2"}[own]))
        else:
            writer.add_tensor(name, ggml.quantize(weight, own), raw_dtype=gguf.GGMLQuantizationType[own])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=MODELS)
    out = parser.parse_args().out
    for model, kind in (("tiny-gpt2", "F16"), ("tiny-llama", "F16"), ("tiny-llama", "Q8_0"), ("tiny-llama", "Q4_K")):
        write(model, kind, out / f"{model}-{kind.lower()}.gguf")


if __name__ == "__main__":
    main()
