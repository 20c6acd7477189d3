"""The file of a patch, written from patch.md alone; docstrings name the sections of that page."""
import hashlib, json, math, pathlib, re, struct
import numpy as np, zstandard
from .memory import Memory, check_manifest
from .lowrank import TYPES, gain
from .model import SIZES, byte_count, need

TILE = 1 << 20
RANGES = {"low-rank": ("leaves", "scales", "left", "right", "differences", "choices"),
          "difference": ("differences", "leaves"), "scaled": ("leaves", "differences", "choices"),
          "resized": ("differences", "rows"), "extended": ("ends",), "replaced": ("base", "result"), "added": ("result",),
          "removed": ("base",)}
OPTIONAL = {(change, "differences") for change in ("low-rank", "scaled", "resized")}
CODINGS = {"choices": 4, "differences": 5}
RESIZED, BESIDE, AWARE, MEMORY, EXTENDED = 1, 2, 4, 8, 16             # critical features
BESIDE_NAME = r"(?!\.)[^/\0]*(?<!\.index)\.json|(?!\.)[^/\0]*\.(jinja|model|spm|tiktoken|txt|vocab)"


def is_aware(t):
    """Aware: differences alone lead from side to side."""
    return t["change"] == "low-rank" and t["rounding"] == "aware"


def ranges_of(t):
    return tuple(key for key in RANGES[t["change"]] if key != "choices" or not is_aware(t))


def sha(data):
    return hashlib.sha256(data).digest()


class Patch:
    """The whole file, Header, Patch digest, Block table: all checked before a block is decoded."""
    def __init__(self, path):
        self.data = data = pathlib.Path(path).read_bytes()
        need("header", notAPatch=data[:8] == b"\x89ERR\r\n\x1a\n", wrongLength=len(data) >= 72)
        version, features, m, b, length = struct.unpack("<IIQQQ", data[8:40])
        need("header", unknownVersion=version == 1, unknownFeature=features < 32, manifestTooLarge=m <= 1 << 28,
             tooManyBlocks=b <= 1 << 24, wrongLength=length == len(data) >= (body := 40 + m + 48 * b) + 32)
        need(path, patchDigest=sha(data[:body]) == data[-32:])
        self.table = np.frombuffer(data[40 + m:body], "<u8, <u4, <u4, V32")
        stored, decoded, self.coding = (self.table[name] for name in ("f0", "f1", "f2"))
        need("block table", unknownCoding=(self.coding <= 5).all(), blockTooLarge=(stored <= 1 << 24).all()
             and (decoded <= TILE * (self.coding < 4)).all(), wrongLength=body + int(stored.sum()) + 32 == length)
        self.ends = body + np.cumsum(stored, dtype=np.int64)
        try:
            self.manifest = read_manifest(data[40:40 + m])
            check_ranges(self.manifest, decoded, self.coding)
            used = RESIZED * any(t["change"] == "resized" for t in self.manifest["tensors"]) \
                + EXTENDED * any(t["change"] == "extended" for t in self.manifest["tensors"]) \
                + AWARE * any(map(is_aware, self.manifest["tensors"]))
            need("features", badManifest=features == used + BESIDE * ("beside" in self.manifest)
                 + MEMORY * ("memory" in self.manifest))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            need(repr(error), badManifest=False)

    def memory(self):
        """The facts that speak beside the weights; None for a patch without."""
        return Memory(self) if "memory" in self.manifest else None

    def stored(self, index):
        end = self.ends[index]
        return self.data[end - int(self.table["f0"][index]):end]

    def check_blocks(self):
        """A reader MUST, 1."""
        for index, (_, _, _, digest) in enumerate(self.table.tolist()):
            need(f"block {index}", blockDigest=sha(self.stored(index)) == digest)

    def block(self, index):
        """Block table: the decoded bytes; of choices and differences the stored ones."""
        (_, decoded, coding, _), data = self.table[index].item(), self.stored(index)
        if coding in (1, 2, 3):
            try:                                           # no more memory than declared, and nothing after the frame
                need(f"block {index}", blockDecoding=zstandard.frame_content_size(data) in (-1, decoded))
                data = zstandard.ZstdDecompressor().decompress(data, decoded, allow_extra_data=False)
                data = np.frombuffer(data, "u1").reshape(1 << coding - 1, -1).T.tobytes()
            except (zstandard.ZstdError, ValueError) as error:                 # ValueError: planes of unequal lengths
                need(f"block {index}: {error}", blockDecoding=False)
        need(f"block {index}", blockDecoding=coding >= 4 or len(data) == decoded)
        return data

    def content(self, block_range):
        return b"".join(map(self.block, range(block_range[0], sum(block_range))))


