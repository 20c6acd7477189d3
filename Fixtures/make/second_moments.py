#!/usr/bin/env python3
"""Second moments of the keys over corpus.txt: per edited weight W, the raw sum of k kᵀ (F32) and the token count (I64).

Every line is one document, run alone from position 0 and cut at the model's number of positions; every token counts. Keys
are float32 as the model computes them, the sum is accumulated in float64 and rounded once.
"""
import argparse
from pathlib import Path

import torch

from language_model import LanguageModel, pad
from tensor_file import save


@torch.no_grad()
def second_moments(lm, documents, layers):
    """{layer: sum [inputWidth, inputWidth] in float64} and the number of tokens."""
    sums, rows = {}, [lm.ids(d)[:lm.limit] for d in documents]
    rows.sort(key=len)
    mask = None

    def hook(layer):
        def add(_, inputs, __):
            keys = inputs[0][mask].double()
            sums[layer] = sums.get(layer, 0) + keys.T @ keys
        return add
    handles = [lm.projection(l).register_forward_hook(hook(l)) for l in layers]
    for start in range(0, len(rows), 64):
        part = rows[start:start + 64]
        ids = pad(part)
        mask = torch.arange(ids.shape[1])[None] < torch.tensor([len(r) for r in part])[:, None]
        lm.body(ids, use_cache=False)
    for handle in handles:
        handle.remove()
    return sums, sum(map(len, rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--layers", required=True, help="e.g. 1,2")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(2)
    lm = LanguageModel.load(options.model)
    layers = [int(l) for l in options.layers.split(",")]
    sums, count = second_moments(lm, options.corpus.read_text().splitlines(), layers)
    tensors = {}
    for layer, value in sums.items():
        tensors[lm.weight_name(layer) + ".second_moment_sum"] = value.float().numpy()
        tensors[lm.weight_name(layer) + ".token_count"] = torch.tensor([count]).numpy()
        eigenvalues = torch.linalg.eigvalsh(value / count)
        print(f"layer {layer}: {count} tokens, eigenvalues {eigenvalues[0]:.2e} … {eigenvalues[-1]:.2e}, "
              f"quartiles {[f'{q:.2e}' for q in eigenvalues[[63, 127, 191]].tolist()]}")
    save(options.out, tensors, {"model": options.model.name, "corpus": options.corpus.name})


if __name__ == "__main__":
    main()
