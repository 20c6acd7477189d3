#!/usr/bin/env python3
"""A plain reader of Errata patches, written from patch.md alone; the docstrings name that page's sections.

    python3 errata_patch.py apply  PATCH MODEL OUT      python3 errata_patch.py show PATCH
    python3 errata_patch.py revert PATCH MODEL OUT

MODEL: a .safetensors file, or a folder of shards (or its .safetensors.index.json); OUT is then a new folder."""
import glob, hashlib, json, mmap, os, re, shutil, struct, sys
import numpy as np
import zstandard

TILE = 1 << 20
TYPES = {"F64": ("<u8", "<f8", 0x7FF << 52), "F32": ("<u4", "<f4", 0xFF << 23),    # stored bits, binary form, +infinity
         "F16": ("<u2", "<f2", 0x7C00), "BF16": ("<u2", None, 0x7F80)}
KNOWN = {"change": ["low-rank"], "orientation": ["output-major", "input-major"], "factorType": ["F16", "F32"],
         "rounding": ["nearest", "stochastic"]}

class Refusal(Exception):
    """Its arguments: the name in patch.md, and a detail for people."""

def need(ok, case, detail):
    if not ok:
        raise Refusal(case, detail)

def sha(data):
    return hashlib.sha256(data).digest()

class Patch:
    """The whole file, Header, Patch digest, Block table: checked before any block is decoded."""
    def __init__(self, path):
        size = os.path.getsize(path)
        need(size >= 72, "wrongLength", f"{size} bytes")
        with open(path, "rb") as file:
            self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        magic, version, features, m, b, length = struct.unpack("<8sIIQQQ", self.data[:40])
        need(magic == b"\x89ERR\r\n\x1a\n", "notAPatch", path)
        need(version == 1, "unknownVersion", version)
        need(features == 0, "unknownFeature", hex(features))
        need(m <= 1 << 28, "manifestTooLarge", m)
        need(b <= 1 << 24, "tooManyBlocks", b)
        body = 40 + m + 48 * b
        need(length == size >= body + 32, "wrongLength", f"header says {length}, file has {size}")
        need(sha(self.data[:body]) == self.data[-32:], "patchDigest", path)
        self.table = np.frombuffer(self.data[40 + m:body], "<u8, <u4, <u4, V32")
        stored, decoded, coding = (self.table[name] for name in ("f0", "f1", "f2"))
        need((stored <= (1 << 23) + 64).all() and (decoded <= TILE).all(), "blockTooLarge", "block table")
        need((coding <= 4).all(), "unknownCoding", "block table")
        need((decoded[coding == 4] == 0).all(), "blockTooLarge", "choices with a decoded length")
        self.ends = body + np.cumsum(stored, dtype=np.int64)
        need(body + int(stored.sum()) + 32 == size, "wrongLength", "blocks")
        self.manifest = read_manifest(bytes(self.data[40:40 + m]), decoded, coding)

    def block(self, index):
        """Block table: decoded bytes (of choices: the stored ones), after the check of the digest."""
        stored, decoded, coding, digest = self.table[index].item()
        data = bytes(self.data[self.ends[index] - stored:self.ends[index]])
        need(sha(data) == digest, "blockDigest", f"block {index}")
        if coding in (1, 2, 3):
            out, planes, frame = bytearray(), 1 << coding - 1, zstandard.ZstdDecompressor().decompressobj()
            try:
                for at in range(0, stored, 1024):          # in small steps, so that a hostile frame stays small
                    need(len(out) <= decoded, "blockDecoding", f"block {index}: too long")
                    out += frame.decompress(data[at:at + 1024])
            except zstandard.ZstdError as error:           # damage, or bytes after the frame
                raise Refusal("blockDecoding", f"block {index}: {error}")
            need(frame.eof and not frame.unused_data and decoded % planes == 0 and len(out) == decoded,
                 "blockDecoding", f"block {index}")
            data = np.frombuffer(out, "u1").reshape(planes, -1).T.tobytes()
        need(coding == 4 or len(data) == decoded, "blockDecoding", f"block {index}: {len(data)} bytes")
        return data

    def content(self, block_range):
        return b"".join(map(self.block, range(block_range[0], sum(block_range))))