def parse_json(data):
    """Manifest: one object of UTF-8 JSON, no duplicate keys, nested at most 64 deep."""
    def refuse(detail):
        need(detail, manifestSyntax=False)

    def once(pairs):
        return dict(pairs) if len(dict(pairs)) == len(pairs) else refuse("duplicate key")

    def depth(value):
        parts = value.values() if type(value) is dict else value if type(value) is list else None
        return 0 if parts is None else 1 + max(map(depth, parts), default=0)
    text = data.decode()
    try:
        m = json.loads(text, object_pairs_hook=once, parse_constant=refuse)    # NaN and Infinity are no JSON
    except (json.JSONDecodeError, RecursionError) as error:
        refuse(repr(error))
    return m if depth(m) <= 64 else refuse("nested too deep")


def read_manifest(data):
    """Manifest: every field; the caller refuses what Python itself finds missing or malformed."""
    m = parse_json(data)
    names = [t["name"].encode(errors="surrogatepass") for t in m["tensors"]]
    need("a top field, or the order of the tensors", badManifest=m["format"] == "errata patch"
         and type(m["tool"]) is str and type(m["model"]["family"]) in (str, type(None))
         and type(m.get("edit", {})) is dict and type(m["tensors"]) is list and names == sorted(set(names)))
    need("a tensor and a part of it", badManifest=not any(
        (part := re.fullmatch(rb"(.+)\[(?:0|[1-9]\d{0,5})\]", name, re.DOTALL)) and part[1] in names for name in names))
    for t in m["tensors"]:
        check_tensor(t)
    need("layout", badManifest="layout" in m or all("leaves" in RANGES[t["change"]] for t in m["tensors"]))
    for side in [m["layout"][key] for key in ("base", "result")] if "layout" in m else []:
        names = [f["name"] for f in side["files"]]
        need("layout", badManifest=len(set(names)) == len(names) > 0 and type(side["folder"]) is bool
             and (side["folder"] or len(names) == 1)
             and all(type(n) is str and n not in ("", ".", "..") and not set(n) & {"/", "\0"} for n in names)
             and all(type(f["headerBytes"]) is type(f["bytes"]) is int for f in side["files"])
             and all(0 <= f["headerBytes"] <= min(f["bytes"], 1 << 28) for f in side["files"]))
    check_beside(m)
    names = [r["name"] for r in m.get("resolve", [])]
    need("resolve", badManifest=len(set(names)) == len(names) and all(type(n) is str for n in names)
         and all(type(r[k]) is int and 1 <= r[k] <= 1 << 28 for r in m.get("resolve", []) for k in ("rows", "columns")))
    if "memory" in m:
        check_manifest(m["memory"])
    return m


def check_beside(m):
    """Beside: every field but the block ranges."""
    if "beside" not in m:
        return
    files = m["beside"]
    names = [f["name"].encode(errors="surrogatepass") for f in files]
    layout = [m["layout"][key] for key in ("base", "result")] if "layout" in m else []
    need("beside", badManifest=1 <= len(names) <= 1 << 10 and names == sorted(set(names)) and all(
        side["folder"] and not {f["name"] for f in side["files"]} & {f["name"] for f in files} for side in layout))
    for f in files:
        sides = [side for side in ("base", "result") if side + "Digest" in f]
        kept = [f["prefix"], f["suffix"]] if len(sides) == 2 else [0, 0]
        sizes = [f[side + "Bytes"] for side in sides]
        need(f["name"], badManifest=re.fullmatch(BESIDE_NAME, f["name"], re.S) is not None and len(sides) > 0
             and all(type(x) is int and x >= 0 for x in kept + sizes) and max(sizes) <= 1 << 26
             and sum(kept) <= min(sizes) and len({f[side + "Digest"] for side in sides}) == len(sides)
             and all(re.fullmatch("[0-9a-f]{64}", f[side + "Digest"]) for side in sides))


def row_size(t):
    """Manifest: bytes of a row of a resized tensor; None where its two shapes differ in more than the number of rows."""
    (before, *rest), (after, *other) = t["baseShape"], t["shape"]
    row = byte_count(t["elementType"], [1, *rest])
    whole = byte_count(t["elementType"], t["baseShape"]), byte_count(t["elementType"], t["shape"])
    return row if rest == other and before != after and min(before, after) > 0 and row and \
        whole == (row * before, row * after) else None


