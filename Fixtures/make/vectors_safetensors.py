"""The vectors of safetensors files and of the index that joins several."""
import ctypes
import json
import struct

import safetensors

from vector_file import BITS, TYPES, Vector, bit_count, canonical_file, plain_file

ONE = struct.pack("<f", 1.0)
PACKAGE_TYPES = dict(zip(TYPES, (
    "bool float4_e2m1fn_x2 - - uint8 int8 float8_e5m2 float8_e4m3fn float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz "
    "int16 uint16 float16 bfloat16 int32 uint32 float32 complex64 float64 int64 uint64").split()))


def entry(name="a", dtype="F32", shape="[1]", offsets="[0,4]"):
    return f'"{name}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}'


def written_by_package(tensors, metadata):
    """The file that the safetensors package writes, or None where it has no name for an element type."""
    if any(PACKAGE_TYPES[t[1]] == "-" for t in tensors) or len(metadata or {}) > 1:
        return None
    specs, keep = {}, []
    for name, element_type, shape, content in tensors:
        buffer = ctypes.create_string_buffer(content, max(len(content), 1))
        keep.append(buffer)
        if element_type == "F4":  # the package counts pairs
            shape = [*shape[:-1], shape[-1] // 2]
        specs[name] = safetensors.TensorSpec(
            dtype=PACKAGE_TYPES[element_type], shape=shape, data_ptr=ctypes.addressof(buffer), data_len=len(content))
    return bytes(safetensors.serialize(specs, metadata or None))


def canonical(name, comment, tensors, metadata=None, folder="safetensors", spec="safetensors.md, A writer MUST"):
    pieces = canonical_file(tensors, metadata)
    package = written_by_package(tensors, metadata)
    if package is not None:
        assert b"".join(p[0] if isinstance(p, tuple) else p for p in pieces) == package, name
        comment += f"; safetensors {safetensors.__version__} writes these bytes"
    return Vector(folder, name, None, comment, spec, pieces, canonical=True)


def filled(element_type, shape, start=1):
    count = bit_count(element_type)
    for extent in shape:
        count *= extent
    return bytes((start + i) % 251 for i in range(count // 8))


def accepted():
    def plain(name, comment, header, data=ONE, part="The header"):
        return Vector("safetensors", name, None, comment, f"safetensors.md, {part}", plain_file(header, data))
    whole = [t for t in TYPES if bit_count(t) > 8]
    bytewise = [t for t in TYPES if bit_count(t) <= 8]
    return [
        canonical("one-tensor", 'the smallest useful file, one tensor "a" holding 1.0', [("a", "F32", [1], ONE)],
                  spec="safetensors.md, Worked example"),
        canonical("scalar", "a tensor of no extents has one element", [("a", "F32", [], ONE)]),
        canonical("zero-size", "tensors without elements, between and after others", [
            ("a", "F32", [1], ONE), ("b", "F32", [0, 4], b""), ("c", "F32", [1], ONE), ("d", "F32", [3, 0], b"")]),
        canonical("no-tensors", "a file without tensors", []),
        canonical("metadata", "one note", [("a", "F32", [1], ONE)], {"format": "pt"}),
        canonical("metadata-sorted", "several notes stand sorted by key",
                  [("a", "F32", [1], ONE)], {"model": "m", "corpus": "c", "Z": "z"}),
        canonical("types-of-many-bytes", "every element type of more than a byte",
                  [(chr(97 + i), t, [1], filled(t, [1])) for i, t in enumerate(whole)]),
        canonical("types-of-one-byte", "every element type of a byte or less; 4 elements fill whole bytes",
                  [(chr(97 + i), t, [4], filled(t, [4])) for i, t in enumerate(bytewise)]),
        canonical("order", "by element type first, then by the bytes of the name: e + U+0301, f, ê", [
            ("b", "I32", [1], ONE), ("c", "F32", [1], ONE), ("a", "BF16", [1], ONE[2:]), ("d", "I64", [1], 2 * ONE),
            ("z", "F64", [1], 2 * ONE), ("\u00ea", "F16", [1], ONE[2:]), ("f", "F16", [1], ONE[2:]),
            ("e\u0301", "F16", [1], ONE[2:])]),
        canonical("escapes", "what must be escaped in names and notes, and U+007F, which need not be",
                  [('"\\/\b\f\n\r\t\x01\x1f\x7f', "F32", [1], ONE)], {"\u2028": "\x00\U0001f600"}),
        plain("white-space", "all four kinds of JSON white space, wherever they may stand",
              '{\r\n\t"a" : {\n"dtype" :\t"F32" , "shape" : [ 1 ] ,\r"data_offsets" : [ 0 , 4 ]\n}\t}\n'),
        plain("unusual-escapes", 'the name "a/😀", every character escaped, once as a surrogate pair',
              '{"\\u0061\\/\\ud83d\\uDE00":{"dt\\u0079pe":"F\\u00332","shape":[1],"data_offsets":[0,4]}}'),
        plain("unpadded", "the header's length is no multiple of eight, so the data lies unaligned",
              "{" + entry("abc") + "}"),
        plain("long-padding", "much white space after the object", "{" + entry() + "}" + " " * 70 + "\n"),
        plain("unordered", "entries in another order than their data",
              "{" + entry("b", offsets="[4,8]") + "," + entry("a") + "}", ONE + struct.pack("<f", 2.0)),
        plain("metadata-last", "notes after the tensors", "{" + entry() + ',"__metadata__":{"k":"v"}}'),
        plain("empty-metadata", "no notes in the object of notes", '{"__metadata__":{},' + entry() + "}"),
        plain("unknown-field", "fields that no version knows are passed over",
              '{"a":{"dtype":"F32","note":[1,-2.5e3,{"x":null}],"shape":[1],"data_offsets":[0,4],"y":true}}'),
        plain("zero-size-huge-extent", "0 × (2⁶³ − 1) elements are none",
              "{" + entry(shape="[0,9223372036854775807]", offsets="[0,0]") + "}", b""),
        plain("empty-name", "a name may be empty", "{" + entry("") + "}"),
    ]


def rejected():
    """Each with the verdict of the safetensors package: True where it accepts what we refuse."""
    def bad(name, comment, header, data=ONE, at=None, length=None, part="The header", accepted=False, tail=None):
        case = name.split("-")[0]
        if accepted:
            comment += f"; safetensors {safetensors.__version__} accepts it"
        pieces = plain_file(header, data, length) if tail is None else [tail]
        vector = Vector("safetensors", name, case, comment, f"safetensors.md, {part}", pieces, at)
        vector.accepted_by_package = accepted
        return vector
    two = lambda first, second: "{" + entry("a", offsets=first) + "," + entry("b", offsets=second) + "}"
    a_then = lambda more: "{" + entry() + more + "}"
    return [
        bad("headerTooShort", "seven bytes", "", tail=bytes(7), at=7),
        bad("headerTooShort-empty", "an empty file", "", tail=b"", at=0),
        bad("headerTooLarge", "one byte above the limit, claimed in a file of 20 bytes", "{}          ", b"", 0,
            100_000_001),
        bad("headerTooLarge-sign", "a length of 2⁶⁴ − 1", "{}", b"", 0, 2**64 - 1),
        bad("headerBeyondFile", "the largest allowed length, claimed in a file of 20 bytes", "{}          ", b"", 0,
            100_000_000),
        bad("headerBeyondFile-by-one", "one byte more than there is", "{}", b"", 0, 3),
        bad("headerStart", "white space before the object: the format's text demands '{' first", " {" + entry() + "}",
            at=8, accepted=True),
        bad("headerStart-array", "an array", "[]", b"", 8),
        bad("headerStart-empty", "a header of no bytes", "", b"", 8),
        bad("headerStart-mark", "a byte-order mark", "\ufeff{}", b"", 8),
        bad("headerEncoding", "byte FF in a name", b'{"\xff":{}}', b"", b"\xff"),
        bad("headerEncoding-overlong", "'/' in two bytes", b'{"\xc0\xaf":{}}', b"", b"\xc0"),
        bad("headerEncoding-surrogate", "half a surrogate pair in UTF-8", b'{"ab\xed\xa0\x80":{}}', b"", b"\xed"),
        bad("headerEncoding-cut", "a character cut off by the header's end", b'{}\xe2\x82', b"", b"\xe2"),
        bad("headerSyntax-end", "the object does not end", "{" + entry(), at=8 + 1 + len(entry())),
        bad("headerSyntax-trailing", "a second value after the object", "{" + entry() + "}{}", at=b"{}"),
        bad("headerSyntax-zero-padding", "zero bytes as padding", "{" + entry() + "}\0", at=b"\0\0\0\x80\x3f"),
        bad("headerSyntax-comma", "a comma before '}'", a_then(","), at=8 + 2 + len(entry())),
        bad("headerSyntax-not-object", "an entry that is a number", '{"a":1}', b"", b"1}"),
        bad("headerSyntax-shape-text", "a shape that is a string", "{" + entry(shape='"1"') + "}", at=b'"1"'),
        bad("headerSyntax-negative", "an extent below zero", "{" + entry(shape="[-1]") + "}", at=b"-1"),
        bad("headerSyntax-fraction", "an extent written with a fraction", "{" + entry(shape="[1.0]") + "}", at=b"1.0"),
        bad("headerSyntax-exponent", "an extent written with an exponent", "{" + entry(shape="[1e0]") + "}", at=b"1e0"),
        bad("headerSyntax-leading-zero", "an extent with a leading zero", "{" + entry(shape="[01]") + "}", at=b"01"),
        bad("headerSyntax-beyond-63-bits", "an extent of 2⁶³, which no file can need",
            "{" + entry(shape="[0,9223372036854775808]", offsets="[0,0]") + "}", b"", b"9223", accepted=True),
        bad("headerSyntax-three-offsets", "a third offset", "{" + entry(offsets="[0,4,8]") + "}", at=b"8]"),
        bad("headerSyntax-escape", "an escape that JSON does not have", '{"\\x":{}}', b"", b"\\x"),
        bad("headerSyntax-surrogate", "half a surrogate pair, escaped", '{"\\ud800":{}}', b"", b"\\ud800"),
        bad("headerSyntax-control", "a line end inside a name", '{"\n":{}}', b"", b"\n"),
        bad("headerSyntax-metadata-number", "a note that is a number", '{"__metadata__":{"k":1}}', b"", b"1}}"),
        bad("headerSyntax-metadata-null", "null instead of notes", '{"__metadata__":null}', b"", b"null",
            accepted=True),
        bad("headerSyntax-depth", "an unknown field nested 65 deep, itself the third level",
            '{"a":{"dtype":"F32","x":' + "[" * 63 + "]" * 63 + ',"shape":[1],"data_offsets":[0,4]}}',
            at=8 + 24 + 63, accepted=True),
        bad("headerSyntax-duplicate-field", "a field twice in one entry",
            '{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', at=8 + 32),
        bad("headerSyntax-duplicate-note", "a note twice", '{"__metadata__":{"k":"1","k":"2"}}', b"", b'"k":"2"',
            accepted=True),
        bad("duplicateName", "two entries of one name", a_then("," + entry()), at=8 + 2 + len(entry()), accepted=True),
        bad("duplicateName-escaped", "two entries of one name, written differently",
            a_then("," + entry("\\u0061")), at=b'"\\u0061"', accepted=True),
        bad("duplicateName-equivalent", "é, and e + U+0301: names that Unicode holds for the same",
            "{" + entry("\u00e9", offsets="[0,2]", dtype="F16") + "," + entry("e\u0301", offsets="[2,4]", dtype="F16")
            + "}", at='"e\u0301"'.encode(), accepted=True),
        bad("duplicateName-metadata", "two objects of notes", '{"__metadata__":{},"__metadata__":{}}', b"", 8 + 19),
        bad("unknownElementType", "an element type that the format does not have", "{" + entry(dtype="F128") + "}",
            at=9),
        bad("unknownElementType-lower-case", "element types are written in capitals", "{" + entry(dtype="f32") + "}",
            at=9),
        bad("unknownElementType-block-format", "ggml's block formats are not in safetensors files",
            "{" + entry(dtype="Q4_0", shape="[32]", offsets="[0,18]") + "}", bytes(18), 9),
        bad("missingField-dtype", "no dtype", '{"a":{"shape":[1],"data_offsets":[0,4]}}', at=9),
        bad("missingField-shape", "no shape", '{"a":{"dtype":"F32","data_offsets":[0,4]}}', at=9),
        bad("missingField-data_offsets", "no data_offsets", '{"a":{"dtype":"F32","shape":[1]}}', at=9),
        bad("missingField-one-offset", "an end is missing", "{" + entry(offsets="[0]") + "}", at=9),
        bad("sizeOverflow", "(2⁶³ − 1) × 2 elements", "{" + entry(shape="[9223372036854775807,2]") + "}", at=9),
        bad("sizeOverflow-bits", "2⁶⁰ elements of 32 bits", "{" + entry(shape="[1152921504606846976]") + "}", at=9),
        bad("sizeOverflow-before-zero", "a product that passes through an overflow on its way to zero",
            "{" + entry(shape="[4294967296,4294967296,0]", offsets="[0,0]") + "}", b"", 9),
        bad("partialByte", "three elements of 4 bits", "{" + entry(dtype="F4", shape="[3]", offsets="[0,2]") + "}",
            bytes(2), 9),
        bad("partialByte-six-bits", "two elements of 6 bits",
            "{" + entry(dtype="F6_E2M3", shape="[2]", offsets="[0,2]") + "}", bytes(2), 9),
        bad("sizeMismatch", "one element of four bytes in eight", "{" + entry(offsets="[0,8]") + "}", bytes(8), 9),
        bad("sizeMismatch-zero", "no elements in four bytes", "{" + entry(shape="[0]") + "}", at=9),
        bad("reversedOffsets", "the end before the begin", "{" + entry(offsets="[4,0]") + "}", at=9),
        bad("offsetGap", "four bytes between two tensors", two("[0,4]", "[8,12]"), bytes(12), b'"b"'),
        bad("offsetGap-at-start", "four bytes before the first tensor", "{" + entry(offsets="[4,8]") + "}", bytes(8),
            9),
        bad("offsetOverlap", "two tensors share two bytes", two("[0,4]", "[2,6]"), bytes(6), b'"b"'),
        bad("offsetOverlap-same", "two tensors share all bytes", two("[0,4]", "[0,4]"), bytes(4), b'"b"'),
        bad("dataBeyondFile", "the data is cut short by one byte", "{" + entry() + "}", ONE[:3], 9),
        bad("dataBeyondFile-far", "1 EiB claimed in a file of 80 bytes",
            "{" + entry(dtype="U8", shape="[1152921504606846975]", offsets="[0,1152921504606846975]") + "}", b"", 9),
        bad("trailingBytes", "a byte after the last tensor", "{" + entry() + "}", ONE + b"x",
            8 + 2 + len(entry()) + 4),
        bad("trailingBytes-no-tensors", "data without tensors", "{}", b"PK", 10),
    ]


def index():
    """Vectors of `*.safetensors.index.json`."""
    def vector(name, comment, text, at=None, case=None):
        text = text.encode() if isinstance(text, str) else text
        return Vector("safetensors-index", name, case, comment, "safetensors.md, The index", [text], at)

    def bad(name, comment, text, at=None):
        return vector(name, comment, text, at, name.split("-")[0])

    def named(file):
        return '{"weight_map":{"a":' + json.dumps(file) + "}}"
    place = b'"a"'
    return [
        vector("two-shards", "two tensors in one file and one in another", json.dumps(
            {"metadata": {"total_size": 12}, "weight_map": {"a": "1.safetensors", "b": "2.safetensors",
                                                            "c": "1.safetensors"}}, indent=2)),
        vector("unknown-keys", "other keys are passed over, wherever they stand",
               '{"x":[{"y":null}],"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"1.safetensors"},"z":0}'),
        vector("odd-names", "names that only look as if they led elsewhere",
               '{"weight_map":{"a":"..1","b":".2","c":"..1"}}'),
        bad("headerSyntax", "the text ends inside the map", '{"weight_map":{"a":"1.safetensors"', 34),
        bad("headerSyntax-duplicate", "a tensor placed twice", '{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}',
            b'"a":"2'),
        bad("headerSyntax-number", "a file that is a number", '{"weight_map":{"a":1}}', b"1}"),
        bad("headerSyntax-empty", "an empty file", "", 0),
        bad("headerEncoding", "byte FF in a name", b'{"weight_map":{"\xff":"1.safetensors"}}', b"\xff"),
        bad("emptyIndex", "a map without tensors", '{"weight_map":{}}'),
        bad("emptyIndex-no-map", "no map", '{"metadata":{}}'),
        bad("shardOutsideFolder-parent", "a name that leads to the folder above", named("../x.safetensors"), place),
        bad("shardOutsideFolder-absolute", "a name from the root", named("/x.safetensors"), place),
        bad("shardOutsideFolder-below", "a name that leads to a folder below", named("a/b.safetensors"), place),
        bad("shardOutsideFolder-itself", "the folder itself", named("."), place),
        bad("shardOutsideFolder-dots", "the folder above", named(".."), place),
        bad("shardOutsideFolder-empty", "no name", named(""), place),
        bad("shardOutsideFolder-zero", "a zero byte, where the system would stop reading the name",
            named("x\0.safetensors"), place),
    ]


def package_accepts(data):
    try:
        safetensors.deserialize(data)
        return True
    except safetensors.SafetensorError:
        return False


def check_against_package():
    """The package must judge every vector as its comment says."""
    for vector in accepted():
        assert package_accepts(vector.data), vector.name
    for vector in rejected():
        assert package_accepts(vector.data) == vector.accepted_by_package, (vector.name, vector.accepted_by_package)


def vectors():
    assert set(BITS) <= set(TYPES)
    return accepted() + rejected() + index()
