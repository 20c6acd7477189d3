#!/usr/bin/env python3
"""Write solver.safetensors: a small random problem and every closed form's answer to it, all F64.

Sizes are all different (inputWidth 40, outputWidth 12, 7 edits, 5 earlier ones, 600 tokens) so that a swapped pair fails.
The batch is the same 7 edits for every method except rome, which takes the first edit alone; the sequential methods see
the 5 earlier keys as well. The second moment's eigenvalues run over four decades with a gap around AlphaEdit's threshold.
"""
import argparse
from pathlib import Path

import numpy as np

import closed_forms
from tensor_file import save

INPUT, OUTPUT, EDITS, EARLIER, TOKENS = 40, 12, 7, 5, 600
WEIGHT, RIDGE, THRESHOLD, L2 = 20.0, 5.0, 0.02, 0.02


def problem(seed):
    """Random tokens with an uneven spectrum, keys from the same distribution, random residuals."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((INPUT, INPUT)))[0]
    scales = np.concatenate([np.geomspace(3.0, 0.3, 24), np.geomspace(0.06, 0.03, 16)])

    def draw(count):
        return rng.standard_normal((count, INPUT)) * scales @ basis.T
    tokens = draw(TOKENS)
    return draw(EDITS), draw(EARLIER), rng.standard_normal((EDITS, OUTPUT)), tokens.T @ tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="file to write, e.g. ../reference/solver.safetensors")
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()

    keys, earlier, residuals, moment_sum = problem(options.seed)
    adjusted, parameters = closed_forms.all_methods(
        keys, earlier, keys, moment_sum / TOKENS, WEIGHT, RIDGE, THRESHOLD, L2)
    tensors = {"keys": keys, "earlier_keys": earlier, "residuals": residuals, "second_moment_sum": moment_sum,
               "token_count": np.array([TOKENS], dtype=np.int64)}
    for name, value in adjusted.items():
        tensors[f"{name}.adjusted_keys"] = value
        tensors[f"{name}.update"] = residuals[:len(value)].T @ value
    about = ("update = residuals^T adjusted_keys, [outputWidth, inputWidth]; second moment C = second_moment_sum / "
             "token_count; rome uses the first row of keys and residuals only; *-sequential also see earlier_keys")
    save(options.out, {name: np.ascontiguousarray(value) for name, value in tensors.items()},
         {"about": about, "parameters": parameters, "seed": options.seed})
    for name, value in adjusted.items():
        print(f"{name:22}", value.shape, f"|A| {np.linalg.norm(value):.4f}", parameters[name])


if __name__ == "__main__":
    main()