def field(o, key, kind, test=lambda value: True, case="badManifest"):
    need(type(o) is dict and type(o.get(key)) is kind, "badManifest", f"{key} is missing or malformed")
    need(test(o[key]), case, f"{key} {o[key]!r}")
    return o[key]

def pair(value):
    return [type(x) for x in value] == [int, int] and min(value) >= 0

def read_manifest(data, decoded, coding):
    """Manifest: every field and every block range."""
    def unique(pairs):
        need(len(dict(pairs)) == len(pairs), "badManifest", "duplicate key")
        return dict(pairs)
    try:
        m = json.loads(data.decode(), object_pairs_hook=unique, parse_constant=lambda c: field({}, c, float))
    except (ValueError, RecursionError) as error:
        raise Refusal("badManifest", error)
    field(m, "format", str, lambda v: v == "errata patch"), field(m, "tool", str), field({"edit": {}} | m, "edit", dict)
    need(isinstance(field(m, "model", dict).get("family", 0), (str, type(None))), "badManifest", "family")
    cursor, names = 0, [field(t, "name", str).encode(errors="surrogatepass") for t in field(m, "tensors", list)]
    need(names == sorted(set(names)), "badManifest", "order of the tensors")
    for t in m["tensors"]:
        for key in KNOWN:
            field(t, key, str, KNOWN[key].__contains__, "unknownChange")
        width = np.dtype(TYPES[field(t, "elementType", str, TYPES.__contains__)][0]).itemsize
        rows, columns = field(t, "shape", list, lambda v: pair(v) and 0 < v[0] * v[1] * width < 1 << 63)
        rank = field(t, "rank", int, lambda v: 1 <= v <= min(rows, columns))
        for key in ("baseDigest", "resultDigest"):
            field(t, key, str, lambda v: re.fullmatch("[0-9a-f]{64}", v))
        if t["rounding"] == "stochastic":
            field(t, "seed", str, lambda v: width == 2 and re.fullmatch("[0-9a-f]{16}", v))
        field({"measured": {}} | t, "measured", dict)
        outputs, inputs = (rows, columns) if t["orientation"] == "output-major" else (columns, rows)
        tiles, factor = -(-rows * columns * width // TILE), rank * (2 if t["factorType"] == "F16" else 4)
        for key, size in (("leaves", 64 * tiles), ("scales", 4 * rank), ("left", factor * outputs),
                          ("right", factor * inputs), ("choices", tiles * TILE)):
            end = cursor + -(-size // TILE)
            good = field(t, key, list, pair) == [cursor, end - cursor] and end <= len(coding)
            if good and key == "choices":
                good = (coding[cursor:end] == 4).all()
            elif good:
                good = (coding[cursor:end] < 4).all() and (decoded[cursor:end - 1] == TILE).all() \
                    and decoded[end - 1] == size - TILE * (end - cursor - 1)
            need(good, "badBlockRange", f"{t['name']!r}: {key}")
            cursor = end
    need(cursor == len(coding), "badBlockRange", "blocks without a range")
    return m

class LowRank:
    """Arithmetic: the change of one tensor. Elements are arrays of their bits b."""
    def __init__(self, patch, t):
        self.kind, self.columns, self.outputMajor = t["elementType"], t["shape"][1], t["orientation"] == "output-major"
        self.bits, self.binary, infinity = TYPES[self.kind]
        self.infinity, self.sign = np.array([infinity, 1 << 8 * np.dtype(self.bits).itemsize - 1], self.bits)
        self.seed = int(t["seed"], 16) if t["rounding"] == "stochastic" else None
        scales, left, right = (np.frombuffer(patch.content(t[key]), kind).astype("f4").reshape(t["rank"], -1) for key, kind
                               in zip(("scales", "left", "right"), ("<f4", *2 * [TYPES[t["factorType"]][1]])))
        need(all(np.isfinite(x).all() for x in (scales, left, right)), "notFinite", repr(t["name"]))
        self.left, self.right = left, right * scales       # Factors

    def prepare(self, e):
        """Sum: s of the elements with indices e, product and sum rounded one by one. Stochastic: their draws u."""
        i, j = np.divmod(e, self.columns)[::1 if self.outputMajor else -1]
        s, u = np.zeros(len(e), "f4"), np.zeros(len(e), "u4")
        for left, right in zip(self.left, self.right):
            s = s + left[i] * right[j]
        if self.seed is not None:
            z = np.uint64(self.seed) + (e.astype("u8") + 1) * 0x9E3779B97F4A7C15
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB
            u = ((z ^ (z >> 31)) >> 40).astype("u4")
        return s, u

    def widen(self, b):
        """Bits as binary64 (F64) or binary32, exactly."""
        return (b.astype("u4") << 16).view("f4") if self.kind == "BF16" else \
            b.view(self.binary).astype("f4" if self.kind == "F16" else self.binary)

    def narrow(self, x, u=None):
        """Nearest or, with u, Stochastic; in BF16 c is the low half of x, times 256, and c + u < 2^24 unless it carries."""
        if self.kind == "BF16":
            b = x.view("u4")
            return ((b + (0x7FFF + (b >> 16 & 1) if u is None else u >> 8)) >> 16).astype(self.bits)
        if u is not None:                                  # F16 in binary64, where all of this is exact
            a = np.abs(x).astype("f8")
            q = np.ldexp(1.0, np.maximum(np.frexp(a)[1] - 1, -14) - 10)
            c = np.floor((a / q - np.floor(a / q)) * 2 ** 24)
            x = np.copysign((np.floor(a / q) + (c + u >= 2 ** 24)) * q, x)
        return x.astype(self.binary).view(self.bits)

    def f(self, b, s, u):
        """Adding: infinities and NaN stay."""
        w = self.widen(b)
        return np.where(np.isfinite(w), self.narrow(w + s, None if self.seed is None else u), b)

    def key(self, b):
        """Ordinal + 2^(n-1): the same order without a sign. `bit` goes back."""
        return np.where(b & self.sign, ~b, b | self.sign)

    def bit(self, key):
        return np.where(key & self.sign, key ^ self.sign, ~key)

    def first(self, test, low, high, s, u):
        """Bisection: the smallest key from low to high whose f passes a test; f(high) does, and none fails above one that passes."""
        while (low < high).any():
            middle = low + (high - low >> 1)
            passes = test(self.key(self.f(self.bit(middle), s, u)))
            low, high = np.where(passes, low, middle + 1), np.where(passes, middle, high)
        return high

    def revert(self, b, s, u, block):
        """Revert: where a guess leads to w' and its neighbors do not, it is the base; bisection gives lo and hi for the rest."""
        w, out = self.widen(b), self.narrow(self.widen(b) - s)
        near = [self.f(self.bit(self.key(out) + step), s, u) == b for step in (-1, 0, 1) if step + 1 or True]
        stay = np.isnan(w) | np.isnan(s)                   # NaN comes from itself, infinity with a NaN sum too
        need(np.isfinite(w[np.isnan(s)]).sum() == 0, "choicesMismatch", "a sum is NaN")
        out[stay] = b[stay]
        rest = np.flatnonzero(~(near[1] & ~near[0] & ~near[2] | stay))
        b, s, u = b[rest], s[rest], u[rest]
        low, high = (np.full(len(b), x, self.bits) for x in (~(self.infinity | self.sign), self.infinity | self.sign))
        lo = self.first(lambda y: y >= self.key(b), low, high, s, u)
        hi = self.first(lambda y: y > self.key(b), lo, high + 1, s, u) - 1      # high + 1 is a NaN, its own f
        need((lo <= hi).all(), "choicesMismatch", "nothing leads to an element")
        digits = np.zeros(len(b), self.bits)
        digits[lo < hi] = unpack(block, [n + 1 for n in (hi - lo)[lo < hi].tolist()])
        out[rest] = self.bit(np.where(b & self.sign, hi - digits, lo + digits))
        return out

def unpack(block, counts):
    """Revert: the digits of a tile's open elements."""
    digits, at = [], 0
    while len(digits) < len(counts):
        end, total = len(digits), 1
        while end < len(counts) and total * counts[end] <= 1 << 64:
            total, end = total * counts[end], end + 1
        size = ((total - 1).bit_length() + 7) // 8
        value, at = int.from_bytes(block[at:at + size], "little"), at + size
        need(at <= len(block) and value < total, "choicesMismatch", "too short, or a group's number too large")
        for n in counts[len(digits):end]:
            value, digit = divmod(value, n)
            digits.append(digit)
    need(at == len(block), "choicesMismatch", "too long")
    return digits

def read_model(model):
    """The folder, if it is one, and for each tensor name [file, element type, shape, offset, length]."""
    folder, tensors = model if os.path.isdir(model) else os.path.dirname(model) or ".", {}
    whole = folder == model or model.endswith(".index.json")
    for path in sorted(glob.glob(glob.escape(folder) + "/*.safetensors")) if whole else [model]:
        with open(path, "rb") as file:
            room = os.path.getsize(path) - 8 - (size := struct.unpack("<Q", file.read(8))[0])
            for name, t in json.loads(file.read(size) if room >= 0 else b"").items():
                if name != "__metadata__":
                    begin, end = t["data_offsets"]
                    need(name not in tensors and 0 <= begin <= end <= room, "badModel", f"{path}: {name!r}")
                    tensors[name] = [path, t["dtype"], t["shape"], 8 + size + begin, end - begin]
    return folder if whole else None, tensors

def tiles_of(path, offset, length):
    """Terms: the tiles of a tensor's data."""
    with open(path, "rb") as file:
        file.seek(offset)
        for start in range(0, length, TILE):
            yield file.read(min(TILE, length - start))

def transform(direction, patch, model, out):
    """Apply, Revert, A reader MUST: a changed copy that gets its name when all is checked."""
    old, new = ("base", "result") if direction == "apply" else ("result", "base")
    patch, (folder, tensors), leaves = Patch(patch), read_model(model), {}
    need(not folder or not os.path.lexists(out), "outputExists", out)
    for t in patch.manifest["tensors"]:
        name, both = t["name"], patch.content(t["leaves"])
        need(name in tensors, "tensorMissing", repr(name))
        need(tensors[name][1:3] == [t["elementType"], t["shape"]], "tensorMismatch", f"{name!r}: {tensors[name][1:3]}")
        at = range(0, len(both), 64)
        leaves[name] = {"base": [both[i:i + 32] for i in at], "result": [both[i + 32:i + 64] for i in at]}
        for side in (old, new):
            need(sha(b"".join(leaves[name][side])).hex() == t[side + "Digest"], "leafDigest", repr(name))
        path, _, _, offset, length = tensors[name]
        found = sha(b"".join(map(sha, tiles_of(path, offset, length)))).hex()
        need(found == t[old + "Digest"], "wrongBase", f"{name!r}: {found}")
    partial = os.path.join(os.path.dirname(out.rstrip("/")), f".{os.path.basename(out.rstrip('/'))}.{os.getpid()}")
    try:
        shutil.copytree(folder, partial, copy_function=shutil.copyfile) if folder else shutil.copyfile(model, partial)
        for t in patch.manifest["tensors"]:
            change, (path, _, _, offset, length) = LowRank(patch, t), tensors[t["name"]]
            with open(os.path.join(partial, os.path.basename(path)) if folder else partial, "r+b") as file:
                file.seek(offset)
                for i, tile in enumerate(tiles_of(path, offset, length)):
                    b = np.frombuffer(tile, change.bits)
                    s, u = change.prepare(np.arange(len(b)) + i * (TILE // b.itemsize))
                    result = change.f(b, s, u) if direction == "apply" else \
                        change.revert(b, s, u, patch.block(t["choices"][0] + i))
                    need(sha(result.tobytes()) == leaves[t["name"]][new][i], "wrongResult", f"{t['name']!r}, tile {i}")
                    file.write(result.tobytes())
        os.replace(partial, out)
    finally:
        if os.path.lexists(partial):
            shutil.rmtree(partial) if folder else os.remove(partial)

def main(arguments):
    if [len(arguments), *arguments[:1]] not in ([4, "apply"], [4, "revert"], [2, "show"]):
        sys.exit(__doc__)
    try:
        with np.errstate(all="ignore"):
            transform(*arguments) if arguments[1:2] != arguments[1:] else print(json.dumps(Patch(arguments[1]).manifest, indent=2))
    except (Refusal, OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        sys.exit("errata_patch.py: %s: %s" % (error.args if isinstance(error, Refusal) else ("badInput", repr(error))))

if __name__ == "__main__":
    main(sys.argv[1:])
