"""A plain reader of Errata patches, written from patch.md alone; docstrings name the sections of that page.
    python3 errata_patch.py apply|revert PATCH MODEL OUT        python3 errata_patch.py show PATCH
MODEL: a .safetensors file, or a folder of them (or the .safetensors.index.json in it); OUT is then a new folder."""
import glob, hashlib, json, os, pathlib, re, shutil, struct, sys, tempfile
import numpy as np, zstandard
TILE = 1 << 20
TYPES = {"F64": ("<u8", "<f8", 0x7FF << 52), "F32": ("<u4", "<f4", 0xFF << 23),    # stored bits, binary form, +infinity
         "F16": ("<u2", "<f2", 0x7C00), "BF16": ("<u2", None, 0x7F80)}
KNOWN = dict(change="low-rank", orientation="output-major input-major", rounding="nearest stochastic", factorType="F16 F32")
sha = lambda data: hashlib.sha256(data).digest()

def need(detail, **checks):  # refuses under the name of the first check that is false
    for case, passed in checks.items():
        if not passed:
            sys.exit(f"errata_patch.py: {case}: {detail}")

class Patch:
    """The whole file, Header, Patch digest, Block table: all checked before a block is decoded."""
    def __init__(self, path):
        self.data = data = pathlib.Path(path).read_bytes()
        need(f"{len(data)} bytes", wrongLength=len(data) >= 72)
        magic, version, features, m, b, length = struct.unpack("<8sIIQQQ", data[:40])
        need("header", notAPatch=magic == b"\x89ERR\r\n\x1a\n", unknownVersion=version == 1,
             unknownFeature=features == 0, manifestTooLarge=m <= 1 << 28, tooManyBlocks=b <= 1 << 24)
        need("header", wrongLength=length == len(data) >= (body := 40 + m + 48 * b) + 32)
        need(path, patchDigest=sha(data[:body]) == data[-32:])
        self.table = np.frombuffer(data[40 + m:body], "<u8, <u4, <u4, V32")
        stored, decoded, coding = (self.table[name] for name in ("f0", "f1", "f2"))
        need("block table", unknownCoding=(coding <= 4).all(), blockTooLarge=(stored <= (1 << 23) + 64).all()
             and (decoded <= TILE * (coding != 4)).all(), wrongLength=body + int(stored.sum()) + 32 == length)
        self.ends = body + np.cumsum(stored, dtype=np.int64)
        try:
            self.manifest = read_manifest(data[40:40 + m], decoded, coding)
        except Exception as error:
            need(repr(error), badManifest=False)
    def block(self, index):
        """Block table: the decoded bytes (of choices the stored ones), after the digest is checked."""
        stored, decoded, coding, digest = self.table[index].item()
        data = self.data[self.ends[index] - stored:self.ends[index]]
        need(f"block {index}", blockDigest=sha(data) == digest)
        if coding in (1, 2, 3):
            try:                                           # no more memory than declared, and nothing after the frame
                need(f"block {index}", blockDecoding=zstandard.frame_content_size(data) in (-1, decoded))
                data = zstandard.ZstdDecompressor().decompress(data, decoded, allow_extra_data=False)
                data = np.frombuffer(data, "u1").reshape(1 << coding - 1, -1).T.tobytes()
            except (zstandard.ZstdError, ValueError) as error:                 # ValueError: planes of unequal lengths
                need(f"block {index}: {error}", blockDecoding=False)
        need(f"block {index}", blockDecoding=coding == 4 or len(data) == decoded)
        return data
    def content(self, block_range):
        return b"".join(map(self.block, range(block_range[0], sum(block_range))))

