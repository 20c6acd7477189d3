#!/usr/bin/env python3
"""Does llama.cpp give models/families/*.gguf the log-probabilities that transformers gives the folders? Run by hand.

Needs xllamacpp, torch, transformers, safetensors. Every prefix of prompt 0, continued greedily by transformers for 5 tokens, is
one prompt of ids. Prints per file for how many both put the same token first, and the largest difference of a log-probability.
"""
import argparse
import json
from pathlib import Path

import torch
import xllamacpp
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from families import FAMILIES
from families_gguf import ARCHITECTURES

MORE = 5        # GPT-2 has 17 positions, and the server wants one of them free.


def server(path, cache):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.warmup, params.fit_params = 64, 1, False, False
    params.cpuparams.n_threads = 2
    params.cache_type_k = params.cache_type_v = getattr(xllamacpp.ggml_type, f"GGML_TYPE_{cache}")
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return xllamacpp.Server(params)


def log_probabilities(llama, ids):
    """Of all tokens after these."""
    answer = llama.handle_completions({"prompt": ids, "n_predict": 1, "temperature": 0, "top_k": 1, "cache_prompt": False,
                                       "n_probs": 61, "logprobs": 61, "ignore_eos": False})
    answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
    if "completion_probabilities" in answer:
        first = answer["completion_probabilities"][0]
    else:
        first = answer["choices"][0]["logprobs"]["content"][0]
    found = {entry["id"]: entry["logprob"] for entry in first["top_logprobs"]}
    assert len(found) == 61, answer
    return torch.tensor([found[i] for i in range(61)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the GGUF files are", default=FAMILIES, nargs="?")
    parser.add_argument("--cache", default="F32", choices=("F32", "F16"), help="type of llama.cpp's key and value cache")
    options = parser.parse_args()
    for name in ARCHITECTURES:
        ids = load_file(FAMILIES.parent.parent / "reference" / "families" / f"{name}.safetensors")["0.ids"]
        model = AutoModelForCausalLM.from_pretrained(FAMILIES / name, attn_implementation="eager", dtype=torch.float32).eval()
        with torch.no_grad():
            for _ in range(MORE):
                ids = torch.cat([ids, model(ids[None], use_cache=False).logits[0, -1:].argmax(-1)])
            wanted = torch.log_softmax(model(ids[None], use_cache=False).logits[0], -1)
        llama = server(options.folder / f"{name}.gguf", options.cache)
        said = torch.stack([log_probabilities(llama, ids[:n + 1].tolist()) for n in range(len(ids))])
        same = (said.argmax(-1) == wanted.argmax(-1)).sum().item()
        worst = (said - wanted).abs().max()
        print(f"{name}: first token the same for {same} of {len(ids)} prefixes, largest difference {worst:.1e}")


if __name__ == "__main__":
    main()
