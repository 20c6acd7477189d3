#!/usr/bin/env python3
"""Write Formats/vectors/gguf. Needs gguf and xllamacpp: every expectation is compared with what ggml makes of the bytes.

Where ggml accepts a header that we refuse, the vector's comment says so; where it refuses one that we accept, the script
stops, but for arrays in arrays, which the format has and ggml has not. The canonical files are also what the gguf package
writes.
"""
import ctypes
import os
import struct
import subprocess
import sys
import tempfile
from importlib.metadata import version

import gguf
import numpy as np

from vector_file import Vector, write_all

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
PACKED = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}
TYPE = {t.name: int(t) for t in gguf.GGMLQuantizationType} | {"Q2_0": 42}


def number(kind, value):
    return struct.pack("<" + PACKED[kind], value)


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return number(U64, len(value)) + value


class File:
    """Pieces of a GGUF file and the places of its parts, by name."""

    def __init__(self, version=3, tensors=None, keys=None, magic=b"GGUF"):
        self.head, self.body, self.marks, self.counts = (magic, version), [], {}, [tensors, keys]
        self.found, self.end, self.data, self.alignment = [0, 0], 24, [], 32

    def add(self, data, remark=None, mark=None):
        if mark:
            self.marks[mark] = self.end
        self.body.append((data, remark))
        self.end += len(data)
        return self

    def key(self, name, kind, value=b"", mark=None):
        self.found[1] += 1
        shown = name if isinstance(name, str) else "…"
        self.add(text(name), f"key {shown}", mark and mark + ".key")
        self.add(number(U32, kind), f"type {kind}", mark and mark + ".type")
        return self.add(value, "value", mark) if value else self

    def array(self, name, kind, count, values=b"", mark=None):
        self.key(name, ARRAY)
        self.add(number(U32, kind), f"elements of type {kind}", mark and mark + ".element")
        self.add(number(U64, count), f"{count} elements", mark and mark + ".count")
        return self.add(values, "elements", mark) if values else self

    def tensor(self, name, kind, shape, offset=None, data=b"", mark=None, pad=True):
        """An entry; shape outermost first, as we show it."""
        self.found[0] += 1
        code = TYPE.get(kind, kind)
        here = sum(map(len, self.data))
        shown = name if isinstance(name, str) else "…"
        self.add(text(name), f"tensor {shown}", mark)
        self.add(number(U32, len(shape)), f"{len(shape)} extents", mark and mark + ".count")
        self.add(b"".join(number(U64, e) for e in reversed(shape)), "extents, innermost first",
                 mark and mark + ".extents")
        self.add(number(U32, code), f"type {kind}", mark and mark + ".type")
        self.add(number(U64, here if offset is None else offset), "offset", mark and mark + ".offset")
        self.data.append(data + bytes(-len(data) % self.alignment if pad else 0))
        return self

    def pieces(self):
        counts = [f if c is None else c for f, c in zip(self.found, self.counts)]
        head = [(self.head[0], "magic"), (number(U32, self.head[1]), f"version {self.head[1]}"),
                (number(U64, counts[0]), f"{counts[0]} tensors"), (number(U64, counts[1]), f"{counts[1]} keys")]
        pieces = head + [p for p in self.body if p[0]]
        data = b"".join(self.data)
        if self.data:
            padding = bytes(-self.end % self.alignment)
            pieces += [(padding, "padding")] * bool(padding) + [(data, "data")] * bool(data)
        return pieces


ONE = struct.pack("<f", 1.0)
one = lambda **more: File(**more).tensor("a", "F32", [1], data=ONE, mark="a")


def accept(name, comment, file, canonical=False, tail=b"", ggml_refuses=False):
    pieces = file.pieces() + ([(tail, "after the tensors")] if tail else [])
    vector = Vector("gguf", name, None, comment, "gguf.md, A writer MUST" if canonical else "gguf.md, The whole file",
                    pieces, canonical=canonical)
    vector.ggml_refuses = ggml_refuses
    return vector


