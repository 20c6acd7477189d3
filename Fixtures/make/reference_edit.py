#!/usr/bin/env python3
"""ROME and MEMIT in plain PyTorch, as a judge for the native implementation; run as a script it measures edits.

Contexts are the bare prompt and the prefixes of contexts.json. Keys average the bare prompt and the mean of the prefixes;
ROME here uses that same averaged key in numerator and denominator and the optimized offset as residual.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file

import closed_forms
import measures
from language_model import LanguageModel

SETTINGS = {"steps": 25, "learning_rate": 0.5, "weight_decay": 0.5, "kl_weight": 0.0625, "clamp": 0.75}


def fact(record):
    rewrite = record["requested_rewrite"]
    return {"prompt": rewrite["prompt"], "subject": rewrite["subject"], "target": rewrite["target_new"]["str"]}


def inputs(lm, fact, contexts):
    """Filled prompts, bare one first, with their subject positions."""
    texts = [c.replace("{}", fact["prompt"].replace("{}", fact["subject"])) for c in ["{}", *contexts]]
    return [lm.ids(t) for t in texts], [lm.subject_last(t, fact["subject"]) for t in texts]


def optimize_value(lm, fact, contexts, module, settings, curve=None):
    """The wanted output of `module` at the subject's last token, and the optimized offset (both [outputWidth]).

    `curve`, a list, is given the loss of every step.
    """
    rows, positions = inputs(lm, fact, contexts)
    prompt = fact["prompt"].replace("{}", fact["subject"])
    target = lm.ids(f"{prompt} {fact['target']}")[len(rows[0]):]
    first = [len(row) - 1 for row in rows]
    rows = [row + target[:-1] for row in rows] + [lm.ids(fact["subject"] + " is a")]
    positions = positions + [lm.subject_last(fact["subject"], fact["subject"])]
    start = lm.record(rows, module)[0, positions[0]].clone()
    offset = torch.zeros_like(start, requires_grad=True)

    def hook(_, __, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[range(len(rows)), positions] += offset
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
    handle, optimizer, unedited = module.register_forward_hook(hook), torch.optim.Adam([offset], settings["learning_rate"]), None
    for step in range(settings["steps"]):
        logits = F.log_softmax(lm.forward(rows), -1)
        nll = -torch.stack([logits[i, first[i] + j, t] for i in range(len(first)) for j, t in enumerate(target)]).mean()
        essence = logits[-1, positions[-1]]
        unedited = essence.detach() if unedited is None else unedited
        kl = (essence.exp() * (essence - unedited)).sum()
        decay = settings["weight_decay"] * offset.norm() / start.norm() ** 2
        loss = nll + settings["kl_weight"] * kl + decay
        if curve is not None:
            curve.append(loss.item())
        if loss < 0.05 or step == settings["steps"] - 1:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            offset *= min(1, settings["clamp"] * start.norm() / offset.norm())
    handle.remove()
    return (start + offset).detach(), offset.detach(), nll.item()


def key(lm, fact, contexts, layer):
    """Input of the projection at the subject's last token: half bare prompt, half mean of the prefixed ones."""
    rows, positions = inputs(lm, fact, contexts)
    found = lm.record(rows, lm.projection(layer), "input")[range(len(rows)), positions].double()
    return (found[0] + found[1:].mean(0)) / 2 if len(rows) > 1 else found[0]


def memit(lm, facts, contexts, layers, moments, weight, settings):
    """Edits the model in place; per layer the keys, residual shares and adjusted keys (float64), and the final losses."""
    top = lm.blocks[layers[-1]]
    values, losses = [], []
    for f in facts:
        value, _, loss = optimize_value(lm, f, contexts, top, settings)
        values.append(value)
        losses.append(loss)
    result = {}
    for i, layer in enumerate(layers):
        keys = torch.stack([key(lm, f, contexts, layer) for f in facts]).numpy()
        present = []
        for f in facts:
            rows, positions = inputs(lm, f, [])
            present.append(lm.record(rows, top)[0, positions[0]])
        share = ((torch.stack(values) - torch.stack(present)).double() / (len(layers) - i)).numpy()
        adjusted = closed_forms.memit(keys, moments[layer], weight)
        lm.add_to_weight(layer, torch.from_numpy(share.T @ adjusted))
        result[layer] = {"keys": keys, "residuals": share, "adjusted_keys": adjusted}
    return result, losses


def rome(lm, fact, contexts, layer, moment, settings):
    """One fact into one layer, exactly; the clamp is relative to the feed-forward's output, hence larger."""
    _, offset, loss = optimize_value(lm, fact, contexts, lm.blocks[layer].mlp, settings)
    adjusted = closed_forms.rome(key(lm, fact, contexts, layer).numpy(), moment)
    lm.add_to_weight(layer, torch.from_numpy(offset.double().numpy()[:, None] @ adjusted))
    return loss


def load_moments(path, lm, layers):
    tensors = load_file(path)
    return {l: tensors[lm.weight_name(l) + ".second_moment_sum"].astype(np.float64)
            / tensors[lm.weight_name(l) + ".token_count"][0] for l in layers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--statistics", type=Path, required=True)
    parser.add_argument("--layers", required=True, help="for MEMIT, e.g. 1,2")
    parser.add_argument("--rome-layer", type=int, help="default: the first of --layers")
    parser.add_argument("--second-moment-weight", type=float, required=True)
    parser.add_argument("--clamp", type=float, default=SETTINGS["clamp"])
    parser.add_argument("--rome-clamp", type=float, default=4.0)
    parser.add_argument("--singles", type=int, default=20)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--bfloat16", action="store_true", help="round the edited weights before measuring, as a file would")
    options = parser.parse_args()
    torch.set_num_threads(2)
    lm = LanguageModel.load(options.model)
    records, contexts = json.loads(options.facts.read_text()), json.loads(options.contexts.read_text())
    layers = [int(l) for l in options.layers.split(",")]
    rome_layer = layers[0] if options.rome_layer is None else options.rome_layer
    moments = load_moments(options.statistics, lm, sorted({*layers, rome_layer}))
    base = {l: lm.projection(l).weight.data.clone() for l in moments}
    settings = {**SETTINGS, "clamp": options.clamp}

    def run(name, groups, edit):
        results, losses = [], []
        for group in groups:
            losses += edit([fact(r) for r in group])
            for layer in base if options.bfloat16 else []:
                lm.projection(layer).weight.data = lm.projection(layer).weight.data.bfloat16().float()
            results += [measures.measure(lm, r) for r in group]
            for layer, weight in base.items():
                lm.projection(layer).weight.data.copy_(weight)
        print(f"{name:10} {len(groups):2} x {len(groups[0]):2}: {measures.line(measures.mean(results))}  "
              f"target loss {np.mean(losses):.3f}", flush=True)
    singles, batch = [[r] for r in records[:options.singles]], [records[:options.batch]]

    def by_memit(facts):
        return memit(lm, facts, contexts, layers, moments, options.second_moment_weight, settings)[1]

    def by_rome(facts):
        return [rome(lm, facts[0], contexts, rome_layer, moments[rome_layer], {**settings, "clamp": options.rome_clamp})]
    run("unedited", singles, lambda facts: [float("nan")])
    run("MEMIT", singles, by_memit)
    run("MEMIT", batch, by_memit)
    run("ROME", singles, by_rome)


if __name__ == "__main__":
    main()
