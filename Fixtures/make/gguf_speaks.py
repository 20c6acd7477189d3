#!/usr/bin/env python3
"""Does a GGUF file load in llama.cpp, and does it say greedily what a model folder says in transformers? Run by hand.

Needs xllamacpp, torch, transformers. Prints per prompt both continuations, then how many are the same.
"""
import argparse
import json
from pathlib import Path

import torch
import xllamacpp

from check_patched import greedy_words
from language_model import LanguageModel


def server(path):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.warmup = 64, 1, False
    params.cpuparams.n_threads = 2
    return xllamacpp.Server(params)


def continuation(llama, prompt, tokens):
    """Greedy words of llama.cpp."""
    answer = llama.handle_completions(
        {"prompt": prompt, "n_predict": tokens, "temperature": 0, "top_k": 1, "cache_prompt": False})
    answer = json.loads(answer) if isinstance(answer, (str, bytes)) else answer
    return (answer["content"] if "content" in answer else answer["choices"][0]["text"]).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("model", type=Path, help="model folder in Hugging Face layout")
    parser.add_argument("facts", type=Path, help="records in CounterFact's schema")
    parser.add_argument("--limit", type=int, help="only the first N records")
    parser.add_argument("--tokens", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(2)
    lm, llama, same, records = LanguageModel.load(options.model), server(options.gguf), 0, 0
    for record in json.loads(options.facts.read_text())[:options.limit]:
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        with torch.no_grad():
            wanted = greedy_words(lm, prompt, options.tokens)
        said = continuation(llama, prompt, options.tokens)
        same += said == wanted
        records += 1
        print(f"{'same ' if said == wanted else 'OTHER'} {prompt} | {wanted} | {said}")
    print(f"{options.gguf.name}: {same} of {records} the same")


if __name__ == "__main__":
    main()
