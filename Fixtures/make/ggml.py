"""ggml's own reference quantizers, called in the library that the xllamacpp package carries."""
import ctypes
import importlib.util
from pathlib import Path

import gguf
import numpy as np

NAMES = {name: name.lower().replace("_k", "_K") for name in (
    "Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ4_NL IQ4_XS TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0").split()}
# The gguf package does not know this one yet: ggml's number, elements and bytes of a block.
FORMS = {"Q2_0": (42, 64, 18)}


def library():
    folder = Path(importlib.util.find_spec("xllamacpp").origin).parent
    return ctypes.CDLL(str(next(folder.glob("*.so"))), mode=1)


def form(name):
    """Number of the type, elements and bytes of a block."""
    if name in FORMS:
        return FORMS[name]
    kind = gguf.GGMLQuantizationType[name]
    return int(kind), *gguf.GGML_QUANT_SIZES[kind]


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def quantize(floats, name):
    """Blocks of contiguous float32 values, as `quantize_row_*_ref` makes them."""
    floats = np.ascontiguousarray(floats, "<f4")
    _, elements, size = form(name)
    blocks = np.zeros((*floats.shape[:-1], floats.shape[-1] // elements * size), "u1")
    getattr(library(), f"quantize_row_{NAMES[name]}_ref")(pointer(floats), pointer(blocks), ctypes.c_int64(floats.size))
    return blocks


def dequantize(blocks, name):
    """Floats of contiguous blocks, as `dequantize_row_*` makes them."""
    _, elements, size = form(name)
    floats = np.zeros(blocks.size // size * elements, "<f4")
    getattr(library(), f"dequantize_row_{NAMES[name]}")(pointer(blocks), pointer(floats), ctypes.c_int64(floats.size))
    return floats
