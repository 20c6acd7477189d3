#!/usr/bin/env python3
"""Write keys, golden updates and logits of one model: <name>.{one-fact,ten-facts}.keys, .updates, .logits.safetensors.

Keys and residuals come from the MEMIT loop of reference_edit.py, rounded to F32. The updates are the closed forms in
float64 on exactly those F32 values, for the last edited layer only; Δ = residualsᵀ adjusted_keys.
"""
import argparse
import json
from pathlib import Path

import numpy as np
import torch

import closed_forms
import reference_edit
from language_model import LanguageModel
from tensor_file import save

RIDGE, L2, EARLIER = 0.1, 10.0, 4


def threshold_in_gap(second_moment, low=96, high=192):
    """An absolute eigenvalue threshold in the widest gap between two ranks: rounding must not move an eigenvalue over it."""
    values = np.linalg.eigvalsh(second_moment)
    rank = max(range(low, high), key=lambda q: values[q] / values[q - 1])
    return float(f"{np.sqrt(values[rank] * values[rank - 1]):.4e}")


def write_keys(lm, facts, contexts, layers, moments, weight, clamp, path):
    """The MEMIT loop's keys and residuals; restores the model afterwards."""
    base = {l: lm.projection(l).weight.data.clone() for l in layers}
    settings = {**reference_edit.SETTINGS, "clamp": clamp}
    result, losses = reference_edit.memit(lm, facts, contexts, layers, moments, weight, settings)
    tensors = {}
    for layer in layers:
        lm.projection(layer).weight.data.copy_(base[layer])
        for part in ("keys", "residuals"):
            tensors[f"{lm.weight_name(layer)}.{part}"] = result[layer][part].astype(np.float32)
    save(path, tensors, {"facts": facts, "method": "memit", "second_moment_weight": f"{weight:g}"})
    print("target losses", np.round(losses, 3))
    return tensors


def updates(tensors, name, second_moment, weight):
    """Golden adjusted keys of one weight for all methods, from the stored F32 keys."""
    keys = tensors[name + ".keys"].astype(np.float64)
    threshold = threshold_in_gap(second_moment)
    adjusted, parameters = closed_forms.all_methods(
        keys, keys[:EARLIER], keys[EARLIER:], second_moment, weight, RIDGE, threshold, L2)
    for method, value in parameters.items():
        value["rows"] = [0, 1] if method == "rome" else [EARLIER if "earlier_keys" in value else 0, len(keys)]
    return {f"{name}.{method}.adjusted_keys": np.ascontiguousarray(value) for method, value in adjusted.items()}, parameters


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, required=True)
    parser.add_argument("--layers", required=True, help="e.g. 1,2")
    parser.add_argument("--second-moment-weight", type=float, required=True)
    parser.add_argument("--clamp", type=float, default=reference_edit.SETTINGS["clamp"])
    parser.add_argument("--out", type=Path, required=True, help="folder; <model>.statistics.safetensors must be there")
    options = parser.parse_args()
    torch.set_num_threads(2)
    lm, name = LanguageModel.load(options.model), options.model.name
    layers = [int(l) for l in options.layers.split(",")]
    moments = reference_edit.load_moments(options.out / f"{name}.statistics.safetensors", lm, layers)
    records, contexts = json.loads(options.facts.read_text()), json.loads(options.contexts.read_text())
    facts = [reference_edit.fact(r) for r in records]
    for label, part in (("one-fact", facts[:1]), ("ten-facts", facts[:10])):
        keys = write_keys(lm, part, contexts, layers, moments, options.second_moment_weight, options.clamp,
                          options.out / f"{name}.{label}.keys.safetensors")
    weight = lm.weight_name(layers[-1])
    golden, parameters = updates(keys, weight, moments[layers[-1]], options.second_moment_weight)
    save(options.out / f"{name}.updates.safetensors", golden, {
        "about": "adjusted keys of the rows of <model>.ten-facts.keys.safetensors that `rows` names, half-open; "
                 "update = residuals[rows]^T adjusted_keys; earlier keys are the rows before", "parameters": parameters})
    logits = {}
    for i, fact in enumerate(facts[:5]):
        ids = lm.ids(fact["prompt"].replace("{}", fact["subject"]))
        logits[f"{i}.tokens"] = np.array(ids, dtype=np.int32)
        with torch.no_grad():
            logits[f"{i}.logits"] = lm.forward([ids])[0, -1].numpy()
    prompts = [f["prompt"].replace("{}", f["subject"]) for f in facts[:5]]
    save(options.out / f"{name}.logits.safetensors", logits, {"prompts": prompts})
    print("\n".join(f"{method}: {value}" for method, value in parameters.items()))


if __name__ == "__main__":
    main()
