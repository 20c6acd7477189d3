#!/usr/bin/env python3
"""Write <name>.trace.safetensors: ROME's causal tracing in plain PyTorch, one whole forward pass for each restored place.

As `experiments/causal_trace.py` of kmeng01/rome does it: one clean prompt and ten with noise on the subject's embeddings side by side; at
one token and one block, or a window of blocks, the noisy runs get the clean run's activation; the score is the mean probability of the
answer's first token. The noise is that of `Formats/trace.md`. `--time` prints processor seconds for each fact.

- `deviation` F64 [1, 1]: three times the standard deviation of the subjects' embeddings, of all facts.
- `clean`, `corrupted` F64 [facts, 1]; `hidden-I`, `mlp-I`, `attention-I` F64 [tokens from the subject's first on, layers] of fact I.
"""
import argparse
import json
import math
import time
from pathlib import Path

import torch

from language_model import LanguageModel
from tensor_file import save

FACTS, SAMPLES, SEED = 2, 10, 0
MASK = (1 << 64) - 1


def draw(index, seed):
    """SplitMix64's number `index`."""
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def noise(count, sample, deviation, seed=SEED):
    """Normal numbers by Box and Muller."""
    out = []
    for i in range(count):
        place = 2 * (sample * count + i)
        radius = ((draw(place, seed) >> 11) + 1) / 2**53
        angle = (draw(place + 1, seed) >> 11) / 2**53
        out.append(deviation * math.sqrt(-2 * math.log(radius)) * math.cos(2 * math.pi * angle))
    return torch.tensor(out, dtype=torch.float64).float()


class Fact:
    """A prompt as tokens, the subject's among them, and the answer's."""

    def __init__(self, lm, record):
        rewrite = record["requested_rewrite"]
        before = rewrite["prompt"].split("{}")[0]
        self.prompt = rewrite["prompt"].replace("{}", rewrite["subject"])
        start, end = len(before), len(before) + len(rewrite["subject"])
        encoded = lm.tokenizer.encode(self.prompt)
        self.tokens = encoded.ids
        inside = [i for i, (a, b) in enumerate(encoded.offsets) if a < end and b > start]
        self.subject = range(inside[0], inside[-1] + 1)
        self.answer = lm.ids(self.prompt + " " + rewrite["target_true"]["str"])[len(self.tokens):]

    def is_known(self, lm):
        logits = lm.forward([self.tokens + self.answer[:-1]])[0]
        said = logits[len(self.tokens) - 1:].argmax(-1).tolist()
        return said == self.answer


def modules(lm, kind, layer):
    block = lm.blocks[layer]
    if kind == "hidden":
        return block
    if kind == "mlp":
        return block.mlp
    return block.attn if lm.transposed else block.self_attn


def trace(lm, fact, restored, numbers):
    """Mean p(answer) of the noisy runs, with the clean activation at (token, module) for each of `restored`."""
    def corrupt(_, __, output):
        output = output.clone()
        output[1:, fact.subject.start:fact.subject.stop] += numbers
        return output

    def restore(token):
        def hook(_, __, output):
            x = output[0] if isinstance(output, tuple) else output
            x = x.clone()
            x[1:, token] = x[0, token]
            return (x, *output[1:]) if isinstance(output, tuple) else x
        return hook
    embedding = lm.model.get_input_embeddings()
    handles = [embedding.register_forward_hook(corrupt)]
    handles += [module.register_forward_hook(restore(token)) for token, module in restored]
    with torch.no_grad():
        logits = lm.model(torch.tensor([fact.tokens] * (1 + SAMPLES)), use_cache=False).logits
    for handle in handles:
        handle.remove()
    p = torch.softmax(logits[:, -1].double(), -1)[:, fact.answer[0]]
    return p[0].item(), p[1:].mean().item()


def window(layer, size, count):
    return range(max(0, layer - size // 2), min(count, layer + (size + 1) // 2))


def trace_all(lm, fact, deviation, size):
    """Clean and corrupted score, and one for each kind, token from the subject's first on, and layer."""
    layers, width = len(lm.blocks), lm.model.get_input_embeddings().weight.shape[1]
    count = len(fact.subject) * width
    numbers = torch.stack([noise(count, s, deviation).view(-1, width) for s in range(SAMPLES)])
    clean, corrupted = trace(lm, fact, [], numbers)
    found = {}
    for kind in ("hidden", "mlp", "attention"):
        rows = []
        for token in range(fact.subject.start, len(fact.tokens)):
            row = []
            for layer in range(layers):
                blocks = [layer] if kind == "hidden" else window(layer, size, layers)
                row.append(trace(lm, fact, [(token, modules(lm, kind, b)) for b in blocks], numbers)[1])
            rows.append(row)
        found[kind] = torch.tensor(rows, dtype=torch.float64)
    return clean, corrupted, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--count", type=int, default=FACTS, help="facts that are traced")
    parser.add_argument("--window", type=int, default=2, help="blocks restored together (ROME's ten are all of a small model)")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--out", type=Path, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lm, name = LanguageModel.load(options.model), options.model.name
    facts = [Fact(lm, record) for record in json.loads(options.facts.read_text())]
    embedding = lm.model.get_input_embeddings().weight
    subjects = [t for fact in facts for t in fact.tokens[fact.subject.start:fact.subject.stop]]
    deviation = 3 * embedding[subjects].double().std().item()
    out = {"deviation": torch.tensor([[deviation]], dtype=torch.float64)}
    chosen = [i for i, fact in enumerate(facts) if fact.is_known(lm)][:options.count]
    print("known", chosen, "deviation", deviation)
    scores = []
    for place, index in enumerate(chosen):
        begin = time.process_time()
        clean, corrupted, found = trace_all(lm, facts[index], deviation, options.window)
        if options.time:
            print(f"fact {index}: {time.process_time() - begin:.1f} s")
        scores.append((clean, corrupted))
        print(facts[index].prompt, clean, corrupted, {k: round(v.max().item(), 4) for k, v in found.items()})
        out.update({f"{kind}-{place}": rows for kind, rows in found.items()})
    out["clean"] = torch.tensor([[c] for c, _ in scores], dtype=torch.float64)
    out["corrupted"] = torch.tensor([[c] for _, c in scores], dtype=torch.float64)
    if options.out:
        save(options.out / f"{name}.trace.safetensors", out, {"facts": chosen, "window": options.window})


if __name__ == "__main__":
    main()