def accepted():
    scalars = (File().key("u8", U8, number(U8, 200)).key("i8", I8, number(I8, -100)).key("u16", U16, number(U16, 60000))
               .key("i16", I16, number(I16, -30000)).key("u32", U32, number(U32, 4_000_000_000))
               .key("i32", I32, number(I32, -2_000_000_000)).key("f32", F32, number(F32, 0.5))
               .key("bool", BOOL, b"\1").key("string", STRING, text("é")).key("u64", U64, number(U64, 2**64 - 1))
               .key("i64", I64, number(I64, -2**63)).key("f64", F64, number(F64, 0.25)))
    arrays = (File().array("u8", U8, 3, bytes([1, 2, 3])).array("i64", I64, 2, number(I64, -1) + number(I64, 1))
              .array("f32", F32, 1, ONE).array("bool", BOOL, 2, b"\0\1")
              .array("strings", STRING, 3, text("a") + text("") + text("bc")).array("none", U32, 0))
    deep = number(U32, U8) + number(U64, 1) + b"\7"
    for _ in range(6):
        deep = number(U32, ARRAY) + number(U64, 1) + deep
    two = number(U32, U16) + number(U64, 2) + bytes([1, 0, 2, 0]) + number(U32, STRING) + number(U64, 1) + text("x")
    plain = lambda kind, size: (kind, size)
    types = File()
    for kind, size in (plain("F32", 4), plain("F16", 2), plain("BF16", 2), plain("F64", 8), plain("I8", 1),
                       plain("I16", 2), plain("I32", 4), plain("I64", 8)):
        types.tensor(kind.lower(), kind, [1, 2], data=bytes(range(1, 2 * size + 1)))
    small = File()
    for kind, elements, size in (("Q4_0", 32, 18), ("Q4_1", 32, 20), ("Q5_0", 32, 22), ("Q5_1", 32, 24), ("Q8_0", 32, 34),
                                 ("MXFP4", 32, 17), ("NVFP4", 64, 36), ("Q1_0", 128, 18)):
        small.tensor(kind.lower(), kind, [elements], data=bytes(i % 256 for i in range(size)))
    aligned = File().key("general.alignment", U32, number(U32, 64))
    aligned.alignment = 64
    aligned.tensor("a", "F32", [1], data=ONE).tensor("b", "F32", [1], data=ONE)
    byte = File().key("general.alignment", U32, number(U32, 1))
    byte.alignment = 1
    byte.tensor("a", "I8", [3], data=b"\1\2\3").tensor("b", "I8", [2], data=b"\4\5")
    long_name = "n" * 63
    return [
        accept("empty", "neither keys nor tensors", File(), canonical=True),
        accept("one-tensor", 'the smallest useful file, one tensor "a" holding 1.0', one(), canonical=True),
        accept("value-types", "one value of every type but arrays", scalars, canonical=True),
        accept("arrays", "arrays of numbers, truth values and strings, and an empty one", arrays, canonical=True),
        accept("nested-arrays", "an array of two arrays, and eight arrays in each other",
               File().array("two", ARRAY, 2, two).array("deep", ARRAY, 1, deep), canonical=True, ggml_refuses=True),
        accept("scalar-types", "every type whose elements have a place of their own", types, canonical=True),
        accept("block-types", "block formats of up to 128 elements", small, canonical=True),
        accept("newer-type", "Q2_0, which the gguf package does not know yet",
               File().tensor("a", "Q2_0", [64], data=bytes(range(18))), canonical=True),
        accept("k-quant", "two rows of one block of Q4_K", File().tensor(
            "a", "Q4_K", [2, 256], data=bytes(i % 251 for i in range(288))), canonical=True),
        accept("alignment-64", "the file's own alignment", aligned, canonical=True),
        accept("alignment-1", "no padding at all", byte, canonical=True),
        accept("no-extents", "a tensor of no extents has one element", File().tensor("a", "F32", [], data=ONE),
               canonical=True),
        accept("four-extents", "the most that ggml has", File().tensor("a", "I8", [2, 1, 3, 1], data=bytes(6)),
               canonical=True),
        accept("no-elements", "tensors without elements, between others", File().tensor("a", "F32", [1], data=ONE)
               .tensor("b", "F32", [0, 4]).tensor("c", "F32", [1], data=ONE).tensor("d", "Q8_0", [3, 0]), canonical=True),
        accept("longest-name", "63 bytes, as many as ggml holds", File().tensor(long_name, "F32", [1], data=ONE),
               canonical=True),
        accept("names", "an empty tensor name; keys and names that are no identifiers",
               File().key("é\n", U8, b"\1").tensor("", "I8", [1], data=b"\1"), canonical=True),
        accept("not-utf-8-value", "a string that is not UTF-8: kept as it is",
               File().key("a", STRING, text(b"\xff\xfe")), canonical=True),
        accept("truth-2", "a truth value that is neither 0 nor 1: true, and kept as it is", File().key("a", BOOL, b"\2"),
               canonical=True),
        accept("version-2", "the older version; written as version 3", one(version=2)),
        accept("unpadded-end", "nothing after the last tensor", File().tensor("a", "F32", [1], data=ONE, pad=False)),
        accept("bytes-after-the-end", "bytes that no tensor has; a writer leaves them out", one(), tail=b"more"),
    ]