def read_manifest(data, decoded, coding):
    """Manifest: every field and block range; the caller refuses what Python itself finds missing or malformed."""
    once = lambda pairs: need("duplicate key", badManifest=len(dict(pairs)) == len(pairs)) or dict(pairs)
    m, cursor = json.loads(data.decode(), object_pairs_hook=once, parse_constant=int), 0     # int: no NaN, Infinity
    names = [t["name"].encode(errors="surrogatepass") for t in m["tensors"]]
    need("a top field, or the order of the tensors", badManifest=m["format"] == "errata patch" and type(m["tool"]) is str
         and type(m["tensors"]) is list and type(m["model"]["family"]) in (str, type(None))
         and type(m.get("edit", {})) is dict and names == sorted(set(names)))
    for t in m["tensors"]:
        need(repr(t["name"]), unknownChange=all(t[key] in KNOWN[key].split() for key in KNOWN))
        (rows, columns), rank, width = t["shape"], t["rank"], np.dtype(TYPES[t["elementType"]][0]).itemsize
        numbers = sum((t[key] for key in ("leaves", "scales", "left", "right", "choices")), [rows, columns, rank])
        need(repr(t["name"]), badManifest=len(numbers) == 13 and {type(x) for x in numbers} == {int} and min(numbers) >= 0
             and 0 < rank <= min(t["shape"]) and rows * columns * width < 1 << 63 and type(t.get("measured", {})) is dict
             and all(re.fullmatch("[0-9a-f]{64}", t[side + "Digest"]) for side in ("base", "result"))
             and (t["rounding"] == "nearest" or width == 2 and re.fullmatch("[0-9a-f]{16}", t["seed"])))
        outputs, inputs = (rows, columns) if t["orientation"] == "output-major" else (columns, rows)
        tiles, factor = -(-rows * columns * width // TILE), rank * (2 if t["factorType"] == "F16" else 4)
        for key, size in zip(("leaves", "scales", "left", "right", "choices"),
                             (64 * tiles, 4 * rank, factor * outputs, factor * inputs, 0)):
            first, cursor = cursor, cursor + (-(-size // TILE) or tiles)
            need(f"{t['name']!r}: {key}", badBlockRange=t[key] == [first, cursor - first] and cursor <= len(coding)
                 and ((coding[first:cursor] == 4) == (size == 0)).all() and decoded[first:cursor].sum(dtype="u8") == size
                 and (size == 0 or (decoded[first:cursor - 1] == TILE).all()))
    need("blocks without a range", badBlockRange=cursor == len(coding))
    return m

class LowRank:
    """Arithmetic: the change of one tensor; b are elements as arrays of their bits."""
    def __init__(self, patch, t):
        self.kind, (self.bits, self.binary, infinity) = t["elementType"], TYPES[t["elementType"]]
        self.columns, self.step = t["shape"][1], 1 if t["orientation"] == "output-major" else -1
        self.infinity, self.sign = np.array([infinity, 1 << 8 * np.dtype(self.bits).itemsize - 1], self.bits)
        self.seed = int(t["seed"], 16) if t["rounding"] == "stochastic" else None
        read = lambda key, form: np.frombuffer(patch.content(t[key]), form).astype("f4").reshape(t["rank"], -1)
        scales, *factors = read("scales", "<f4"), *(read(key, TYPES[t["factorType"]][1]) for key in ("left", "right"))
        need(repr(t["name"]), notFinite=all(np.isfinite(x).all() for x in (scales, *factors)))
        self.factors = list(zip(factors[0], factors[1] * scales))                      # L and R, by component
    def prepare(self, e):
        """Sum: s of the elements with index e, each product and sum rounded. Stochastic: their draws u."""
        i, j = np.divmod(e, self.columns)[::self.step]
        s, z = np.zeros(len(e), "f4"), np.uint64(self.seed or 0) + (e.astype("u8") + 1) * 0x9E3779B97F4A7C15
        for left, right in self.factors:
            s = s + left[i] * right[j]
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB
        return s, ((z ^ (z >> 31)) >> 40).astype("u4")
    def widen(self, b):
        """Bits as binary64 (F64) or binary32, exactly."""
        return (b.astype("u4") << 16).view("f4") if self.kind == "BF16" else \
            b.view(self.binary).astype("f4" if self.kind == "F16" else self.binary)
    def narrow(self, x, u=None):
        """Nearest or, with u, Stochastic; in BF16 that is a carry from the low half of the bits of x plus u / 256."""
        if self.kind == "BF16":
            b = x.view("u4")
            return ((b + (0x7FFF + (b >> 16 & 1) if u is None else u >> 8)) >> 16).astype(self.bits)
        if u is not None:                                  # F16, in binary64, where all of this is exact
            a = np.abs(x).astype("f8")
            q = np.ldexp(1.0, np.maximum(np.frexp(a)[1] - 1, -14) - 10)
            part, steps = np.modf(a / q)                   # of |x| - |x0| and |x0|, in units of q
            x = np.copysign((steps + (np.floor(part * 2 ** 24) + u >= 2 ** 24)) * q, x)
        return x.astype(self.binary).view(self.bits)
    def f(self, b, s, u):
        """Adding: infinities and NaN stay."""
        return np.where(np.isfinite(w := self.widen(b)), self.narrow(w + s, None if self.seed is None else u), b)
    def revert(self, b, s, u, block):
        """Revert: a guess that leads to w' while its neighbors do not is the base; bisection finds the others' lo and hi."""
        key = lambda b: np.where(b & self.sign, ~b, b ^ self.sign)                 # the ordinal, + 2^(n - 1)
        bits = lambda k: np.where(k & self.sign, k ^ self.sign, ~k)                # and back
        def first(test, low, high):                        # the smallest key to pass; high passes, and all after a pass
            while (low < high).any():
                passes = test(key(self.f(bits(middle := low + (high - low >> 1)), s, u)))
                low, high = np.where(passes, low, middle + 1), np.where(passes, middle, high)
            return high
        guess = key(self.narrow((w := self.widen(b)) - s))
        below, same, above = (self.f(bits(x), s, u) == b for x in (guess - 1, guess, guess + 1))
        stay = np.isnan(w) | np.isnan(s) & np.isinf(w)     # they come from themselves
        out, rest = np.where(stay, b, bits(guess)), np.flatnonzero(~(same & ~below & ~above | stay))
        b, s, u = b[rest], s[rest], u[rest]                # also for `first`
        target, top = key(b), np.full(len(b), key(self.infinity), self.bits)
        lo = first(lambda y: y >= target, ~top, top)       # ~top is the key of -infinity
        hi = first(lambda y: y > target, lo, top + 1) - 1  # top + 1 is a NaN, which leads to itself
        need("nothing leads to an element", choicesMismatch=(lo <= hi).all())
        digits = np.array(unpack(block, [n + 1 for n in (hi - lo).tolist()]), self.bits)
        out[rest] = bits(np.where(b & self.sign, hi - digits, lo + digits))
        return out

def unpack(block, counts):
    """Revert: the digits of a tile's open elements; those with a count of 1 change nothing."""
    digits, at = [], 0
    while len(digits) < len(counts):
        end, total = len(digits), 1
        while end < len(counts) and total * counts[end] <= 1 << 64:
            total, end = total * counts[end], end + 1
        size = ((total - 1).bit_length() + 7) // 8
        value, at = int.from_bytes(block[at:at + size], "little"), at + size
        need("too short, or a number too large", choicesMismatch=at <= len(block) and value < total)
        for n in counts[len(digits):end]:
            value, digit = divmod(value, n)
            digits.append(digit)
    need("too long", choicesMismatch=at == len(block))
    return digits

def read_model(model):
    """The file or folder, and for each tensor name its (element type, shape, file, offset, tiles)."""
    root, tensors = (os.path.dirname(model) or ".") if model.endswith(".index.json") else model.rstrip("/"), {}
    for path in sorted(glob.glob(glob.escape(root) + "/*.safetensors")) if os.path.isdir(root) else [root]:
        data = np.memmap(path, "u1", "r")
        start = 8 + int.from_bytes(data[:8].tobytes(), "little")
        for name, t in json.loads(data[8:start].tobytes()).items():
            if name != "__metadata__":
                begin, end = (start + x for x in t["data_offsets"])
                need(f"{path}: {name!r}", badInput=name not in tensors and start <= begin <= end <= len(data))
                tiles = [data[i:min(i + TILE, end)] for i in range(begin, end, TILE)]
                tensors[name] = t["dtype"], t["shape"], path, begin, tiles
    return root, tensors

def transform(command, patch, model, out):
    """Apply, Revert, A reader MUST: a changed copy that gets its name when all is checked."""
    apply, patch, (root, tensors), jobs, out = command == "apply", Patch(patch), read_model(model), [], out.rstrip("/")
    for t in patch.manifest["tensors"]:
        kind, shape, path, begin, tiles = tensors.get(t["name"], (None, None, "", 0, []))
        leaves = np.frombuffer(patch.content(t["leaves"]), "V32").reshape(-1, 2).T
        need(repr(t["name"]), tensorMissing=kind, tensorMismatch=(kind, shape) == (t["elementType"], t["shape"]),
             leafDigest=[sha(side.tobytes()).hex() for side in leaves] == [t["baseDigest"], t["resultDigest"]],
             wrongBase=sha(b"".join(map(sha, tiles))).hex() == t["baseDigest" if apply else "resultDigest"])
        jobs.append((t, path[len(root):], begin, zip(tiles, leaves[int(apply)].tolist())))
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out) or ".") as partial:
        copy = partial + "/model"
        shutil.copytree(root, copy, copy_function=shutil.copyfile) if os.path.isdir(root) else shutil.copyfile(root, copy)
        for t, path, begin, tiles in jobs:
            change, data = LowRank(patch, t), np.memmap(copy + path, "u1", "r+")
            for i, (tile, leaf) in enumerate(tiles):
                b = np.frombuffer(tile.tobytes(), change.bits)
                s, u = change.prepare(np.arange(len(b)) + i * (TILE // b.itemsize))
                result = change.f(b, s, u) if apply else change.revert(b, s, u, patch.block(t["choices"][0] + i))
                need(f"{t['name']!r}, tile {i}", wrongResult=sha(result.tobytes()) == leaf)
                data[begin + i * TILE:][:len(tile)] = result.view("u1")
        os.replace(copy, out)

if __name__ == "__main__":
    if [len(sys.argv), *sys.argv[1:2]] not in ([3, "show"], [5, "apply"], [5, "revert"]):
        sys.exit(__doc__)
    np.seterr(all="ignore")
    try:
        print(json.dumps(Patch(sys.argv[2]).manifest, indent=2)) if len(sys.argv) == 3 else transform(*sys.argv[1:])
    except Exception as error:                             # a file that cannot be read or written, or a bad model file
        need(repr(error), badInput=False)
