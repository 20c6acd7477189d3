#!/usr/bin/env python3
"""Does a (patched) model say the new facts? Loads the folder in transformers and measures edit records against it.

Per record: whether the new answer beats the old one on the edit's prompt, its paraphrases, and the old one still wins for
neighbors; then the model's own greedy words. Success rates in percent; in brackets: wanted answer comes out greedily.
"""
import argparse
import json
from pathlib import Path

import torch

import measures
from language_model import LanguageModel


@torch.no_grad()
def greedy_words(lm, prompt, tokens):
    ids = lm.ids(prompt)
    for _ in range(tokens):
        ids = ids + [lm.forward([ids])[0, -1].argmax().item()]
    return lm.tokenizer.decode(ids[len(lm.ids(prompt)):]).strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder; a tokenizer.json must be in it")
    parser.add_argument("facts", type=Path, help="records in CounterFact's schema")
    parser.add_argument("--limit", type=int, help="only the first N records")
    parser.add_argument("--tokens", type=int, default=4, help="length of the greedy continuation")
    options = parser.parse_args()
    torch.set_num_threads(2)
    lm = LanguageModel.load(options.model)
    results = []
    for record in json.loads(options.facts.read_text())[:options.limit]:
        rewrite = record["requested_rewrite"]
        prompt = rewrite["prompt"].format(rewrite["subject"])
        results.append(measures.measure(lm, record))
        wanted = f"{rewrite['target_true']['str']} → {rewrite['target_new']['str']}"
        says = greedy_words(lm, prompt, options.tokens)
        print(f"{record['case_id']:3} {wanted:22} {prompt} | {says}\n    {measures.line(results[-1])}")
    print(f"\nmean over {len(results)} records: {measures.line(measures.mean(results))}")


if __name__ == "__main__":
    main()
