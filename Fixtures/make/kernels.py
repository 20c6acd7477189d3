"""Write reference/kernels.safetensors: what numpy makes of Formats/patch.md, "Arithmetic".
Usage: python3 kernels.py --out ../reference/kernels.safetensors        Needs numpy 2.4."""
import argparse
import json
import pathlib
import struct

import numpy as np

SEED, FIRST = 0x0123456789ABCDEF, 987_654_321     # of the draws; the index in the tensor of element 0
FLOATS = {"f64": ("<u8", "<f8", 52, 11), "f32": ("<u4", "<f4", 23, 8), "f16": ("<u2", "<f2", 10, 5),
          "bf16": ("<u2", None, 7, 8)}              # bits, numpy's type, widths of significand and exponent


def low_rank_sums(left, right):
    """Component after component, product and sum each rounded to float32."""
    total = np.zeros((left.shape[0], right.shape[1]), "f4")
    for k in range(left.shape[1]):
        total = total + left[:, k:k + 1] * right[k]
    return total


def numbers(kind, count, random):
    """Bits of all sorts: mostly near one, every eighth of any exponent, and the ends of the type."""
    bits, _, significand, exponent = FLOATS[kind]
    near = random.integers(-12, 4, count) + (1 << exponent - 1) - 1
    anywhere = random.integers(0, 1 << exponent, count)
    fields = np.where(np.arange(count) % 8 == 0, anywhere, near).astype("u8")
    value = random.integers(0, 2, count).astype("u8") << np.uint64(significand + exponent)
    value |= fields << np.uint64(significand) | random.integers(0, 1 << significand, count).astype("u8")
    infinity, sign = ((1 << exponent) - 1) << significand, 1 << significand + exponent
    ends = [0, 1, (1 << significand) - 1, 1 << significand, infinity - 1, infinity, infinity + 1, infinity | 1 << significand - 1]
    value[:16] = [x | s for x in ends for s in (0, sign)]
    return value.astype(bits)


def sums_for(count, random):
    """Sums of all sizes."""
    sums = (random.standard_normal(count) * 2.0 ** random.integers(-30, 3, count)).astype("f4")
    sums[::17] = 0
    sums[5::31] *= np.float32(2 ** 17)
    sums[7::37] = np.float32(1e38)
    return sums


def widen(kind, bits):
    if kind == "bf16":
        return (bits.astype("u4") << 16).view("f4")
    number = bits.view(FLOATS[kind][1])
    return number.astype("f4") if kind == "f16" else number


def nearest(kind, x):
    if kind == "bf16":
        b = x.view("u4")
        return (b + 0x7FFF + (b >> 16 & 1) >> 16).astype("<u2")
    return x.astype(FLOATS[kind][1]).view(FLOATS[kind][0])


def draws(count):
    z = np.uint64(SEED) + (np.arange(count, dtype="u8") + np.uint64(FIRST) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(40)).astype("f8")


def stochastic(kind, x, u):
    """As the page says it: steps of q toward zero, then one more if fraction and draw carry. In float64, exactly."""
    _, _, significand, exponent = FLOATS[kind]
    smallest = 2 - (1 << exponent - 1)
    a = np.abs(x).astype("f8")
    q = np.ldexp(1.0, np.maximum(np.frexp(a)[1] - 1, smallest) - significand)
    part, steps = np.modf(a / q)
    value = (steps + (np.floor(part * 2.0 ** 24) + u >= 2.0 ** 24)) * q
    largest = np.ldexp(2 - 2.0 ** -significand, (1 << exponent - 1) - 1)
    value = np.where(value > largest, np.inf, value)
    return nearest(kind, np.copysign(value, x).astype("f4"))   # exact: the value is one of the type


def add(kind, bits, sums, u=None):
    w = widen(kind, bits)
    x = w + sums
    return np.where(np.isfinite(w), nearest(kind, x) if u is None else stochastic(kind, x, u), bits)


def save(path, tensors, metadata):
    """Safetensors by hand, largest element first, so that this needs numpy alone."""
    names = {"<u8": "U64", "<u4": "U32", "<u2": "U16", "|u1": "U8", "<f4": "F32"}
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0])):
        header[name] = dict(dtype=names[tensor.dtype.str], shape=tensor.shape,
                            data_offsets=[len(data), len(data) + tensor.nbytes])
        data += tensor.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    out, random, count = parser.parse_args().out, np.random.default_rng(20), 509
    np.seterr(all="ignore")
    left, right = (random.standard_normal(shape).astype("f4") for shape in ((23, 33), (33, 101)))
    tensors = dict(left=left, right=right, sums=low_rank_sums(left, right), addend=sums_for(count, random))
    for kind in FLOATS:
        base = numbers(kind, count, random)
        tensors[kind + ".base"] = base
        tensors[kind + ".nearest"] = add(kind, base, tensors["addend"])
        if kind in ("f16", "bf16"):
            tensors[kind + ".stochastic"] = add(kind, base, tensors["addend"], draws(count))
    save(out, tensors, dict(first=str(FIRST), seed=f"{SEED:016x}"))
