#!/usr/bin/env python3
"""Write models/families/NAME.gguf for the families that llama.cpp runs, as its converter would write them.

Needs numpy, torch (to read BF16), safetensors, gguf. In three places the converter would lose something and this script does not:
it writes GPT-2's feed-forward length as 4 × width, no rotary base for NeoX, and takes Llama 3's original context from the top of
the configuration only (8192 if it is not there).
"""
import argparse
import json
import math
from pathlib import Path

import gguf
import numpy as np

from families import FAMILIES
from gguf_models import element_type, permuted, place, read

ARCHITECTURES = {"gpt2": gguf.MODEL_ARCH.GPT2, "gpt_neox": gguf.MODEL_ARCH.GPTNEOX, "llama3": gguf.MODEL_ARCH.LLAMA,
                 "llama2": gguf.MODEL_ARCH.LLAMA, "qwen2": gguf.MODEL_ARCH.QWEN2, "qwen3": gguf.MODEL_ARCH.QWEN3}
FILE_TYPES = {"F32": gguf.LlamaFileType.ALL_F32, "BF16": gguf.LlamaFileType.MOSTLY_BF16}


def turned(name, weight, config):
    """The array in llama.cpp's orientation and order of rows; `name` is the folder model's."""
    kind, heads = config["model_type"], config.get("num_attention_heads")
    if kind == "gpt2" and weight.ndim == 2 and ".h." in name:
        return weight.T
    if kind == "gpt_neox" and "query_key_value" in name:
        # From one (q, k, v) per head to all q, all k, all v.
        return weight.reshape(heads, 3, -1, *weight.shape[1:]).swapaxes(0, 1).reshape(weight.shape)
    if kind == "llama" and "q_proj" in name:
        return permuted(weight, heads)
    if kind == "llama" and "k_proj" in name:
        return permuted(weight, config.get("num_key_value_heads", heads))
    return weight


def rotary_factors(config, head_width):
    """What divides each frequency under Llama 3's scaling."""
    scaling = config["rope_scaling"]
    factor, low, high = scaling["factor"], scaling["low_freq_factor"], scaling["high_freq_factor"]
    factors = []
    for i in range(0, head_width, 2):
        turns = scaling["original_max_position_embeddings"] / (2 * math.pi * config["rope_theta"] ** (i / head_width))
        smooth = min(max((turns - low) / (high - low), 0), 1)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, "<f4")


def add_metadata(writer, name, config, kind):
    writer.add_name(f"families-{name}")
    writer.add_file_type(FILE_TYPES[kind])
    if config["model_type"] == "gpt2":
        writer.add_block_count(config["n_layer"])
        writer.add_context_length(config["n_positions"])
        writer.add_embedding_length(config["n_embd"])
        writer.add_feed_forward_length(config["n_inner"])
        writer.add_head_count(config["n_head"])
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        heads = config["num_attention_heads"]
        head_width = config.get("head_dim") or config["hidden_size"] // heads
        writer.add_block_count(config["num_hidden_layers"])
        writer.add_context_length(config["max_position_embeddings"])
        writer.add_embedding_length(config["hidden_size"])
        writer.add_feed_forward_length(config["intermediate_size"])
        writer.add_head_count(heads)
        if config["model_type"] == "gpt_neox":
            writer.add_rope_dimension_count(int(config["rotary_pct"] * head_width))
            writer.add_rope_freq_base(config["rotary_emb_base"])
            writer.add_parallel_residual(config["use_parallel_residual"])
            writer.add_layer_norm_eps(config["layer_norm_eps"])
        else:
            writer.add_head_count_kv(config.get("num_key_value_heads", heads))
            writer.add_rope_freq_base((config.get("rope_parameters") or config)["rope_theta"])
            writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
            if "head_dim" in config:
                writer.add_key_length(head_width)
                writer.add_value_length(head_width)
            if config["model_type"] == "llama":
                writer.add_vocab_size(config["vocab_size"])
                writer.add_rope_dimension_count(head_width)
    # A tokenizer there must be; nobody speaks these words.
    letters = [chr(first + i) for first in (ord("a"), ord("A")) for i in range(26)]
    pairs = ["a b", "c d", "e f", "g h", "i j", "k l"]
    words = ["<|endoftext|>", "Ċ", "Ġ", *letters, *(pair.replace(" ", "") for pair in pairs)]
    assert len(words) == config["vocab_size"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([gguf.TokenType.CONTROL] + 60 * [gguf.TokenType.NORMAL])
    writer.add_token_merges(pairs)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def write(name, kind, path):
    folder = FAMILIES / name
    config = json.loads((folder / "config.json").read_text())
    architecture = ARCHITECTURES[name]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    add_metadata(writer, name, config, kind)
    names = gguf.get_tensor_name_map(architecture, 3)
    tensors = [(names.get_name(key, try_suffixes=(".weight", ".bias")), turned(key, weight, config))
               for key, weight in read(folder)]
    if (config.get("rope_scaling") or {}).get("rope_type") == "llama3":
        tensors.append(("rope_freqs.weight", rotary_factors(config, config["head_dim"])))
    for key, weight in sorted(tensors, key=lambda t: place(t[0])):
        own = gguf.GGMLQuantizationType[element_type(key, weight, kind)]
        weight = np.ascontiguousarray(weight, "<f4")
        stored = weight if own.name == "F32" else gguf.quants.quantize(weight, own)
        assert (gguf.quants.dequantize(stored, own) == weight).all(), f"{key} is not exact in {own.name}"
        writer.add_tensor(key, stored, raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(path.name, path.stat().st_size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=FAMILIES)
    parser.add_argument("--kind", choices=FILE_TYPES, default="BF16", help="of matrices; what converts exactly is kept exactly")
    options = parser.parse_args()
    for name in ARCHITECTURES:
        write(name, options.kind, options.out / f"{name}.gguf")


if __name__ == "__main__":
    main()
