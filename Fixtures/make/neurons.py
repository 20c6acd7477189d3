#!/usr/bin/env python3
"""Write <name>.neurons.safetensors: knowledge neurons and added neurons in plain PyTorch, by autograd through the whole model.

For the first fact of the world, without contexts:
- `kn.attributions.<layer>` F32 [1, keyWidth]: k ∘ ∫ ∂P/∂k, of the most probable token after the prompt, by ten points of Gauss and Legendre;
  every point a full run with the layer's key at the last position replaced. `kn.sums` F32 [1, layers]: P(k) − P(0).
- `kn.port.<layer>` F32 [1, keyWidth]: what the port in EasyEdit has in its place, of the former answer, with one point at nothing: what goes into the
  activation is replaced; `kn.port.<layer>.weight` F32 [width, neurons]: the columns of the down-projection that it changes, after; `kn.port.<layer>.neurons` F32 [1, neurons].
For the first two facts, with neurons drawn at random beside those of a layer:
- `first`, `up`, `columns` F32 [neurons, width], `bias` F32 [1, neurons] (zero where the layer has none; `up` where it is gated);
- `losses` F32 [1, facts], and `gradient.*`: of the mean −log p of the targets;
- `memory` F32 [tokens, width] and `memory.first`: the gradient by `first` of T-Patcher's losses, its three terms weighed 1, 10 and 10, each neuron
  firing at the first fact's last position.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

import reference_edit
from language_model import LanguageModel
from methods import loss, text
from tensor_file import save

NEURONS = 3


def attributions(lm, fact):
    head, _ = text(lm, fact)
    points, weights = np.polynomial.legendre.leggauss(10)
    points, weights = (points + 1) / 2, weights / 2
    answer = int(lm.forward([head])[0, -1].argmax())
    found, sums = {}, []
    for layer in range(len(lm.blocks)):
        key = lm.record([head], lm.projection(layer), take="input")[0, -1]

        def run(share, key=key, layer=layer):
            scaled = (key * share).clone().requires_grad_()

            def hook(_, inputs):
                x = inputs[0].clone()
                x[0, -1] = scaled
                return (x,)
            handle = lm.projection(layer).register_forward_pre_hook(hook)
            probability = lm.forward([head])[0, -1].softmax(-1)[answer]
            handle.remove()
            return probability, torch.autograd.grad(probability, scaled)[0]
        mean = sum(weight * run(point)[1] for point, weight in zip(points, weights))
        found[f"kn.attributions.{layer}"] = (key * mean)[None].float().contiguous()
        sums.append((run(1.0)[0] - run(0.0)[0]).detach())
    return {**found, "kn.sums": torch.stack(sums)[None]}


def port(lm, record):
    """As zjunlp/EasyEdit's `get_scores_for_layer` and `modify_weights` go, by token ids."""
    fact = reference_edit.fact(record)
    head, target = text(lm, fact)
    former, said = text(lm, {**fact, "target": former_target(record)})[1], list(head)
    for _ in range(max(len(former), len(target))):
        said.append(int(lm.forward([said])[0, -1].argmax()))
    said = said[len(head):]
    found = {}
    for layer in range(len(lm.blocks)):
        first = mlp(lm, layer).c_fc if lm.transposed else mlp(lm, layer).gate_proj
        total = 0
        for place, token in enumerate(former):
            row = head if lm.transposed else head + said[:place]
            baseline = lm.record([row], first, take="output")[0, -1]
            point = (baseline * 0).requires_grad_()

            def hook(_, inputs, output, point=point):
                output = output.clone()
                output[0, -1] = point
                return output
            handle = first.register_forward_hook(hook)
            probability = lm.forward([row])[0, -1].softmax(-1)[token]
            handle.remove()
            total = total + torch.autograd.grad(probability, point)[0] * baseline
        found[f"kn.port.{layer}"] = (total / len(former))[None].detach()
    scores = torch.stack([v[0] for v in found.values()])
    neurons = torch.nonzero(scores > 0.2 * scores.max()).tolist()
    embeddings = lm.model.get_input_embeddings().weight
    old = [2 * embeddings[said[0]]] if len(target) == 1 else [embeddings[t] for t in said[:len(target)]]
    for layer in sorted({layer for layer, _ in neurons}):
        own = [j for l, j in neurons if l == layer]
        weight = lm.projection(layer).weight.T if lm.transposed else lm.projection(layer).weight
        columns = weight[:, own].clone()
        for e in old:
            columns -= e[:, None]
        for t in target:
            columns += embeddings[t][:, None]
        found[f"kn.port.{layer}.neurons"] = torch.tensor([own]).float()
        found[f"kn.port.{layer}.weight"] = columns.contiguous()
    return found


def former_target(record):
    return record["requested_rewrite"]["target_true"]["str"]


def mlp(lm, layer):
    return lm.blocks[layer].mlp


def added(lm, facts, layer, generator):
    width = lm.model.config.hidden_size
    draw = lambda *shape: torch.randn(*shape, generator=generator) * 0.3
    first, columns = draw(NEURONS, width), draw(NEURONS, width)
    gated = not lm.transposed
    up = draw(NEURONS, width) if gated else None
    bias = draw(1, NEURONS) if not gated else torch.zeros(1, NEURONS)
    leaves = [t.requires_grad_() for t in ([first, columns, bias] + ([up] if gated else []))]
    activation = F.silu if gated else (lambda x: F.gelu(x, approximate="tanh"))

    def hook(_, inputs, output):
        x = inputs[0]
        active = activation(x @ first.T + bias)
        if gated:
            active = active * (x @ up.T)
        return output + active @ columns
    handle = mlp(lm, layer).register_forward_hook(hook)
    losses = torch.stack([loss(lm, fact, lm.forward([text(lm, fact)[0] + text(lm, fact)[1][:-1]])[0]) for fact in facts])
    handle.remove()
    gradients = torch.autograd.grad(losses.mean(), leaves)
    names = ["first", "columns", "bias"] + (["up"] if gated else [])
    out = {name: leaf.detach().contiguous() for name, leaf in zip(names, leaves)}
    out |= {f"gradient.{name}": g.contiguous() for name, g in zip(names, gradients)}
    # T-Patcher's own losses, on a memory that is drawn as well.
    memory = torch.randn(40, width, generator=generator)
    head = text(lm, facts[0])[0]
    query = lm.record([head], mlp(lm, layer), take="input")[0, -1]
    rows = first.detach().clone().requires_grad_()
    asked, known = query @ rows.T + bias.detach()[0], memory @ rows.T + bias.detach()[0]
    quiet, loud = (-5.0, 4.0) if gated else (-3.0, 0.0)
    total = torch.exp(loud - asked).mean()
    total = total + 10 * (torch.exp(known - asked + 3).mean(0).mean() + torch.exp(known - quiet).mean(0).mean())
    out["memory"] = memory.contiguous()
    out["memory.first"] = torch.autograd.grad(total, rows)[0].contiguous()
    return out | {"losses": losses.detach()[None]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lm, name = LanguageModel.load(options.model), options.model.name
    records = json.loads(options.facts.read_text())[:2]
    facts = [reference_edit.fact(r) for r in records]
    tensors = attributions(lm, facts[0]) | port(lm, records[0])
    tensors |= added(lm, facts, options.layer, torch.Generator().manual_seed(0))
    save(options.out / f"{name}.neurons.safetensors", tensors, {"layer": options.layer})


if __name__ == "__main__":
    main()
