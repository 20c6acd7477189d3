"""The vectors of second moments as the ROME and MEMIT projects publish them: what numpy.savez writes, and damaged forms.

All are for a weight with three inputs, transformer.h.1.mlp.c_proj.weight.
"""
import io
import struct
import time
import zipfile
from unittest import mock

import numpy as np

from vector_file import Vector

NAME = "mom2.mom2"
MOMENT = np.array([[4, 1, 0], [1, 9, 2], [0, 2, 16]], dtype="<f4")


def content(moment=MOMENT, count=np.int64(7)):
    """The arrays that matter; the projects' own files also hold a constructor and a sample size."""
    arrays = {"mom2.count": count, NAME: moment}
    return {name: value for name, value in arrays.items() if value is not None}


def archive(arrays, save=np.savez):
    """The bytes of numpy.savez with the clock held still."""
    output = io.BytesIO()
    with mock.patch("time.localtime", return_value=time.struct_time((1980, 1, 1, 0, 0, 0, 1, 1, 0))):
        save(output, **arrays)
    return output.getvalue()


def plain_zip(arrays):
    """The same without zip64 anywhere, as another zip program packs it."""
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", allowZip64=False) as zipped:
        for name, value in arrays.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asanyarray(value))
            zipped.writestr(zipfile.ZipInfo(name + ".npy"), array.getvalue())
        zipped.comment = b"an archive may end with a comment"
    return output.getvalue()


def long_zip(data):
    """The same with the sizes and places of every entry and of the directory only in zip64 fields."""
    end = data.rindex(b"PK\5\6")
    count, length, start = struct.unpack_from("<HII", data, end + 10)
    directory, position = b"", start
    for _ in range(count):
        entry = bytearray(data[position:position + 46])
        name_length, extra_length, comment_length = struct.unpack_from("<HHH", entry, 28)
        name = data[position + 46:position + 46 + name_length]
        stored, size = struct.unpack_from("<II", entry, 20)
        place, = struct.unpack_from("<I", entry, 42)
        position += 46 + name_length + extra_length + comment_length
        extra = struct.pack("<HHH", 0x7075, 2, 0) + struct.pack("<HHQQQ", 1, 24, size, stored, place)
        struct.pack_into("<II", entry, 20, 2**32 - 1, 2**32 - 1)
        struct.pack_into("<HH", entry, 30, len(extra), 0)
        struct.pack_into("<I", entry, 42, 2**32 - 1)
        directory += bytes(entry) + name + extra
    record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + len(directory), 1)
    last = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2**16 - 1, 2**16 - 1, 2**32 - 1, 2**32 - 1, 0)
    return data[:start] + directory + record + locator + last


def changed(data, place, new):
    return data[:place] + new + data[place + len(new):]


def accepted():
    whole = {"mom2.constructor": np.array("SecondMoment()"), "mom2.count": np.int64(7), NAME: MOMENT,
             "sample_size": np.int64(100000)}
    fallen = {"mom2.constructor": np.array(struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000002))[0]), **content()}
    double = content(moment=MOMENT.astype("<f8"))
    found = [
        ("numpy", f"all that the projects store, as numpy {np.__version__} writes it", archive(whole)),
        ("null", "a null, which they write as a NaN", archive(fallen)),
        ("double", "a sum in F64", archive(double)),
        ("plain-zip", "no zip64 anywhere, and a comment at the end", plain_zip(content())),
        ("zip64", "sizes and places only in zip64 fields, after a field of another kind", long_zip(archive(content()))),
        ("version-3", "an array header of format version 3", version_three(content())),
    ]
    for name, _, data in found:
        assert (np.load(io.BytesIO(data))[NAME] == MOMENT).all(), name
    return [Vector("npz", name, None, comment, "statistics.md, Import", [data]) for name, comment, data in found]


def version_three(arrays):
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as zipped:
        for name, value in arrays.items():
            array = io.BytesIO()
            np.lib.format.write_array(array, np.asanyarray(value), version=(3, 0))
            zipped.writestr(zipfile.ZipInfo(name + ".npy"), array.getvalue())
    return output.getvalue()


