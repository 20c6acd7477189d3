#!/usr/bin/env python3
"""Write reference/blocks.safetensors: blocks of every ggml format that errata decodes, what they hold, and encodings.

Decoding is the gguf package's (numpy), compared here with ggml's own code; where the package has none, ggml's alone.
Encoding is that of ggml's reference quantizers, compared with the package's where it has them. Needs gguf, xllamacpp.
"""
import argparse
import json
import pathlib

import gguf
import numpy as np
from gguf import quants

import ggml
from kernels import save

# Where the scales lie in a block: halves at these bytes, or a float.
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "IQ4_NL": [0], "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64],
          "Q1_0": [0], "Q2_0": [0]}
ENCODED = "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K".split()


def random_blocks(name, random):
    """Random bytes with finite scales of all sizes, subnormal and zero ones among them."""
    _, elements, size = ggml.form(name)
    count = 5 if elements == 256 else 16
    blocks = random.integers(0, 256, (count, size), dtype="u1")
    for place in HALVES.get(name, []):
        halves = random.integers(0, 0x7C00, count).astype("<u2") | random.integers(0, 2, count).astype("<u2") << 15
        halves[:2] = 0x0001, 0x8000
        blocks[:, place:place + 2] = halves.view("u1").reshape(count, 2)
    if name == "Q8_K":
        blocks[:, :4] = (random.standard_normal(count) * 1e-3).astype("<f4").view("u1").reshape(count, 4)
    return blocks


def decoded(name, blocks):
    floats = ggml.dequantize(blocks, name)
    if name in gguf.GGMLQuantizationType.__members__:
        try:
            by_package = quants.dequantize(blocks, gguf.GGMLQuantizationType[name]).reshape(-1)
            assert np.array_equal(by_package.view("u4"), floats.view("u4")), name
        except NotImplementedError:
            pass
    assert np.isfinite(floats).all(), name
    return floats


def inputs(random):
    """Rows of 256: weights, wide ranges, one sign, zeros, constants, whole numbers, very small ones, outliers."""
    normal = random.standard_normal((10, 256)).astype("<f4")
    normal[0] *= np.float32(0.02)
    normal[2] = np.exp(3 * normal[2]) * np.sign(normal[3])
    normal[4] = np.abs(normal[4]) + 1
    normal[5, :160] = 0
    normal[6, :] = -1.5
    normal[7] = np.round(3 * normal[7])
    normal[8] *= np.float32(1e-7)
    normal[9, ::37] *= 50
    return normal


def encoded(name, floats):
    blocks = ggml.quantize(floats, name)
    try:
        # The package divides by the scale's inverse too; where a block is zero it warns.
        with np.errstate(all="ignore"):
            by_package = quants.quantize(floats, gguf.GGMLQuantizationType[name])
        assert np.array_equal(by_package, blocks), name
    except NotImplementedError:
        pass
    return blocks


def sizes():
    """Number, elements and bytes of a block of every type; ggml's own where the package is wrong (Q8_1)."""
    library = ggml.library()
    library.ggml_type_size.restype = library.ggml_blck_size.restype = ggml.ctypes.c_size_t
    known = {t.name: int(t) for t in gguf.GGMLQuantizationType} | {name: form[0] for name, form in ggml.FORMS.items()}
    return {name: [code, library.ggml_blck_size(code), library.ggml_type_size(code)] for name, code in known.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    out, random = parser.parse_args().out, np.random.default_rng(30)
    floats = inputs(random)
    tensors = {"inputs": floats}
    for name in ggml.NAMES:
        blocks = random_blocks(name, random)
        tensors[name + ".blocks"], tensors[name + ".decoded"] = blocks, decoded(name, blocks)
    for name in ENCODED:
        tensors[name + ".encoded"] = encoded(name, floats)
    save(out, tensors, dict(sizes=json.dumps(sizes(), separators=(",", ":"))))


if __name__ == "__main__":
    main()
