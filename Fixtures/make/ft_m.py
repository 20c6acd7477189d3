#!/usr/bin/env python3
"""Write <name>.ft-m.safetensors: FT-M in plain PyTorch, by autograd through the whole model.

The loss is that of EasyEdit (`models/ft/ft_main.py`, `objective_optimization: target_new`): prompts and targets as one padded batch,
cross entropy of the shifted labels, masked but for the targets' tokens, the mean over each row's and then over the rows. For the first
facts of the world, without contexts, with Adam and no weight decay, on one layer:
- `losses` F32 [steps, facts]: before each step.
- `gradient`, `effect` F32 [tokens, width]: the first gradient, and the change of the weight after the last step, on the keys of all tokens of
  prompt and target but the last, in the order of the facts.
"""
import argparse
import json
from pathlib import Path

import torch
from torch.nn import CrossEntropyLoss

import reference_edit
from language_model import LanguageModel, pad
from methods import text
from tensor_file import save

FACTS, STEPS = 3, 6


def masked_loss(lm, rows, masks):
    """Mean cross entropy of each row over the tokens that its mask keeps."""
    logits = lm.forward(rows)[:, :-1]
    labels, mask = pad(rows)[:, 1:], pad(masks)[:, 1:]
    losses = CrossEntropyLoss(reduction="none")(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))
    losses = losses.view(labels.shape)
    return (losses * mask).sum(1) / mask.sum(1)


def train(lm, facts, layer, rate):
    rows, masks = [], []
    for head, target in (text(lm, fact) for fact in facts):
        rows.append(head + target)
        masks.append([0] * len(head) + [1] * len(target))
    keys = lm.record(rows, lm.projection(layer), take="input")
    keys = torch.cat([keys[i, :len(row) - 1] for i, row in enumerate(rows)])
    weight = lm.projection(layer).weight
    start = weight.detach().clone()
    weight.requires_grad_()
    optimizer, curve, first = torch.optim.Adam([weight], rate, weight_decay=0), [], None
    for _ in range(STEPS):
        losses = masked_loss(lm, rows, masks)
        curve.append(losses.detach())
        optimizer.zero_grad()
        losses.mean().backward()
        first = weight.grad.clone() if first is None else first
        optimizer.step()
    change = weight.detach() - start
    to_output = (lambda m: keys @ m) if lm.transposed else (lambda m: keys @ m.T)
    return torch.stack(curve), to_output(first), to_output(change)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lm, name = LanguageModel.load(options.model), options.model.name
    facts = [reference_edit.fact(r) for r in json.loads(options.facts.read_text())[:FACTS]]
    losses, gradient, effect = train(lm, facts, options.layer, options.rate)
    print(losses.mean(1))
    save(options.out / f"{name}.ft-m.safetensors",
         {"losses": losses, "gradient": gradient.contiguous(), "effect": effect.contiguous()},
         {"layer": options.layer, "rate": options.rate, "facts": facts})


if __name__ == "__main__":
    main()