def rejected():
    good = archive(content())
    end = good.rindex(b"PK\5\6")
    start, = struct.unpack_from("<I", good, end + 16)
    second = good.index(b"PK\1\2", start + 4)
    local = good.index(b"PK\3\4", 4)
    array = good.index(b"\x93NUMPY", local)
    text = array + 10
    first = good.index(b"\x93NUMPY") + 10
    long = long_zip(good)
    locator = long.rindex(b"PK\6\7")
    record, = struct.unpack_from("<Q", long, locator + 8)
    packed = archive(content(), np.savez_compressed)
    packed_start, = struct.unpack_from("<I", packed, packed.rindex(b"PK\5\6") + 16)
    extra = long.index(struct.pack("<HHH", 0x7075, 2, 0))

    def big(value):
        return struct.pack("<I", value)

    def bad(name, comment, data, at=None, case="badArchive"):
        return Vector("npz", f"{case}-{name}", case, comment, "statistics.md, Import", [data], at)

    def moment(name, comment, value, **more):
        return bad(name, comment, archive(content(moment=value)), **more)
    return [
        bad("not-a-zip", "a text", b"second moments\n" * 3, 45),
        bad("empty", "an empty file", b"", 0),
        bad("cut-short", "the second half is missing", good[:len(good) // 2], len(good) // 2),
        bad("comment-cut", "a comment that is not whole", plain_zip(content())[:-1], len(plain_zip(content())) - 1),
        bad("end-record-cut", "the last byte is missing", good[:-1], len(good) - 1),
        bad("directory-beyond-file", "a directory that begins behind the end", changed(good, end + 16, big(10**6)), 10**6),
        bad("directory-too-long", "a directory longer than the file", changed(good, end + 12, big(10**6)), start),
        bad("entries", "5000 entries", changed(good, end + 10, struct.pack("<H", 5000)), end),
        bad("entry-missing", "more entries than the directory holds", changed(good, end + 10, struct.pack("<H", 3)), end),
        bad("entry-name", "a name longer than the directory", changed(good, start + 28, b"\xff\xff"), start),
        bad("zip64-beyond-file", "a zip64 record behind the end",
            changed(long, locator + 8, struct.pack("<Q", 10**6)), locator),
        bad("zip64-missing", "no zip64 record where one is named", changed(long, record, b"XX"), record),
        bad("zip64-negative", "a directory that begins at 2⁶⁴ − 1",
            changed(long, record + 48, b"\xff" * 8), long.rindex(b"PK\5\6")),
        bad("extra-cut", "an extra field longer than all of them",
            changed(long, extra + 2, struct.pack("<H", 1000)), extra),
        bad("zip64-field-cut", "a zip64 field without the numbers it should hold",
            changed(long, extra + 6, struct.pack("<HH", 1, 0) + struct.pack("<HH", 2, 20)),
            long.index(b"PK\1\2")),
        bad("compressed", "compressed entries: numpy.savez_compressed", packed, packed_start + 10),
        bad("no-local-header", "no local header where the directory names one", changed(good, local, b"XX"), local),
        bad("beyond-file", "an entry that begins behind the end", changed(good, second + 42, big(10**6)), second),
        bad("too-long", "an entry longer than the file", changed(good, second + 24, big(10**6)), second),
        bad("not-an-array", "an entry that is no NumPy array", changed(good, array, b"XX"), array),
        bad("too-short", "an entry of 11 bytes", changed(good, second + 24, big(11)), array),
        bad("version", "an array of format version 4", changed(good, array + 6, b"\4"), array),
        bad("header-too-long", "an array header longer than the array", changed(good, array + 8, b"\xff\xff"), array),
        bad("header-text", "an array header that is no dictionary", changed(good, text, b"["*60), text),
        moment("fortran-order", "columns first", np.asfortranarray(MOMENT), at=text),
        bad("no-sum", "no array mom2.mom2", archive({"mom2.count": np.int64(7)}), 0),
        bad("no-count", "no array mom2.count", archive({NAME: MOMENT}), 0),
        bad("count-float", "a count in F64", archive(content(count=np.float64(7))), first),
        bad("counts", "two counts", archive(content(count=np.array([7, 8]))), first),
        moment("half", "a sum in F16", MOMENT.astype("<f2"), at=text),
        moment("big-endian", "a sum of the other byte order", MOMENT.astype(">f4"), at=text),
        moment("not-square", "a sum of 3 × 2", np.ascontiguousarray(MOMENT[:, :2]), at=text),
        moment("three-extents", "a sum of 3 × 3 × 1", MOMENT[:, :, None], at=text),
        bad("shape-and-length", "a shape that does not fill the entry", good.replace(b"(3, 3)", b"(2, 2)"), text),
        moment("width", "two inputs, where the weight has three", np.ascontiguousarray(MOMENT[:2, :2]),
               case="archiveWidth"),
        bad("zero", "no tokens", archive(content(count=np.int64(0))), case="noTokens"),
        moment("sum", "1 on one side of the diagonal, 5 on the other", MOMENT + np.triu(MOMENT, 1) * 4,
               case="secondMomentNotSymmetric"),
        moment("sum", "a sum of squares below zero", -MOMENT, case="negativeSecondMoment"),
        moment("sum", "NaN in the sum", MOMENT * np.float32("nan"), case="nonFiniteSecondMoment"),
    ]


def vectors():
    return accepted() + rejected()