def run_sizes(t):
    """Manifest: bytes of a run on both sides of an extended tensor; None where there are no such runs."""
    kind, runs, shapes = t["elementType"], t["runs"], (t["baseShape"], t["shape"])
    sizes = [byte_count(kind, shape) for shape in shapes]
    axes = [i for i, extents in enumerate(zip(*shapes)) if len(set(extents)) > 1]
    if len({*map(len, shapes)}) > 1 or len(axes) != 1 or not all(sizes) or type(runs) is not int or runs < 1:
        return None
    leading = math.prod(shapes[0][:axes[0]])
    whole = max(SIZES[kind][1] // 8, 1)
    return [size // runs for size in sizes] if runs % leading == 0 and all(
        shape[axes[0]] % (runs // leading) == 0 and size % (runs * whole) == 0 for shape, size in zip(shapes, sizes)) else None


def check_tensor(t):
    """Manifest: the fields of one tensor."""
    name, change = repr(t["name"]), t["change"]
    known = {"change": RANGES} | ({} if change != "low-rank" else {
        "orientation": ("output-major", "input-major"), "factorType": ("F16", "F32"),
        "rounding": ("nearest", "stochastic", "aware")})
    need(name, unknownChange=all(t[key] in values for key, values in known.items()))
    digests = [side for side, absent in (("base", "added"), ("result", "removed")) if change != absent]
    need(name, badManifest=byte_count(t["elementType"], t["shape"]) is not None
         and all(re.fullmatch("[0-9a-f]{64}", t[side + "Digest"]) for side in digests)
         and type(t.get("measured", {})) is dict
         and (change != "replaced" or byte_count(t["baseElementType"], t["baseShape"]) is not None))
    if change == "low-rank":
        need(name, badManifest=(SIZES.get(t["elementType"], (1,))[0] > 1 if is_aware(t) else t["elementType"] in TYPES)
             and len(t["shape"]) == 2 and type(t["rank"]) is int
             and re.fullmatch("[0-9a-f]{1024}", t.get("sample", 1024 * "0")) is not None
             and 1 <= t["rank"] <= min(t["shape"]) and (t["rounding"] != "stochastic" or
                 t["elementType"] in ("F16", "BF16") and re.fullmatch("[0-9a-f]{16}", t["seed"]) is not None))

    if change == "resized":
        need(name, badManifest=byte_count(t["elementType"], t["baseShape"]) is not None and t["shape"] and t["baseShape"]
             and row_size(t) is not None)
    if change == "extended":
        need(name, badManifest=byte_count(t["elementType"], t["baseShape"]) is not None and run_sizes(t) is not None)
    if change == "scaled":
        need(name, badManifest=t["elementType"] in TYPES
             and re.fullmatch("[0-9a-f]{16}" if t["elementType"] == "F64" else "[0-9a-f]{8}", t["gain"]) is not None
             and np.isfinite(gain(t)) and gain(t) > 0)


def check_ranges(m, decoded, coding):
    """Manifest: the block ranges follow each other and hold what shape, rank and type ask for."""
    cursor = 0

    def check(name, key, block_range, size, coded=0, count=None):
        nonlocal cursor
        need(f"{name}: {key}", badManifest=[type(x) for x in block_range] == [int, int] and min(block_range) >= 0)
        first, cursor = cursor, cursor + (-(-size // TILE) if count is None else count)
        kinds = coding[first:cursor]
        need(f"{name}: {key}", badBlockRange=block_range == [first, cursor - first] and cursor <= len(coding)
             and ((kinds == coded).all() if coded else (kinds < 4).all())
             and decoded[first:cursor].sum(dtype="u8") == size and (coded or (decoded[first:cursor - 1] == TILE).all()))
    for t in m["tensors"]:
        size = byte_count(t["elementType"], t["shape"])
        count = -(-size // TILE)
        sizes = {"leaves": 64 * count, "base": size, "result": size}
        if t["change"] == "replaced":
            sizes["base"] = byte_count(t["baseElementType"], t["baseShape"])
        if t["change"] == "resized":
            common = row_size(t) * min(t["shape"][0], t["baseShape"][0])
            count, sizes["rows"] = -(-common // TILE), row_size(t) * max(t["shape"][0], t["baseShape"][0]) - common
        if t["change"] == "extended":
            sizes["ends"] = t["runs"] * abs(int.__sub__(*run_sizes(t)))
        if t["change"] == "low-rank":
            (outputs, inputs), factor = t["shape"], t["rank"] * (2 if t["factorType"] == "F16" else 4)
            if t["orientation"] == "input-major":
                outputs, inputs = inputs, outputs
            sizes |= {"scales": 4 * t["rank"], "left": factor * outputs, "right": factor * inputs}
        for key in ranges_of(t):
            if (t["change"], key) in OPTIONAL and not is_aware(t) and t.get(key, [0, 0])[1] == 0:
                continue
            coded = CODINGS.get(key, 0)
            check(repr(t["name"]), key, t[key], 0 if coded else sizes[key], coded, count if coded else None)
    for side in [m["layout"][key] for key in ("base", "result")] if "layout" in m else []:
        for file in side["files"]:
            check(file["name"], "header", file["header"], file["headerBytes"])
    for f in m.get("beside", []):
        for side in [side for side in ("base", "result") if side + "Digest" in f]:
            check(f["name"], side, f[side], f[side + "Bytes"] - f.get("prefix", 0) - f.get("suffix", 0))
    for r in m.get("resolve", []):
        check(r["name"], "resolve", r["blocks"], 4 * r["rows"] * r["columns"])
    for a in m["memory"]["arrays"] if "memory" in m else []:
        check(a["name"], "memory", a["blocks"], byte_count(a["elementType"], a["shape"]))
    need("blocks without a range", badBlockRange=cursor == len(coding))
