"""reference/imatrix.gguf: the diagonals of tiny-llama's second moments as an importance matrix, as llama.cpp's `imatrix` names them.

Written by the gguf package; the form is that of ggml-org/llama.cpp, tools/imatrix/imatrix.cpp, save_imatrix.
"""
from pathlib import Path

import gguf
import numpy as np
from safetensors import safe_open

REFERENCE = Path(__file__).resolve().parent.parent / "reference"
CHUNK = 512


def main():
    writer = gguf.GGUFWriter(REFERENCE / "imatrix.gguf", "none")
    del writer.kv_data[0]["general.architecture"]
    with safe_open(REFERENCE / "tiny-llama.statistics.safetensors", "np") as statistics:
        notes = statistics.metadata()
        moments = {}
        for name in statistics.keys():
            if name.endswith(".second_moment_sum"):
                weight = name.removesuffix(".second_moment_sum")
                layer = weight.split(".")[2]
                diagonal = np.diagonal(statistics.get_tensor(name)).astype(np.float64)
                moments[f"blk.{layer}.ffn_down.weight"] = (diagonal, int(statistics.get_tensor(f"{weight}.token_count")[0]))
    tokens = max(count for _, count in moments.values())
    writer.add_string("general.type", "imatrix")
    writer.add_array("imatrix.datasets", [notes["corpus"]])
    writer.add_uint32("imatrix.chunk_count", -(-tokens // CHUNK))
    writer.add_uint32("imatrix.chunk_size", CHUNK)
    for name, (sums, count) in sorted(moments.items()):
        writer.add_tensor(f"{name}.counts", np.array([[count]], np.float32))
        writer.add_tensor(f"{name}.in_sum2", sums.astype(np.float32)[None])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
