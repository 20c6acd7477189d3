"""Measures errata diff, apply and revert on pairs of models against general delta tools, and prints one table.

    python3 Benchmarks/diff.py path/to/errata [--scratch DIR] [--quick] [--pairs memit-BF16,ft-BF16] [--without-peers]

Needs numpy for the inputs. Peers are xdelta3, zstd --patch-from and zipnn; what is missing is skipped, and said so.
--quick takes three layers instead of ten and scales the aims that depend on the size.

The pairs have the shape of a small Llama model (506 M parameters, 1.012 GB), normal weights of deviation 0.02:

    memit   five down_proj += rank 100 with a falling spectrum, ‖Δ‖/‖W‖ = 1 … 5 %
    rank1   one down_proj += rank 1, 2 %
    ft      every matrix += normal noise of 1e-3 of its deviation; also both quantized to Q8_0, in GGUF
    same    two files of the same content

--base FILE --edited FILE measures a pair of 16-bit safetensors files instead: that of a trained model, say.
"""
import argparse, importlib.util, json, math, os, shutil, struct, subprocess, sys, tempfile
from run import REPEATS, Run, machine, told  # this process stays without numpy: see inputs.py on peak memory

HIDDEN, INNER, KEYS, VOCABULARY, DEVIATION = 2048, 5632, 256, 32000, 0.02
FULL_LAYERS, QUICK_LAYERS = 10, 3
PAIRS = ("memit-BF16", "memit-F16", "rank1-BF16", "rank1-F16", "ft-BF16", "ft-F16", "ft-Q8_0", "same-BF16")
LIMIT_OF_XDELTA = 60         # CPU s
EFFORT = 8                   # passes that refine factors
THREADS = {"1 thread": ("--threads", "1"), "default": ()}


# Inputs, each made by a process of its own

def shapes(layers):
    """Names and shapes of all tensors."""
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(layers):
        for name, shape in (("self_attn.q_proj", (HIDDEN, HIDDEN)), ("self_attn.k_proj", (KEYS, HIDDEN)),
                            ("self_attn.v_proj", (KEYS, HIDDEN)), ("self_attn.o_proj", (HIDDEN, HIDDEN)),
                            ("mlp.gate_proj", (INNER, HIDDEN)), ("mlp.up_proj", (INNER, HIDDEN)),
                            ("mlp.down_proj", (HIDDEN, INNER)),
                            ("input_layernorm", (HIDDEN,)), ("post_attention_layernorm", (HIDDEN,))):
            yield f"model.layers.{layer}.{name}.weight", shape
    yield "model.norm.weight", (HIDDEN,)


