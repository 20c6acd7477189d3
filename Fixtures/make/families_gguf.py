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

ARCHITECTURES = {"gpt2": "GPT2", "gpt_neox": "GPTNEOX", "llama3": "LLAMA", "llama2": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3",
                 "gemma2": "GEMMA2", "gemma3": "GEMMA3", "olmo2": "OLMO2", "olmo3": "OLMO2", "smollm3": "SMOLLM3",
                 "granite": "GRANITE", "phi": "PHI2", "phi3": "PHI3", "phi3-long": "PHI3", "glm": "CHATGLM", "glm4": "GLM4",
                 "ministral3": "MISTRAL3", "stablelm": "STABLELM", "stablelm-parallel": "STABLELM", "exaone4": "EXAONE4",
                 "cohere2": "COHERE2", "falcon": "FALCON", "falcon-grouped": "FALCON", "gpt_bigcode": "STARCODER",
                 "starcoder2": "STARCODER2", "mixtral": "LLAMA", "qwen3_moe": "QWEN3MOE", "olmoe": "OLMOE"}
# The converter puts halves of rotary pairs side by side.
PAIRED = {"llama", "mixtral", "smollm3", "granite", "ministral3"}
LAYER_KEYS = ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon")
FILE_TYPES = {"F32": gguf.LlamaFileType.ALL_F32, "BF16": gguf.LlamaFileType.MOSTLY_BF16}


def turned(name, weight, config):
    """The array in llama.cpp's orientation and order of rows; `name` is the folder model's."""
    kind, heads = config["model_type"], config.get("num_attention_heads")
    if kind == "gpt2" and weight.ndim == 2 and ".h." in name:
        return weight.T
    if kind in ("gpt_neox", "falcon") and "query_key_value" in name:
        # From queries, key, value per key head to all queries, all keys, all values.
        groups = config.get("num_kv_heads", 1) if kind == "falcon" else heads
        parts = weight.reshape(groups, heads // groups + 2, -1, *weight.shape[1:])
        split = parts[:, :-2], parts[:, -2:-1], parts[:, -1:]
        return np.concatenate([part.reshape(-1, *weight.shape[1:]) for part in split])
    if kind in PAIRED and "q_proj" in name:
        return permuted(weight, heads).reshape(weight.shape)
    if kind in PAIRED and "k_proj" in name:
        return permuted(weight, config.get("num_key_value_heads", heads)).reshape(weight.shape)
    if kind.startswith("gemma") and name.endswith("norm.weight"):
        return weight + 1
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


def add_sizes(writer, config):
    def first(*keys, default=None):
        return next((config[key] for key in keys if config.get(key) is not None), default)

    width, heads = first("hidden_size", "n_embd"), first("num_attention_heads", "n_head")
    writer.add_block_count(first("num_hidden_layers", "n_layer"))
    writer.add_context_length(first("max_position_embeddings", "n_positions"))
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(first("intermediate_size", "n_inner", "ffn_hidden_size"))
    writer.add_head_count(heads)
    if config["model_type"] not in ("gpt2", "gpt_neox"):
        one = config.get("multi_query") and not config.get("new_decoder_architecture")
        writer.add_head_count_kv(first("num_key_value_heads", "num_kv_heads", default=1 if one else heads))
    return config.get("head_dim") or width // heads


def add_norms_and_heads(writer, config):
    if "use_parallel_residual" in config:
        writer.add_parallel_residual(config["use_parallel_residual"])
    if "rms_norm_eps" in config:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    else:
        writer.add_layer_norm_eps(next(config[key] for key in LAYER_KEYS if key in config))
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])


