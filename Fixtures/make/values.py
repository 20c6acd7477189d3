#!/usr/bin/env python3
"""Write <name>.values.safetensors: loss curves and values of value optimization, one step at a time by autograd.

For the first three facts in the world's contexts, at one layer, per target (`memit`: the block's output, `rome`: the
feed-forward's) the losses of every step F32 [facts, steps], NaN after a fact is learned, the starts h0 and the values
h0 + offset F32 [facts, width]. The offset of the last step is kept, as published.
"""
import argparse
import json
from pathlib import Path

import torch

import reference_edit
from language_model import LanguageModel
from tensor_file import save

FACTS, STEPS = 3, 8


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--clamp", type=float, required=True)
    parser.add_argument("--rome-clamp", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lm, name = LanguageModel.load(options.model), options.model.name
    facts = [reference_edit.fact(r) for r in json.loads(options.facts.read_text())[:FACTS]]
    contexts = json.loads(options.contexts.read_text())
    tensors, settings = {}, {**reference_edit.SETTINGS, "steps": STEPS, "learning_rate": options.learning_rate}
    for target, module, clamp in (("memit", lm.blocks[options.layer], options.clamp),
                                  ("rome", lm.blocks[options.layer].mlp, options.rome_clamp)):
        settings[f"{target}_clamp"] = clamp
        curves, values, offsets = [], [], []
        for fact in facts:
            curve = []
            value, offset, _ = reference_edit.optimize_value(lm, fact, contexts, module, {**settings, "clamp": clamp}, curve)
            curves.append(curve + [float("nan")] * (STEPS - len(curve)))
            values.append(value)
            offsets.append(offset)
        tensors[f"{target}.losses"] = torch.tensor(curves)
        tensors[f"{target}.values"] = torch.stack(values)
        tensors[f"{target}.starts"] = torch.stack(values) - torch.stack(offsets)
        print(target, tensors[f"{target}.losses"])
    del settings["clamp"]
    save(options.out / f"{name}.values.safetensors", tensors,
         {"layer": options.layer, "settings": settings, "facts": facts, "contexts": contexts})


if __name__ == "__main__":
    main()
