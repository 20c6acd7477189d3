"""Makes what the benchmark runs on: seeded weights, edits of a given size, statistics with a realistic spectrum.

    python3 inputs.py weights FOLDER TYPE ROWS COLUMNS COUNT    model, and keys and factors of a rank-1 and a rank-100 edit
    python3 inputs.py solve FOLDER INPUT_WIDTH OUTPUT_WIDTH EDITS
    python3 inputs.py sparse FILE                               100 GB of nothing under a true header

Run as a process of its own, so that the driver stays small: a child's peak memory counts that of its parent's image.
"""
import json, struct, sys
import numpy as np

SIZE_OF_EDIT = 0.02          # ‖Δ‖ / ‖W‖
RANKS = (1, 100)


def write(path, tensors, metadata=None):
    """A safetensors file; tensors are (name, type, shape, function that yields its bytes)."""
    width = {"F64": 8, "F32": 4, "BF16": 2, "F16": 2, "I64": 8}
    header, end = ({"__metadata__": metadata} if metadata else {}), 0
    for name, kind, shape, _ in tensors:
        begin, end = end, end + width[kind] * int(np.prod(shape))
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for *_, content in tensors:
            for piece in content():
                file.write(piece)
        file.truncate(8 + len(text) + end)


def write_gguf(path, tensors):
    """A GGUF file of Q8_0 matrices and F32 vectors; tensors are (name, type, shape, function that yields its bytes)."""
    text = lambda string: struct.pack("<Q", len(string)) + string.encode()
    sizes = [int(np.prod(shape)) * (34 if kind == "Q8_0" else 128) // 32 for _, kind, shape, _ in tensors]
    starts = np.cumsum([0] + [size + -size % 32 for size in sizes]).tolist()
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1) + text("general.architecture") + struct.pack("<I", 8) + text("llama")
    for (name, kind, shape, _), start in zip(tensors, starts):
        extents = struct.pack(f"<{len(shape)}Q", *reversed(shape))
        header += text(name) + struct.pack("<I", len(shape)) + extents + struct.pack("<IQ", {"F32": 0, "Q8_0": 8}[kind], start)
    header += bytes(-len(header) % 32)
    with open(path, "wb") as file:
        file.write(header)
        for (*_, content), start in zip(tensors, starts):
            file.seek(len(header) + start)
            for piece in content():
                file.write(piece)
        file.truncate(len(header) + starts[-1])


def quantized(values):
    """float32 to Q8_0: blocks of 32 along rows, a scale of 16 bits and 32 numbers of 8, as ggml's reference does it."""
    blocks = values.reshape(-1, 32)
    scales = np.abs(blocks).max(axis=1) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales > 0)
    numbers = blocks * inverse[:, None]
    made = np.zeros(len(blocks), [("scale", "<f2"), ("numbers", "i1", 32)])
    made["scale"], made["numbers"] = scales, np.trunc(numbers + np.copysign(np.float32(0.5), numbers))
    return made


def array(name, values, kind):
    return name, kind, values.shape, lambda: [values.tobytes()]


def rounded(values, kind):
    """float32 to the bits of the type, to nearest even."""
    if kind == "F16":
        return values.astype("<f2")
    bits = values.view("u4")
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2")


def names(count):
    return [f"model.layers.{layer}.mlp.down_proj.weight" for layer in range(count)]


def rows_of(seed, rows, columns):
    """The weight, some rows at a time: normal, of the size of a trained layer."""
    random = np.random.default_rng(seed)
    for start in range(0, rows, 256):
        yield random.standard_normal((min(256, rows - start), columns), dtype="f4") * np.float32(0.02)


def weights(folder, kind, rows, columns, count):
    rows, columns, count = int(rows), int(columns), int(count)
    piece = lambda seed: lambda: (rounded(block, kind).tobytes() for block in rows_of(seed, rows, columns))
    write(f"{folder}/model.safetensors",
          [(name, kind, (rows, columns), piece(layer)) for layer, name in enumerate(names(count))], {"format": "pt"})
    random = np.random.default_rng(99)
    norm = 0.02 * np.sqrt(rows * columns)
    for rank in RANKS:
        keys, factors = [], []
        for name in names(1 if rank == 1 else count):
            k = random.standard_normal((rank, columns))
            r = random.standard_normal((rank, rows))
            left = np.linalg.solve(k @ k.T, r).T           # Δ = Rᵀ (K Kᵀ)⁻¹ K, what EMMET without a second moment gives
            scale = SIZE_OF_EDIT * norm / np.sqrt(np.einsum("ij,ij->", left, r.T))
            keys += [array(name + ".keys", k.astype("f4"), "F32"),
                     array(name + ".residuals", (r * scale).astype("f4"), "F32")]
            factors += [array(name + ".left", (left * scale).astype("f4"), "F32"),
                        array(name + ".right", k.astype("f4"), "F32")]
        write(f"{folder}/rank-{rank}.keys.safetensors", keys)
        write(f"{folder}/rank-{rank}.factors.safetensors", factors)


def solve(folder, input_width, output_width, edits):
    """A model of one weight, its keys, and Σ k kᵀ over ten tokens per input.

    The sum is a Wishart matrix (Bartlett: A Aᵀ with χ on A's diagonal) between two scalings: eigenvalues fall over five
    powers of ten, as those of feed-forward keys do, and reflections mix the inputs so that the matrix is dense.
    """
    d, outputs, edits = int(input_width), int(output_width), int(edits)
    random, tokens, name = np.random.default_rng(5), 10 * d, names(1)[0]
    a = np.tril(random.standard_normal((d, d), dtype="f4"), -1)
    a[np.diag_indices(d)] = np.sqrt(random.chisquare(tokens - np.arange(d)))
    a *= (np.arange(1, d + 1, dtype="f4") / d)[:, None] ** np.float32(-0.5) * np.geomspace(1, 1e-2, d, dtype="f4")[:, None]
    for _ in range(8):
        u = random.standard_normal((d, 1), dtype="f4")
        a -= (2 / (u.T @ u)) * u @ (u.T @ a)
    second_moment = a @ a.T
    second_moment = (second_moment + second_moment.T) / 2
    keys = a @ random.standard_normal((d, edits), dtype="f4") / np.float32(np.sqrt(tokens))
    write(f"{folder}/statistics.safetensors",
          [array(name + ".second_moment_sum", second_moment, "F32"),
           array(name + ".token_count", np.array([tokens], "<i8"), "I64")], {"model": "benchmark"})
    write(f"{folder}/keys.safetensors",
          [array(name + ".keys", np.ascontiguousarray(keys.T), "F32"),
           array(name + ".residuals", random.standard_normal((edits, outputs), dtype="f4"), "F32")])
    write(f"{folder}/model.safetensors",
          [(name, "F32", (outputs, d), lambda: (block.tobytes() for block in rows_of(1, outputs, d)))])


def sparse(path):
    write(path, [(f"model.layers.{i // 6}.part.{i % 6}.weight", "BF16", (8192, 20352), lambda: []) for i in range(300)])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