def edits(pair, layers):
    """(rank, {name: ‖Δ‖/‖W‖}) of a low-rank pair."""
    name = "model.layers.{}.mlp.down_proj.weight".format
    if pair == "rank1":
        return 1, {name(layers // 2): 0.02}
    return 100, ({name(layer): (layer - 2) / 100 for layer in range(3, 8)} if layers == FULL_LAYERS
                 else {name(0): 0.01, name(layers - 1): 0.05})


def stored(path):
    """The 16-bit patterns of every tensor, mapped from the file."""
    import numpy as np
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {name: np.memmap(path, "<u2", "r", 8 + length + tensor["data_offsets"][0], tuple(tensor["shape"]))
            for name, tensor in header.items()}


def make_base(path, kind, layers):
    """The model before: normal matrices, norms of one."""
    import numpy as np
    from inputs import rounded, rows_of, write

    if kind == "Q8_0":
        return make_quantized(path, layers, None)

    def content(seed, shape):
        blocks = rows_of(seed, *shape) if len(shape) == 2 else [np.ones(shape, "f4")]
        return lambda: (rounded(block, kind).tobytes() for block in blocks)

    write(path, [(name, kind, shape, content(seed, shape)) for seed, (name, shape) in enumerate(shapes(int(layers)))],
          {"format": "pt"})


def make_quantized(path, layers, pair):
    """The model of `make_base`, or its fine-tune, in blocks of 32 numbers with a scale."""
    import numpy as np
    from inputs import quantized, rows_of, write_gguf

    def content(seed, shape):
        if len(shape) == 1:
            yield np.ones(shape, "<f4").tobytes()
            return
        noise = np.random.default_rng((7, seed))
        for block in rows_of(seed, *shape):
            change = noise.standard_normal(block.shape, "f4") * np.float32(1e-3 * DEVIATION) if pair else 0
            yield quantized(block + change).tobytes()

    write_gguf(path, [(name, "Q8_0" if len(shape) == 2 else "F32", shape, lambda seed=seed, shape=shape: content(seed, shape))
                      for seed, (name, shape) in enumerate(shapes(int(layers)))])


def make_edited(base, path, kind, pair, layers):
    """The model after: W + Δ in float32, rounded to nearest even."""
    import numpy as np
    from inputs import rounded, write
    if kind == "Q8_0":
        return make_quantized(path, layers, pair)
    before = stored(base)
    rank, strengths = edits(pair, int(layers))

    def low_rank(random, rows, columns, strength):
        left = random.standard_normal((rows, rank)) * np.geomspace(1, 0.1, rank)
        right = random.standard_normal((rank, columns))
        norm = math.sqrt(np.einsum("ij,ij->", left.T @ left, right @ right.T))
        left = (left * (strength * DEVIATION * math.sqrt(rows * columns) / norm)).astype("f4")
        right = right.astype("f4")
        return lambda part: left[part] @ right

    def change(seed, name, shape):
        """A function from a range of rows to their change; none where the tensor stays."""
        random = np.random.default_rng((7, seed))
        if pair == "ft" and len(shape) == 2:
            return lambda part: random.standard_normal((part.stop - part.start, shape[1]), "f4") * np.float32(1e-3 * DEVIATION)
        if pair != "ft" and name in strengths:
            return low_rank(random, *shape, strengths[name])

    def content(seed, name):
        bits, by = before[name], change(seed, name, before[name].shape)
        if by is None:
            yield bits.tobytes()
        for start in range(0, len(bits) if by else 0, 256):
            part = slice(start, min(start + 256, len(bits)))
            weight = (bits[part].astype("u4") << 16).view("f4") if kind == "BF16" else bits[part].view("<f2").astype("f4")
            yield rounded(weight + by(part), kind).tobytes()

    write(path, [(name, kind, bits.shape, lambda seed=seed, name=name: content(seed, name))
                 for seed, (name, bits) in enumerate(before.items())], {"format": "pt"})


def entropy(base, edited, kind):
    """Prints bytes changed, and bits per element of the ordinal difference: of order 0, and given the base's exponent.

    Taken tensor by tensor, in large models from at most 2²⁴ elements each of about a dozen changed tensors.
    """
    import numpy as np
    if kind == "Q8_0":
        print(json.dumps({"bytes": os.path.getsize(base)}))
        return
    before, after = stored(base), stored(edited)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    fraction, elements, plain, given = (7 if kind == "BF16" else 10), 0, 0.0, 0.0

    def ordinal(bits):
        magnitude = (bits & 0x7FFF).astype("i4")
        return np.where(bits & 0x8000, -magnitude, magnitude)

    def information(numbers):
        counts = np.bincount(numbers - numbers.min())
        counts = counts[counts > 0].astype("f8")
        return counts.sum() * math.log2(counts.sum()) - (counts * np.log2(counts)).sum()

    total = sum(before[name].size for name in changed)
    for name in changed if total <= 1 << 26 else changed[::math.ceil(len(changed) / 12)]:
        old, new = (np.asarray(file[name]).ravel()[:1 << 24] for file in (before, after))
        difference, exponent = ordinal(new) - ordinal(old), (old & 0x7FFF) >> fraction
        elements += old.size
        plain += information(difference)
        given += sum(information(difference[exponent == one]) for one in np.unique(exponent))
    print(json.dumps({"bytes": sum(before[name].nbytes for name in changed), "plain": plain / elements,
                      "given": given / elements, "moved": float(np.mean(difference != 0))}))


# Peers

def zipnn(way, kind, base, source, target):
    """ZipNN's delta of whole files, one thread: compress SOURCE against BASE, or the way back."""
    from zipnn import ZipNN
    coder = ZipNN(delta_compressed_type="byte", threads=1, bytearray_dtype="bfloat16" if kind == "BF16" else "float16")
    with open(source, "rb") as file, open(base, "rb") as reference:
        result = (coder.compress if way == "create" else coder.decompress)(file.read(), delta_second_data=reference.read())
    with open(target, "wb") as file:
        file.write(result)


def peers(run, pair, kind, base, edited, out):
    """What there is to compare with: name → (patch, command to create it, command to apply it), or why there is none."""
    found = {}
    patch = run.path("zstd.patch")
    found["zstd"] = "not installed" if not shutil.which("zstd") else (
        patch, ("zstd", "-q", "-f", "-3", "--long=31", f"--patch-from={base}", edited, "-o", patch),
        ("zstd", "-q", "-f", "-d", "--long=31", f"--patch-from={base}", patch, "-o", out))
    patch = run.path("zipnn.patch")
    has_zipnn = importlib.util.find_spec("zipnn") is not None
    found["zipnn"] = "not installed" if not has_zipnn else (
        patch, run.python("diff.py", "zipnn", "create", kind, base, edited, patch),
        run.python("diff.py", "zipnn", "apply", kind, base, patch, out))
    if pair == "memit":
        patch = run.path("xdelta3.patch")
        limited = ("sh", "-c", f'ulimit -t {LIMIT_OF_XDELTA} && exec xdelta3 "$@"', "sh", "-f", "-B", str(1 << 30))
        found["xdelta3"] = "not installed" if not shutil.which("xdelta3") else (
            patch, (*limited, "-e", "-s", base, edited, patch), (*limited, "-d", "-s", base, patch, out))
    return found


# Measuring

def check_same(one, other):
    if subprocess.run(["cmp", "-s", one, other], check=False).returncode:
        sys.exit(f"{os.path.basename(one)} is not {os.path.basename(other)}, byte for byte")


def measure_peers(run, commands, edited, out):
    """Each peer once: name → (patch MB, create, apply), or why not. The apply of each must give the edited file."""
    costs = {}
    for name, peer in commands.items():
        if isinstance(peer, str):
            costs[name] = peer
            continue
        patch, create, apply = peer
        try:
            created, size = run.once(*create), os.path.getsize(patch) / 1e6
            applied = run.once(*apply)
        except SystemExit:
            costs[name] = f"stopped after {LIMIT_OF_XDELTA} s CPU" if name == "xdelta3" else "failed"
            continue
        check_same(out, edited)
        costs[name] = (size, created, applied)
        os.remove(patch)
    return costs


def beside(costs, value, unit):
    """The peers' cell, and the best of their values."""
    values = {name: value(cost) for name, cost in costs.items() if not isinstance(cost, str)}
    cell = "; ".join([f"{name} {number:.1f} {unit}" for name, number in values.items()]
                     + [f"{name}: {cost}" for name, cost in costs.items() if isinstance(cost, str)])
    return cell, min(values.values(), default=None)


def over(ours, best):
    return "" if best is None else f"{ours / best:.3f}"


def seconds(ours, step):
    """CPU seconds on one thread and by default, there with the wall clock."""
    return "; ".join(f"{name} {costs[step].cpu:.2f} s CPU" + ("" if name == "1 thread" else f", {costs[step].wall:.1f} s")
                     for name, costs in ours.items())


def measure_same(run, kind, base, with_rows):
    """Compares a file with its copy; the CPU seconds of one thread."""
    copy = run.path("copy" + os.path.splitext(base)[1])
    shutil.copyfile(base, copy)
    costs = {name: run.median(run.tool("diff", base, copy, *threads)) for name, threads in THREADS.items()}
    os.remove(copy)
    single, size = costs["1 thread"][0].cpu, os.path.getsize(base) / 1.012e9
    if with_rows:
        run.add(f"same {kind}, {size * 1012:.0f} MB: compare", seconds(costs, 0), aim=f"≤ {size:.2f} s CPU", met=single <= size)
        peak = max(cost[0].peak for cost in costs.values())
        run.add(f"same {kind}: peak memory", f"{peak:.0f} MiB", aim="≤ 256 MiB", met=peak <= 256)
    return single


def measure_pair(run, pair, kind, base, layers, comparing, with_peers, given=None):
    """One pair: patch and limits, create, apply, revert, memory."""
    ending = "gguf" if kind == "Q8_0" else "safetensors"
    edited, patch, out, back = (run.path(name) for name in
                                (f"edited.{ending}", "errata.patch", f"out.{ending}", f"back.{ending}"))
    if given:
        shutil.copyfile(given, edited)
    else:
        subprocess.run(run.python("diff.py", "make_edited", base, edited, kind, pair, layers), check=True)
    limit = json.loads(run.once(*run.python("diff.py", "entropy", base, edited, kind)).output)
    changed, ours = limit["bytes"] / 1e6, {}
    for name, threads in THREADS.items():
        ours[name] = run.median(run.tool("diff", base, edited, "-o", patch, *threads),
                                run.tool("apply", patch, base, "-o", out, *threads),
                                run.tool("revert", patch, out, "-o", back, *threads))
        check_same(out, edited)
        check_same(back, base)
    size, single = os.path.getsize(patch) / 1e6, ours["1 thread"]
    (cp,) = run.median(("cp", edited, back))
    costs = measure_peers(run, peers(run, pair, kind, base, edited, out), edited, out) if with_peers else {}

    label, whole = f"{pair} {kind}", {"memit": 115.34, "rank1": 23.07, "ft": 1012.0}
    aims = {"memit-BF16": 25, "memit-F16": 25, "rank1-BF16": 1, "rank1-F16": 1, "ft-BF16": 65}
    aim = aims[f"{pair}-{kind}"] * changed / whole[pair] if f"{pair}-{kind}" in aims else None
    cell, best = beside(costs, lambda cost: cost[0], "MB")
    run.add(f"{label}, {changed:.0f} MB changed: patch, both ways", f"{size:.2f} MB", cell, over(size, best),
            *((f"≤ {aim:.1f} MB", size <= aim) if aim else ()))
    if "given" in limit:
        plain, exponent = (limit[name] / 16 * changed for name in ("plain", "given"))
        run.add(f"{label}: patch against entropy given the base's exponent, of order 0", f"{size:.2f} MB",
                f"{exponent:.1f} MB ({limit['given']:.2f} bit), {plain:.1f} MB ({limit['plain']:.2f} bit)",
                f"{size / exponent:.3f}, {size / plain:.3f}", "≤ 1.02, the former", size <= 1.02 * exponent)
    if pair in ("memit", "rank1"):
        refined = run.path("refined.patch")
        (cost,) = run.median(run.tool("diff", base, edited, "-o", refined, "--effort", str(EFFORT), "--threads", "1"), repeats=1)
        run.add(f"{label}: with --effort {EFFORT}", f"{os.path.getsize(refined) / 1e6:.2f} MB, {cost.cpu:.2f} s CPU",
                "", f"{os.path.getsize(refined) / 1e6 / size:.3f} of the patch without")
        os.remove(refined)
    cell, best = beside(costs, lambda cost: cost[1].cpu, "s")
    run.add(f"{label}: create", seconds(ours, 0), cell, over(single[0].cpu, best))
    rate = changed / max(single[0].cpu - comparing, 1e-3)
    run.add(f"{label}: coding, create less compare of equal files", f"{rate:.0f} MB per s CPU", aim="≥ 150", met=rate >= 150)
    cell, best = beside(costs, lambda cost: cost[2].cpu, "s")
    run.add(f"{label}: apply -o", seconds(ours, 1), f"{cell} (cp: {cp.cpu:.1f} s)".strip(), over(single[1].cpu, best),
            "≤ 1/3 of the best peer", None if best is None else single[1].cpu * 3 <= best)
    ratio = single[2].cpu / single[1].cpu
    run.add(f"{label}: revert -o", seconds(ours, 2), "", f"{ratio:.2f} of apply", "≤ 1.2 of apply", ratio <= 1.2)
    peaks = [max(cost[step].peak for cost in ours.values()) for step in range(3)]
    cell, best = beside(costs, lambda cost: max(cost[1].peak, cost[2].peak), "MiB")
    run.add(f"{label}: peak memory of create, apply, revert", ", ".join(f"{peak:.0f}" for peak in peaks) + " MiB", cell,
            over(max(peaks), best), "≤ 256 MiB", max(peaks) <= 256)
    for path in (edited, patch, out, back):
        os.remove(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    parser.add_argument("--scratch", default="/tmp", help="a folder with 8 GB of room (default: /tmp)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--pairs", default=",".join(PAIRS), help=f"default: {','.join(PAIRS)}")
    parser.add_argument("--without-peers", action="store_true", help="only errata")
    parser.add_argument("--base", help="with --edited: a pair to measure instead")
    parser.add_argument("--edited")
    parser.add_argument("--kind", default="BF16", choices=("BF16", "F16"), help="element type of that pair")
    options = parser.parse_args()
    layers, before = QUICK_LAYERS if options.quick else FULL_LAYERS, os.getloadavg()[0]
    chosen = [tuple(pair.split("-")) for pair in options.pairs.split(",")]
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="errata-bench-") as folder:
        run = Run(options.errata, folder, quick=False)          # its quick gives no verdicts; here the aims are scaled
        if importlib.util.find_spec("zipnn") and not options.without_peers:
            importing = run.once(sys.executable, "-c", "import zipnn")
            run.add("zipnn: its import alone, part of its seconds", "", told(importing))
        if options.base:
            comparing = measure_same(run, options.kind, options.base, False)
            measure_pair(run, "given", options.kind, options.base, 0, comparing, not options.without_peers, options.edited)
            chosen = []
        for kind in dict.fromkeys(kind for _, kind in chosen):
            base = run.path("base.gguf" if kind == "Q8_0" else "base.safetensors")
            subprocess.run(run.python("diff.py", "make_base", base, kind, layers), check=True)
            comparing = measure_same(run, kind, base, ("same", kind) in chosen)
            for pair in (pair for pair, one in chosen if one == kind and pair != "same"):
                measure_pair(run, pair, kind, base, layers, comparing, not options.without_peers)
        print(f"{machine()}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after; errata: medians of {REPEATS}, "
              "peers once; verdicts on 1 thread, memory the larger of both" + ("; quick" if options.quick else "") + "\n")
        run.print_table()


if __name__ == "__main__":
    steps = {step.__name__: step for step in (make_base, make_edited, entropy, zipnn)}
    steps[sys.argv[1]](*sys.argv[2:]) if sys.argv[1:2] and sys.argv[1] in steps else main()
