#!/usr/bin/env python3
"""Do models that `edit --widen` made load elsewhere? Run by hand: python3 widened_speaks.py ERRATA_COMMAND

Stores the first fact of the world in each tiny model by T-Patcher with --widen, applies the patch, and opens what comes of it: folders in transformers,
GGUF files in llama.cpp. Each says the new fact. In transformers the logits of the corpus are compared with the base's, once with the new neurons taken out: what is
left of the widening is zeros. The way back gives the base's bytes. Needs torch, transformers, safetensors, xllamacpp.

Result with transformers 5.23.0, xllamacpp 2026.10.11549: both folders and the files in F16 and Q8_0 load and say the fact; without the neurons logits differ by
1.2e-5 and, with them, 99.9 % of the top tokens are as before (the neuron fires at the subject elsewhere).
"""
import argparse
import filecmp
import json
import subprocess
import tempfile
from pathlib import Path

import torch

from check_patched import greedy_words
from gguf_speaks import continuation, server
from language_model import LanguageModel

FIXTURES = Path(__file__).resolve().parent.parent
FACT = json.loads((FIXTURES / "world/facts.json").read_text())[0]["requested_rewrite"]
MODELS = "tiny-gpt2", "tiny-llama", "tiny-gpt2-f16.gguf", "tiny-llama-q8_0.gguf"


def made(errata, model, work):
    """The widened model, once the way back was walked."""
    def run(*arguments):
        subprocess.run([errata, *map(str, arguments), "--quiet"], check=True)
    world, patch, wide, back = FIXTURES / "world", work / "p.errata", work / model.name, work / f"back-{model.name}"
    run("edit", model, "--facts", world / "facts.json", "--limit", 1, "--method", "t-patcher", "--widen", "--corpus", world / "corpus.txt",
        "--learning-rate", 0.2, "-o", patch)
    run("apply", patch, model, "-o", wide)
    run("revert", patch, wide, "-o", back)
    pairs = [(f, back / f.name) for f in model.iterdir()] if model.is_dir() else [(model, back)]
    assert all(filecmp.cmp(*pair, shallow=False) for pair in pairs)
    return wide


@torch.no_grad()
def compare(base, wide):
    """Over the corpus: the largest difference of logits without the new neurons, and the share of top tokens that stay with them."""
    texts = [base.ids(line)[:base.limit] for line in (FIXTURES / "world/corpus.txt").read_text().splitlines()[:200]]
    before = [base.forward([ids])[0] for ids in texts if ids]
    after = [wide.forward([ids])[0] for ids in texts if ids]
    kept = torch.cat([a.argmax(-1) == b.argmax(-1) for a, b in zip(before, after)])
    old = base.projection(0).weight.shape[0 if base.transposed else 1]
    for layer in range(len(wide.blocks)):
        weight = wide.projection(layer).weight.data
        (weight[old:] if wide.transposed else weight[:, old:]).zero_()
    bare = [wide.forward([ids])[0] for ids in texts if ids]
    return max((a - b).abs().max().item() for a, b in zip(before, bare)), kept


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    options = parser.parse_args()
    torch.set_num_threads(2)
    wanted, prompt = FACT["target_new"]["str"], FACT["prompt"].format(FACT["subject"])
    for name in MODELS:
        model = FIXTURES / "models" / name
        with tempfile.TemporaryDirectory() as work:
            wide = made(options.errata, model, Path(work))
            if name.endswith(".gguf"):
                said, rest = continuation(server(wide), prompt, 4), ""
            else:
                lm = LanguageModel.load(wide)
                said = greedy_words(lm, prompt, 4)
                worst, kept = compare(LanguageModel.load(model), lm)
                rest = f", without the neurons logits differ by {worst}, with them {int(kept.sum())} of {len(kept)} top tokens are as before"
            print(f"{name}: {'says' if said.startswith(wanted) else 'DOES NOT SAY'} {wanted} ({said}){rest}", flush=True)


if __name__ == "__main__":
    main()