def add_rotary(writer, config, head_width):
    """Bases, shares and ways to stretch; nothing for learned positions."""
    parameters = {**config, **(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    parts = parameters.get("full_attention", parameters)
    base = parts.get("rope_theta", config.get("rotary_emb_base"))
    if base is None:
        return
    share = parameters.get("rotary_pct", parameters.get("partial_rotary_factor"))
    if share is not None:
        writer.add_rope_dimension_count(int(share * head_width))
    writer.add_rope_freq_base(base)
    if "sliding_attention" in parameters and config["model_type"].startswith("gemma"):
        writer.add_float32(f"{writer.arch}.rope.freq_base_swa", parameters["sliding_attention"]["rope_theta"])
    scaling = parts.get("rope_type", parts.get("type"))
    if scaling in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(scaling))
        writer.add_rope_scaling_factor(parts["factor"])
    if scaling == "yarn":
        writer.add_rope_scaling_orig_ctx_len(parts["original_max_position_embeddings"])
        writer.add_float32(f"{writer.arch}.rope.scaling.yarn_beta_fast", parts["beta_fast"])
        writer.add_float32(f"{writer.arch}.rope.scaling.yarn_beta_slow", parts["beta_slow"])
        if "mscale_all_dim" in parts:
            writer.add_rope_scaling_yarn_log_mul(parts["mscale_all_dim"])
    if scaling == "longrope":
        longer, original = config["max_position_embeddings"], config["original_max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(longer / original) / math.log(original)))


def add_windows(writer, config):
    if not config.get("sliding_window"):
        return
    writer.add_sliding_window(config["sliding_window"])
    layers = config["num_hidden_layers"]
    if "layer_types" in config:
        writer.add_sliding_window_pattern([kind == "sliding_attention" for kind in config["layer_types"]])
    elif config["model_type"] in ("olmo3", "exaone4"):
        writer.add_sliding_window_pattern([layer % 4 < 3 for layer in range(layers)])


def add_factors(writer, config):
    kind = config["model_type"]
    if kind == "granite":
        writer.add_embedding_scale(config["embedding_multiplier"])
        writer.add_residual_scale(config["residual_multiplier"])
        writer.add_attention_scale(config["attention_multiplier"])
        writer.add_logit_scale(config["logits_scaling"])
    if kind == "cohere2":
        writer.add_logit_scale(config["logit_scale"])
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    if kind == "ministral3":
        writer.add_float32(f"{writer.arch}.attention.temperature_scale", config["rope_parameters"]["llama_4_scaling_beta"])


def add_metadata(writer, name, config, kind):
    writer.add_name(f"families-{name}")
    writer.add_file_type(FILE_TYPES[kind])
    head_width = add_sizes(writer, config)
    add_rotary(writer, config, head_width)
    add_norms_and_heads(writer, config)
    add_windows(writer, config)
    add_factors(writer, config)
    if config.get("num_experts_per_tok"):
        writer.add_expert_count(config.get("num_local_experts", config.get("num_experts")))
        writer.add_expert_used_count(config["num_experts_per_tok"])
        if "moe_intermediate_size" in config:
            writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    if config["model_type"] in ("llama", "mixtral"):
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


def together(tensors):
    """The tensors of a layer's experts as one each, under the name without a number."""
    stacks = {}
    for name, weight in tensors:
        stem, mark, rest = name.partition(".experts.")
        if not mark:
            yield name, weight
            continue
        expert, own = rest.split(".", 1)
        stacks.setdefault(f"{stem}.experts.{own}", {})[int(expert)] = weight
    for name, parts in stacks.items():
        yield name, np.stack([parts[expert] for expert in range(len(parts))])


def write(name, kind, path):
    folder = FAMILIES / name
    config = json.loads((folder / "config.json").read_text())
    architecture = gguf.MODEL_ARCH[ARCHITECTURES[name]]
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    add_metadata(writer, name, config, kind)
    names = gguf.get_tensor_name_map(architecture, 4)
    tensors = [(names.get_name(key, try_suffixes=(".weight", ".bias")), turned(key, weight, config))
               for key, weight in together(read(folder))]
    if (config.get("rope_scaling") or {}).get("rope_type") == "llama3":
        tensors.append(("rope_freqs.weight", rotary_factors(config, config["head_dim"])))
    longrope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    for length in "long", "short":
        if f"{length}_factor" in longrope:
            tensors.append((f"rope_factors_{length}.weight", np.array(longrope[f"{length}_factor"], "<f4")))
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
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    for name in options.names or ARCHITECTURES:
        write(name, options.kind, options.out / f"{name}.gguf")


if __name__ == "__main__":
    main()