def rejected():
    def bad(name, comment, file, at, tail=None):
        pieces = file.pieces() if isinstance(file, File) else file
        place = file.marks[at] if isinstance(file, File) and isinstance(at, str) else at
        if tail is not None:
            pieces = cut(pieces, tail)
        return Vector("gguf", name, name.split("-")[0], comment, "gguf.md, A reader MUST", pieces, place)

    def cut(pieces, left_out):
        data, kept = sum(len(p) for p, _ in pieces) - left_out, []
        for piece, remark in pieces:
            kept.append((piece[:data], remark))
            data = max(0, data - len(piece))
        return [p for p in kept if p[0]]

    deep = number(U32, U8) + number(U64, 0)
    for _ in range(7):
        deep = number(U32, ARRAY) + number(U64, 1) + deep
    alignment = lambda kind, value: File().key("general.alignment", kind, number(kind, value)).tensor(
        "a", "F32", [1], data=ONE)
    pair = lambda offset, kind="F32", data=ONE: File().tensor("a", "F32", [1], data=ONE).tensor(
        "b", kind, [1], offset=offset, data=data, mark="b")
    return [
        bad("notGGUF", "GGML's older format", [(b"ggjt" + bytes(20), None)], 0),
        bad("notGGUF-short", "three bytes", [(b"GGU", None)], 0),
        bad("notGGUF-empty", "an empty file", [], 0),
        bad("bigEndian", "version 3 in the other byte order", [
            (b"GGUF", "magic"), (struct.pack(">I", 3), "version"), (bytes(16), "counts")], 4),
        bad("unknownVersion", "version 1 had counts of 32 bits", File(version=1), 4),
        bad("unknownVersion-4", "a version to come", File(version=4), 4),
        bad("unknownVersion-0", "no version", File(version=0), 4),
        bad("headerCut", "only the magic", [(b"GGUF", "magic")], 4),
        bad("headerCut-counts", "the count of keys is missing", [
            (b"GGUF", "magic"), (number(U32, 3), "version 3"), (number(U64, 0), "0 tensors")], 16),
        bad("headerCut-value", "a value cut short", File().key("key.number", U64, number(U64, 1), mark="a"), "a", tail=1),
        bad("headerCut-entry", "a tensor's offset cut short", File(tensors=1).add(text("abc")).add(
            number(U32, 1) + number(U64, 1) + number(U32, 0)).add(bytes(7), "offset", "o"), "o"),
        bad("tooManyTensors", "more tensors than bytes", File(tensors=2**63 - 1), 8),
        bad("tooManyTensors-by-one", "four tensors in a file with room for three entries", one(tensors=4), 8),
        bad("tooManyTensors-negative", "2⁶⁴ − 1 tensors", File(tensors=2**64 - 1), 8),
        bad("tooManyKeys", "more keys than bytes", File(keys=2**62), 16),
        bad("tooManyKeys-by-one", "two keys in a file with room for one",
            File(keys=2).key("a", U8, b"\1").add(b"\0"), 16),
        bad("stringTooLong", "a value of 2⁶⁴ − 1 bytes", File().key("a", STRING, number(U64, 2**64 - 1), mark="a"), "a"),
        bad("stringTooLong-by-one", "a value one byte longer than the file",
            File().key("a", STRING, number(U64, 3) + b"xy", mark="a"), "a"),
        bad("stringTooLong-key", "a key longer than the file",
            File(keys=1).add(number(U64, 2**40) + b"key.of.great.length", "key", "k"), "k"),
        bad("stringTooLong-in-array", "a string in an array longer than the file",
            File().array("a", STRING, 2, text("x") + number(U64, 100)), 58),
        bad("stringTooLong-name", "a tensor's name of 64 bytes, one more than ggml holds",
            File().tensor("n" * 64, "F32", [1], data=ONE, mark="a"), "a"),
        bad("headerEncoding", "a key that is not UTF-8", File().key(b"a\xff", U8, b"\1", mark="a"), 33),
        bad("headerEncoding-name", "a tensor's name that is not UTF-8",
            File().tensor(b"\xc0\xaf", "F32", [1], data=ONE, mark="a"), 32),
        bad("arrayTooLong", "2⁶⁰ bytes", File().array("a", U8, 2**60, mark="a"), "a.count"),
        bad("arrayTooLong-product", "2⁶¹ numbers of 8 bytes: their length in bytes is 0 in 64 bits",
            File().array("a", U64, 2**61, mark="a"), "a.count"),
        bad("arrayTooLong-by-one", "one number more than there are bytes",
            File().array("a", U16, 3, bytes(5), mark="a"), "a.count"),
        bad("arrayTooLong-strings", "as many strings as bytes", File().array("a", STRING, 16, bytes(16), mark="a"), "a.count"),
        bad("arrayTooLong-inner", "an array in an array that is longer than the file",
            File().array("a", ARRAY, 1, number(U32, U8) + number(U64, 9)), 53),
        bad("unknownValueType", "type 13", File().key("abc", 13, bytes(8), mark="a"), "a.type"),
        bad("unknownValueType-negative", "type 2³² − 1", File().key("abc", 2**32 - 1, bytes(8), mark="a"), "a.type"),
        bad("unknownValueType-element", "an array of type 13", File().array("a", 13, 1, bytes(8), mark="a"), "a.element"),
        bad("nestedTooDeep", "nine arrays in each other", File().array("a", ARRAY, 1, deep), 24 + 13 + 8 * 12),
        bad("emptyKey", "a key without characters", File().key("", U32, number(U32, 1), mark="a"), "a.key"),
        bad("duplicateKey", "one key twice", File().key("a", U8, b"\1").key("a", U16, number(U16, 2), mark="b"), "b.key"),
        bad("duplicateKey-equivalent", "é, and e + U+0301: keys that Unicode holds for the same",
            File().key("é", U8, b"\1").key("e\u0301", U8, b"\2", mark="b"), "b.key"),
        bad("alignmentType", "the alignment as UINT64", alignment(U64, 32), None),
        bad("badAlignment", "an alignment of 0", alignment(U32, 0), None),
        bad("badAlignment-24", "an alignment that is not a power of two", alignment(U32, 24), None),
        bad("duplicateName", "two tensors of one name", File().tensor("a", "F32", [1], data=ONE)
            .tensor("a", "F32", [1], data=ONE, mark="b"), "b"),
        bad("duplicateName-equivalent", "é, and e + U+0301: names that Unicode holds for the same", File()
            .tensor("é", "F32", [1], data=ONE).tensor("e\u0301", "F32", [1], data=ONE, mark="b"), "b"),
        bad("tooManyDimensions", "five extents", File().tensor("a", "F32", [1] * 5, data=ONE, mark="a"), "a.count"),
        bad("tooManyDimensions-far", "2³² − 1 extents", File(tensors=1).add(text("abc")).add(
            number(U32, 2**32 - 1), "extents", "n").add(bytes(16)), "n"),
        bad("sizeOverflow", "an extent of 2⁶³", File().tensor("a", "I8", [2**63], data=ONE, mark="a"), "a.extents"),
        bad("sizeOverflow-product", "2³² × 2³² elements", File().tensor("a", "I8", [2**32, 2**32], mark="a"), "a"),
        bad("sizeOverflow-bytes", "2⁶² elements of 4 bytes", File().tensor("a", "F32", [2**62], mark="a"), "a"),
        bad("unknownElementType", "number 43", File().tensor("a", 43, [32], data=bytes(32), mark="a"), "a"),
        bad("unknownElementType-removed", "Q4_2, which ggml once had",
            File().tensor("a", 4, [32], data=bytes(32), mark="a"), "a"),
        bad("partialBlock", "a row of 33 elements of Q8_0", File().tensor("a", "Q8_0", [33], data=bytes(68), mark="a"), "a"),
        bad("partialBlock-rows", "two rows of half a block of Q4_K",
            File().tensor("a", "Q4_K", [2, 128], data=bytes(144), mark="a"), "a"),
        bad("partialBlock-scalar", "one element of Q8_0", File().tensor("a", "Q8_0", [], data=bytes(34), mark="a"), "a"),
        bad("misalignedOffset", "data at 4 where the alignment is 32", pair(4), "b"),
        bad("misalignedOffset-far", "data at 2⁶⁴ − 1", pair(2**64 - 1), "b"),
        bad("offsetOverlap", "two tensors at one place", pair(0), "b"),
        bad("offsetGap", "bytes between two tensors", pair(64, data=ONE), "b"),
        bad("offsetGap-start", "bytes before the first tensor",
            File().tensor("a", "F32", [1], offset=32, data=ONE, mark="a"), "a"),
        bad("offsetGap-far", "data at 2⁶⁴ − 32", pair(2**64 - 32), "b"),
        bad("dataBeyondFile", "the data is cut short by one byte",
            File().tensor("a", "F32", [1], data=ONE, mark="a", pad=False), "a", tail=1),
        bad("dataBeyondFile-far", "half an EiB claimed in a small file", File().tensor("a", "I8", [2**59], mark="a"), "a"),
        bad("dataBeyondFile-padding", "the file ends before the data begins",
            File().tensor("a", "F32", [0], mark="a"), "a", tail=1),
    ]


