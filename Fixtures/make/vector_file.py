"""Write the vectors of Formats/vectors: a head that says what to expect, then bytes in hexadecimal."""
import json
import struct
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "Formats" / "vectors"


class Vector:
    """One file of one format; `place` of a refusal is a position or the bytes that stand there."""

    def __init__(self, folder, name, case, comment, spec, pieces, place=None, canonical=False):
        self.folder, self.name, self.case, self.spec, self.canonical = folder, name, case, spec, canonical
        self.comment = ("canonical: " if canonical else "") + comment
        self.pieces = [p if isinstance(p, tuple) else (p, None) for p in pieces]
        self.data = b"".join(p for p, _ in self.pieces)
        if isinstance(place, bytes):
            assert self.data.count(place) >= 1, (name, place)
            place = self.data.index(place)
        self.place = place

    @property
    def path(self):
        kind = "accept" if self.case is None else "reject"
        return FOLDER / self.folder / f"{kind}-{self.name}.hex"

    def text(self):
        expect = "accept" if self.case is None else f"reject {self.case}"
        if self.place is not None:
            expect += f" at {self.place}"
        lines = [f"expect: {expect}", f"comment: {self.comment}", f"spec: {self.spec}", ""]
        for piece, remark in self.pieces:
            for start in range(0, len(piece), 16):
                row = piece[start:start + 16]
                shown = remark if remark and start == 0 else printable(row)
                lines.append(f"{row.hex(' '):47}  # {shown}".rstrip())
        return "\n".join(lines) + "\n"


def printable(row):
    return "".join(chr(b) if 32 <= b < 127 else "·" for b in row)


def write_all(vectors):
    """Write these vectors and remove older ones of the same folders."""
    wanted = {v.path: v.text() for v in vectors}
    assert len(wanted) == len(vectors), "two vectors of one name"
    for folder in {v.folder for v in vectors}:
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
        for old in (FOLDER / folder).glob("*.hex"):
            if old not in wanted:
                old.unlink()
    for path, text in wanted.items():
        path.write_text(text)


# The reference's order of element types; its canonical file has the last one first.
TYPES = ("BOOL F4 F6_E2M3 F6_E3M2 U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ I16 U16 F16 BF16 I32 U32 F32 "
         "C64 F64 I64 U64").split()
BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64}


def bit_count(element_type):
    return BITS.get(element_type, 8)


def plain_file(header, data=b"", length=None):
    """Pieces of a safetensors file with exactly this header."""
    header = header.encode() if isinstance(header, str) else header
    length = len(header) if length is None else length
    pieces = [(struct.pack("<Q", length), f"header length {length}")]
    if header:
        pieces.append(header)
    return pieces + ([data] if data else [])


def quoted(text):
    """A JSON string in the form of serde_json, which is also that of RFC 8785."""
    return json.dumps(text, ensure_ascii=False)


def canonical_file(tensors, metadata=None):
    """Pieces of the canonical safetensors file; tensors are (name, element type, shape, bytes)."""
    tensors = sorted(tensors, key=lambda t: (-TYPES.index(t[1]), t[0].encode()))
    members, data, end = [], b"", 0
    if metadata:
        members.append('"__metadata__":{' + ",".join(
            f"{quoted(k)}:{quoted(v)}" for k, v in sorted(metadata.items(), key=lambda m: m[0].encode())) + "}")
    for name, element_type, shape, content in tensors:
        extents = ",".join(map(str, shape))
        members.append(f'{quoted(name)}:{{"dtype":"{element_type}","shape":[{extents}],'
                       f'"data_offsets":[{end},{end + len(content)}]}}')
        end += len(content)
        data += content
    header = ("{" + ",".join(members) + "}").encode()
    return plain_file(header + b" " * (-len(header) % 8), data)
