"""A patch that scales tensors of tiny-llama, as merges and weight decay do: written by errata from two models.

    python3 scaled.py ERRATA       needs numpy
"""
import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).resolve().parents[1]
GAINS = {"model.layers.1.mlp.down_proj.weight": 0.9, "model.norm.weight": 1.1, "lm_head.weight": 0.5}


def scaled(bits, gain):
    """BF16 bits times a binary32, rounded to nearest even."""
    product = ((bits.astype("u4") << 16).view("f4") * np.float32(gain)).view("u4")
    return ((product + 0x7FFF + (product >> 16 & 1)) >> 16).astype("<u2")


with tempfile.TemporaryDirectory() as folder:
    model = Path(shutil.copytree(FIXTURES / "models/tiny-llama", Path(folder) / "scaled"))
    for path in model.glob("*.safetensors"):
        data = bytearray(path.read_bytes())
        length, = struct.unpack("<Q", data[:8])
        for name, tensor in json.loads(data[8:8 + length]).items():
            if name in GAINS:
                start, end = (8 + length + offset for offset in tensor["data_offsets"])
                data[start:end] = scaled(np.frombuffer(bytes(data[start:end]), "<u2"), GAINS[name]).tobytes()
        path.write_bytes(data)
    subprocess.run([sys.argv[1], "diff", FIXTURES / "models/tiny-llama", model, "--quiet",
                    "-o", FIXTURES / "reference/tiny-llama.scaled.errata"], check=True)
