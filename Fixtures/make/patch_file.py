"""A patch as bytes, for the vectors of the patch format: the worked example, which can be changed at any point.

Written from Formats/patch.md alone. Needs numpy."""
import copy
import hashlib
import json
import struct

import numpy as np

from vector_file import Vector

MAGIC = b"\x89ERR\r\n\x1a\n"
TOOL = "by hand"
FIELDS = ("leaves", "scales", "left", "right", "choices")
SCALED_FIELDS = ("leaves", "choices")
CONFIGURATIONS = b'{"a": 1}\n', b'{"a": 2}\n'             # config.json beside the base, and beside the edited model
BASE = np.array([1, 3, -0.75, 1024], "<f2")                # the model of all vectors: tensor "w", F16 [2, 2]
LEFT, RIGHT, SCALE = np.array([8192, 4096], "<f2"), np.array([8192, 6144], "<f2"), np.float32(2.0 ** -26)
sha = lambda data: hashlib.sha256(data).digest()


def edited_and_choices(function):
    """f over all 65536 numbers, element by element: the result; index, count and digit of the open ones; their block."""
    every = np.arange(1 << 16, dtype="u4").astype("<u2")
    result, opened, counts, digits = [], [], [], []
    for e, bits in enumerate(BASE.view("<u2")):
        with np.errstate(invalid="ignore", over="ignore"):
            moved = function(every.view("<f2").astype("f4"), e).astype("<f2").view("<u2")
        image = np.where((every & 0x7C00) == 0x7C00, every, moved)
        ordinal = np.where(every & 0x8000, -1 - (every & 0x7FFF).astype(int), every.astype(int))
        w = image[bits]
        candidates = np.sort(ordinal[image == w])
        assert (np.diff(candidates) == 1).all()
        result.append(w)
        if len(candidates) > 1:
            low, high = candidates[0], candidates[-1]
            digits.append(int(ordinal[bits] - low if ordinal[w] >= 0 else high - ordinal[bits]))
            opened.append(e)
            counts.append(len(candidates))
    number, product = 0, 1
    for n, c in zip(counts, digits):
        number, product = number + product * c, product * n
    size = ((product - 1).bit_length() + 7) // 8
    return np.array(result, "<u2"), opened, counts, digits, number.to_bytes(size, "little")


