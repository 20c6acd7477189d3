#!/usr/bin/env python3
"""Write reference/experts.safetensors: an edit of three experts at once, solved densely in float64.

Needs numpy, torch, safetensors. Keys of the experts stand above each other, each 0 for the edits that do not go through it; known keys of
different experts are taken as unrelated, so C is block-diagonal. Solved [width × width] in one piece, with no use of the blocks.
"""
import argparse
from pathlib import Path

import numpy as np
import torch

import tensor_file

WIDTHS, EDITS, OUTPUTS, TOKENS = (5, 7, 6), 4, 9, 300
# Which edits go through which expert; the last expert is reached by none.
REACHED = ((0, 1, 3), (1, 2, 3), ())
WEIGHT, RIDGE = 3.0, 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "reference" / "experts.safetensors")
    options = parser.parse_args()
    generator = np.random.default_rng(13)
    width = sum(WIDTHS)
    keys, moment = np.zeros((EDITS, width)), np.zeros((width, width))
    residuals = generator.standard_normal((EDITS, OUTPUTS))
    tensors, first = {}, 0
    for expert, (own, edits) in enumerate(zip(WIDTHS, REACHED)):
        known = generator.standard_normal((TOKENS // 3, own)) @ generator.standard_normal((own, own))
        part = slice(first, first + own)
        moment[part, part] = known.T @ known
        keys[list(edits), part] = generator.standard_normal((len(edits), own))
        tensors[f"{expert}.second_moment_sum"] = moment[part, part].copy()
        first += own
    mean = moment / TOKENS
    gram = keys.T @ keys
    inverse = np.linalg.inv(mean)
    tensors |= {
        "keys": keys, "residuals": residuals,
        "memit": np.linalg.solve(WEIGHT * mean + gram, keys.T @ residuals).T,
        "emmet": residuals.T @ np.linalg.solve(keys @ inverse @ keys.T + RIDGE * np.eye(EDITS), keys @ inverse)}
    tensor_file.save(options.out, {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in tensors.items()},
                     {"token_count": TOKENS, "weight": WEIGHT, "ridge": RIDGE})


if __name__ == "__main__":
    main()