class Parameters(ctypes.Structure):
    _fields_ = [("no_alloc", ctypes.c_bool), ("context", ctypes.c_void_p)]


def ggml_accepts(paths):
    """ggml's verdict on the headers of some files; a file that ends ggml's process counts as refused."""
    program = ("import sys, ctypes, vectors_gguf as v, ggml; l = ggml.library(); f = l.gguf_init_from_file; "
               "f.restype = ctypes.c_void_p; f.argtypes = [ctypes.c_char_p, v.Parameters]; "
               "[print(int(f(p.encode(), v.Parameters(True, None)) is not None), flush=True) for p in sys.argv[1:]]")
    verdicts = []
    while len(verdicts) < len(paths):
        run = subprocess.run([sys.executable, "-c", program, *paths[len(verdicts):]], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, check=False)
        verdicts += [line == "1" for line in run.stdout.split()]
        if len(verdicts) < len(paths):
            verdicts.append(False)
    return verdicts


def check(vectors):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for position, vector in enumerate(vectors):
            paths.append(os.path.join(folder, str(position)))
            with open(paths[-1], "wb") as file:
                file.write(vector.data)
        for vector, path, accepts in zip(vectors, paths, ggml_accepts(paths)):
            if vector.case is None:
                assert accepts != vector.ggml_refuses, vector.name
                if vector.ggml_refuses:
                    vector.comment += "; ggml has no such value"
                elif vector.name != "newer-type":
                    assert package_reads(path), vector.name
            elif accepts:
                vector.comment += f"; ggml's reader (xllamacpp {version('xllamacpp')}) accepts it"


def package_reads(path):
    reader = gguf.GGUFReader(path)
    return all(np.asarray(t.data).nbytes == t.n_bytes for t in reader.tensors)


def main():
    vectors = accepted() + rejected()
    check(vectors)
    write_all(vectors)


if __name__ == "__main__":
    main()
