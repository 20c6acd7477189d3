"""What choosing codes costs: one weight of 4096 × 14336 in Q4_K, edits of many facts at once, by `errata solve`.

    rounding.py path/to/errata [--scratch DIR] [--outputs 4096] [--inputs 14336] [--facts 10] [--norm 0.01]

Random blocks with sensible scales; keys whose second moment falls over three powers of ten, with directions that they share. Processor
seconds by phase as `solve --json` tells them; "storing" is choosing codes, measuring and writing. Needs numpy and gguf.
"""
import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np

NAME = "blk.0.ffn_down.weight"


def blocks(generator, outputs, inputs):
    """Q4_K: two scales of F16, twelve bytes of scales and minima of 6 bits, 128 bytes of codes."""
    data = generator.integers(0, 256, (outputs, inputs // 256, 144), dtype=np.uint8)
    data[..., :2] = np.frombuffer(struct.pack("<e", 2e-4), np.uint8)
    data[..., 2:4] = np.frombuffer(struct.pack("<e", 1.5e-3), np.uint8)
    return data.reshape(outputs, -1)


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        kind = {"float32": "F32", "int64": "I64"}[str(value.dtype)]
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.tobytes())


def make(options, scratch):
    generator = np.random.default_rng(1)
    outputs, inputs, facts = options.outputs, options.inputs, options.facts
    writer = gguf.GGUFWriter(scratch / "model.gguf", "llama")
    writer.add_block_count(1)
    data = blocks(generator, outputs, inputs)
    writer.add_tensor(NAME, data, raw_dtype=gguf.GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    sample = gguf.quants.dequantize(data[:64], gguf.GGMLQuantizationType.Q4_K)
    norm = float(np.sqrt((sample ** 2).mean() * outputs * inputs))

    scales = np.exp(generator.normal(0, 1, inputs)).astype(np.float32) * 0.1
    mixing = (generator.normal(size=(64, inputs)) * scales).astype(np.float32) / 8
    tokens = 10 * inputs
    moment = mixing.T @ mixing
    moment[np.diag_indices(inputs)] += scales ** 2
    keys = generator.normal(size=(facts, inputs)) * scales + generator.normal(size=(facts, 64)) @ mixing
    write_safetensors(scratch / "model.stats", {
        f"{NAME}.second_moment_sum": moment * np.float32(tokens), f"{NAME}.token_count": np.array([tokens])})
    # Δ = R (λ + G)⁻¹ (C⁻¹K)ᵀ, with C⁻¹ by Woodbury's formula; R so that Δ has the length asked for.
    def solved(rows):
        own = rows / scales ** 2
        inner = np.eye(64) + (mixing / scales ** 2) @ mixing.T
        return own - (own @ mixing.T) @ np.linalg.solve(inner, mixing / scales ** 2)
    directions = solved(keys)
    gram = keys @ directions.T
    options.weight = float(np.median(np.diag(gram))) / 19
    residuals = generator.normal(size=(facts, outputs))
    update = np.linalg.solve(gram + options.weight * np.eye(facts), directions)
    length = np.sqrt(np.trace(residuals.T @ (update @ update.T) @ residuals))
    residuals *= options.norm * norm / length
    write_safetensors(scratch / "edits.keys", {
        f"{NAME}.keys": keys.astype(np.float32), f"{NAME}.residuals": residuals.astype(np.float32)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--outputs", type=int, default=4096)
    parser.add_argument("--inputs", type=int, default=14336)
    parser.add_argument("--facts", type=int, default=10)
    parser.add_argument("--norm", type=float, default=0.01)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        scratch = Path(folder)
        make(options, scratch)
        done = subprocess.run(
            [options.errata, "solve", scratch / "model.gguf", "--keys", scratch / "edits.keys", "--statistics",
             scratch / "model.stats", "--second-moment-weight", str(options.weight), "--promote", "keep", "--threads", "1",
             "-o", scratch / "edit.errata", "--json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        print(json.dumps(json.loads(done.stdout)["tensors"], indent=1))
        print(f"patch {(scratch / 'edit.errata').stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
