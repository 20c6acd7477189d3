"""Write safetensors files whose bytes depend on nothing but their content."""
import json
import struct

import safetensors.numpy
import safetensors.torch
import torch


def save(path, tensors, metadata):
    """Like safetensors' save_file, with metadata values made text, metadata in sorted order and plain permissions.

    The library keeps metadata in a hash table whose order changes from run to run; here the header is written again.
    """
    text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
    library = safetensors.torch if isinstance(next(iter(tensors.values())), torch.Tensor) else safetensors.numpy
    data = library.save(tensors, text)
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header = {"__metadata__": dict(sorted(header.pop("__metadata__").items())), **header}
    written = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    written += b" " * (-len(written) % 8)
    path.write_bytes(struct.pack("<Q", len(written)) + written + data[8 + length:])
    path.chmod(0o644)