def added(w, e):
    """w + s, in binary32."""
    return w + (np.float32(0) + LEFT[e // 2].astype("f4") * (RIGHT.astype("f4") * SCALE)[e % 2])


EDITED, _, _, _, CHOICES = edited_and_choices(added)
GAIN = np.float32(0.9)
SCALED, SCALED_OPEN, SCALED_COUNTS, SCALED_DIGITS, SCALED_CHOICES = edited_and_choices(lambda w, _: w * GAIN)


def sample(mask=(1 << 64) - 1):
    """Bits of the 128 weights that the format draws."""
    text = ""
    for t in range(128):
        z = (t + 1) * 0x9E3779B97F4A7C15 & mask
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        z ^= z >> 31
        text += format(int(BASE.reshape(2, 2)[(z >> 32) % 2, (z & 0xFFFFFFFF) % 2].astype("<f4").view("<u4")), "08x")
    return text


SAMPLE = sample()
tensor_digest = lambda bits: sha(sha(bits.tobytes())).hex()


class Block:
    def __init__(self, stored, coding=0, decoded=None):
        self.stored, self.coding, self.digest = stored, coding, None
        self.decoded = len(stored) if decoded is None else decoded


class Patch:
    """The patch of the worked example; change anything, then ask for its bytes."""
    def __init__(self):
        self.magic, self.version, self.features = MAGIC, 1, 0
        self.manifest_count = self.block_count = self.length = self.digest = self.text = None
        self.tail = b""
        self.blocks = [
            Block(sha(BASE.tobytes()) + sha(EDITED.tobytes())), Block(SCALE.tobytes()), Block(LEFT.tobytes()),
            Block(RIGHT.tobytes()), Block(CHOICES, 4, 0)]
        tensor = dict(
            name="w", change="low-rank", elementType="F16", shape=[2, 2], orientation="output-major", rank=1,
            factorType="F16", rounding="nearest", baseDigest=tensor_digest(BASE.view("<u2")),
            resultDigest=tensor_digest(EDITED), leaves=[0, 1], scales=[1, 1], left=[2, 1], right=[3, 1], choices=[4, 1])
        self.manifest = dict(format="errata patch", tool=TOOL, model=dict(family=None), tensors=[tensor])

    def scale(self, gain="3f666666"):
        """Makes it the other example: the same tensor times 0.9."""
        tensor = dict(
            name="w", change="scaled", elementType="F16", shape=[2, 2], gain=gain,
            baseDigest=tensor_digest(BASE.view("<u2")), resultDigest=tensor_digest(SCALED), leaves=[0, 1], choices=[1, 1])
        self.manifest["tensors"] = [tensor]
        self.blocks = [Block(sha(BASE.tobytes()) + sha(SCALED.tobytes())), Block(SCALED_CHOICES, 4, 0)]

    def resize(self):
        """Makes it the third example: the same tensor with a row after its two."""
        longer = np.concatenate([BASE, np.array([5, -2], "<f2")])
        tensor = dict(
            name="w", change="resized", elementType="F16", shape=[3, 2], baseShape=[2, 2],
            baseDigest=tensor_digest(BASE), resultDigest=tensor_digest(longer), rows=[0, 1])
        headers = [container(rows) for rows in (2, 3)]
        sides = [dict(folder=False, files=[dict(name="m.safetensors", bytes=len(header) + 4 * rows,
                                                headerBytes=len(header), header=[place, 1])])
                 for place, (header, rows) in enumerate(zip(headers, (2, 3)), 1)]
        self.features = 1
        self.manifest["tensors"], self.manifest["layout"] = [tensor], dict(base=sides[0], result=sides[1])
        self.blocks = [Block(longer[4:].tobytes()), *map(Block, headers)]

    def extend(self):
        """Makes it the same tensor with a column after its two."""
        longer = np.concatenate([BASE.reshape(2, 2), np.array([[5], [-2]], "<f2")], 1)
        tensor = dict(
            name="w", change="extended", elementType="F16", shape=[2, 3], baseShape=[2, 2], runs=2,
            baseDigest=tensor_digest(BASE), resultDigest=tensor_digest(longer), ends=[0, 1])
        headers = [container(2, columns) for columns in (2, 3)]
        sides = [dict(folder=False, files=[dict(name="m.safetensors", bytes=len(header) + 4 * columns,
                                                headerBytes=len(header), header=[place, 1])])
                 for place, (header, columns) in enumerate(zip(headers, (2, 3)), 1)]
        self.features = 16
        self.manifest["tensors"], self.manifest["layout"] = [tensor], dict(base=sides[0], result=sides[1])
        self.blocks = [Block(longer[:, 2:].tobytes()), *map(Block, headers)]

    def aware(self):
        """Makes it a tensor of blocks, Q8_0 [1, 32], all zero on both sides."""
        digest = tensor_digest(np.zeros(34, "u1"))
        tensor = dict(
            name="w", change="low-rank", elementType="Q8_0", shape=[1, 32], orientation="output-major", rank=1,
            factorType="F16", rounding="aware", baseDigest=digest, resultDigest=digest, leaves=[0, 1], scales=[1, 1], left=[2, 1],
            right=[3, 1], differences=[4, 1])
        self.features = 4
        self.manifest["tensors"] = [tensor]
        self.blocks = [Block(2 * sha(bytes(34))), Block(SCALE.tobytes()), Block(bytes(2)), Block(bytes(64)), Block(b"", 5, 0)]

    def beside(self, **values):
        """The first example with a configuration that changes too: one digit."""
        first = len(self.blocks)
        before, after = CONFIGURATIONS
        self.features |= 2
        self.manifest["beside"] = [dict(
            name="config.json", prefix=6, suffix=2, baseBytes=9, baseDigest=sha(before).hex(), base=[first, 1],
            resultBytes=9, resultDigest=sha(after).hex(), result=[first + 1, 1])]
        self.blocks += [Block(b"1"), Block(b"2")]
        put(self.manifest["beside"][0], **values)

    @property
    def tensor(self):
        return self.manifest["tensors"][0]

    def twice(self, first, second):
        """Two tensors of these names, each with its blocks."""
        other = copy.deepcopy(self.tensor)
        for field in FIELDS:
            other[field][0] += 5
        self.tensor["name"], other["name"] = first, second
        self.manifest["tensors"].append(other)
        self.blocks = self.blocks + copy.deepcopy(self.blocks)

    def pieces(self):
        """(bytes, what they are), in file order."""
        text = self.text if self.text is not None else json.dumps(self.manifest, separators=(",", ":")).encode()
        table = []
        for block in self.blocks:
            table.append((struct.pack("<Q", len(block.stored) if not hasattr(block, "claim") else block.claim),
                          struct.pack("<I", block.decoded), struct.pack("<I", block.coding),
                          block.digest or sha(block.stored)))
        payload = b"".join(block.stored for block in self.blocks)
        pick = lambda claim, true: true if claim is None else claim
        length = 40 + len(text) + 48 * len(self.blocks) + len(payload) + 32
        yield self.magic, "magic"
        yield struct.pack("<I", self.version), f"version {self.version}"
        yield struct.pack("<I", self.features), "critical features"
        yield struct.pack("<Q", pick(self.manifest_count, len(text))), f"M = {pick(self.manifest_count, len(text))}"
        count = pick(self.block_count, len(self.blocks))
        yield struct.pack("<Q", count), f"B = {count}"
        yield struct.pack("<Q", pick(self.length, length)), f"file length {pick(self.length, length)}"
        yield text, None
        what = [f"{t.get('name')} {field}" for t in self.manifest.get("tensors", [])
                for field in {"scaled": SCALED_FIELDS, "resized": ("rows",)}.get(t.get("change"), FIELDS)]
        what += ["no tensor's"] * len(self.blocks)
        for (stored, decoded, coding, digest), name, block in zip(table, what, self.blocks):
            yield stored, f"block: {name}; stored length"
            yield decoded, "decoded length"
            yield coding, f"coding {block.coding}"
            yield digest, "SHA-256 of the stored bytes"
        for block, name in zip(self.blocks, what):
            if block.stored:
                yield block.stored, name
        front = self.magic + struct.pack(
            "<IIQQQ", self.version, self.features, pick(self.manifest_count, len(text)), count,
            pick(self.length, length)) + text + b"".join(b"".join(row) for row in table)
        yield self.digest or sha(front), "patch digest"
        if self.tail:
            yield self.tail, "beyond the end"


def container(rows, columns=2):
    """The header of a safetensors file that holds w of so many rows, alone."""
    text = json.dumps({"w": dict(dtype="F16", shape=[rows, columns], data_offsets=[0, 2 * rows * columns])}, separators=(",", ":"))
    text += " " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text.encode()


def zstd(content):
    """A frame of RFC 8878 with one raw block: it compresses nothing, and needs no compressor."""
    assert len(content) < 256
    return b"\x28\xb5\x2f\xfd" + b"\x20" + bytes([len(content)]) + struct.pack("<I", len(content) << 3 | 1)[:3] + content


class PlainVector(Vector):
    """Bytes only, 32 a line: what its one fault is says the comment, what the rest is says accept-rank-one.hex."""
    def text(self):
        head, _ = super().text().split("\n\n")
        rows = (self.data[start:start + 32].hex(" ") for start in range(0, len(self.data), 32))
        return head + "\n\n" + "\n".join(rows) + "\n"


class Vectors:
    """The vectors so far; the name of a refusal begins with the case."""
    def __init__(self):
        self.list = []

    def add(self, name, case, comment, section, pieces):
        kind = Vector if case is None else PlainVector
        self.list.append(kind("patch", name, case, comment, f"patch.md, {section}", pieces))

    def accept(self, name, comment, section, change=None):
        patch = Patch()
        if change:
            change(patch)
        self.add(name, None, comment, section, patch.pieces())

    def reject(self, name, case, comment, section, change):
        patch = Patch()
        change(patch)
        self.add(f"{case}-{name}" if name else case, case, comment, section, patch.pieces())


def put(target, **values):
    """Sets attributes, or keys of a dict; a value of None takes a key away."""
    for name, value in values.items():
        if not isinstance(target, dict):
            setattr(target, name, value)
        elif value is None:
            del target[name]
        else:
            target[name] = value
