"""The vectors of the patch format, written from Formats/patch.md alone. By itself: python3 vectors_patch.py
Needs numpy."""
import json
import struct

import numpy as np

from patch_file import (
    BASE, CHOICES, CONFIGURATIONS, EDITED, LEFT, MAGIC, SAMPLE, SCALED_COUNTS, SCALED_DIGITS, SCALED_OPEN, Block, Patch,
    Vectors, container, put, sha, tensor_digest, zstd,
)
from vector_file import write_all
from vectors_memory import accept_memory, reject_memory


def with_result(patch, bits):
    """Says that apply gives these elements."""
    patch.blocks[0].stored = sha(BASE.tobytes()) + sha(bits.tobytes())
    patch.tensor["resultDigest"] = tensor_digest(bits)


def with_resolve(patch, **values):
    """Two matrices behind the tensor's blocks."""
    first = len(patch.blocks)
    patch.blocks += [Block(np.array([1, 2], "<f4").tobytes()), Block(np.array([3, 4], "<f4").tobytes())]
    patch.manifest["resolve"] = [dict(name=name, rows=1, columns=2, blocks=[first + place, 1])
                                 for place, name in enumerate(("values", "w.keys"))]
    put(patch.manifest["resolve"][1], **values)


def accept_all(made):
    made.accept(
        "rank-one", "the smallest useful patch: rank 1 on tensor w, F16 [2, 2], holding 1 3 / -0.75 1024; adds 1 0.75 / 0.5 0.375. "
        "Elements 0 and 3 are open, of 3 and 2 candidates, digits 1 and 1: the number 1 + 3 * 1",
        "Worked example", lambda p: put(p.tensor, sample=SAMPLE))
    made.accept(
        "zstd", "leaves in one zstd frame, scales in planes of 4, left in planes of 2", "Block table",
        lambda p: (put(p.blocks[0], stored=zstd(p.blocks[0].stored), coding=1),
                   put(p.blocks[1], stored=zstd(p.blocks[1].stored), coding=3),
                   put(p.blocks[2], stored=zstd(p.blocks[2].stored[0::2] + p.blocks[2].stored[1::2]), coding=2)))
    made.accept(
        "scaled", f"the same tensor times 0.9, the binary32 with the bits 3f666666. Elements "
        f"{' and '.join(map(str, SCALED_OPEN))} are open, of {' and '.join(map(str, SCALED_COUNTS))} candidates, digits "
        f"{' and '.join(map(str, SCALED_DIGITS))}", "Scaling", lambda p: p.scale())
    made.accept("unknown-keys", "keys that a reader does not know are passed over", "Manifest",
                  lambda p: (put(p.manifest, later=[1]), put(p.tensor, later={"a": None})))
    made.accept("without-tensors", "a patch that touches nothing", "Manifest",
                  lambda p: (put(p.manifest, tensors=[]), put(p, blocks=[])))
    made.accept("resolve", "one edit that can be solved for again: values and keys, each 1 x 2", "Resolve", with_resolve)
    made.accept("resized", "a third row, 5 -2; the two before stay", "Manifest", lambda p: p.resize())
    made.accept("extended", "a third column, 5 -2; the two before stay", "Manifest", lambda p: p.extend())
    made.accept("beside", "the configuration beside the weights changes in one digit", "Beside", lambda p: p.beside())
    made.accept("beside-added", "a file that only the edited model has", "Beside",
                lambda p: (p.beside(name="merges.txt", prefix=None, suffix=None, baseBytes=None, baseDigest=None, base=None,
                                    resultBytes=1, resultDigest=sha(b"2").hex(), result=[5, 1]), p.blocks.pop(5)))
    made.accept("seed-with-nearest", "a seed without stochastic rounding is an unknown key", "Manifest",
                  lambda p: put(p.tensor, seed="x"))


def reject_header(made):
    def reject(name, case, comment, **values):
        made.reject(name, case, comment, "Header", lambda p: put(p, **values))
    reject("other-magic", "notAPatch", "line ends changed by a text transfer", magic=b"\x89ERR\n\n\x1a\n")
    reject("version-2", "unknownVersion", "a later version", version=2)
    reject("feature-bit", "unknownFeature", "a critical feature that version 1 does not have", features=1 << 31)
    reject(None, "manifestTooLarge", "M is 2^28 + 1", manifest_count=(1 << 28) + 1)
    reject(None, "tooManyBlocks", "B is 2^24 + 1", block_count=(1 << 24) + 1)
    reject("trailing-byte", "wrongLength", "a byte follows the patch digest", tail=b"\0")
    reject("manifest-beyond-file", "wrongLength", "M leads past the end", manifest_count=1 << 28)
    reject("table-beyond-file", "wrongLength", "B leads past the end", block_count=1 << 24)
    reject(None, "patchDigest", "the digest of something else", digest=sha(b""))
    made.reject("length-field", "wrongLength", "the header says one byte more", "Header",
                  lambda p: put(p, length=1 + sum(len(data) for data, _ in p.pieces())))
    short = b"".join(data for data, _ in Patch().pieces())[:71]
    made.add("notAPatch-seven-bytes", "notAPatch", "the magic without its last byte", "Header", [MAGIC[:7]])
    made.add("wrongLength-short-file", "wrongLength", "71 bytes", "Header", [short])


def reject_table(made):
    def reject(name, case, comment, block, **values):
        made.reject(name, case, comment, "Block table", lambda p: put(p.blocks[block], **values))
    reject("stored", "blockTooLarge", "a stored length of 2^24 + 1", 0, claim=(1 << 24) + 1)
    reject("decoded", "blockTooLarge", "a decoded length of 2^20 + 1", 0, decoded=(1 << 20) + 1)
    reject("choices-with-length", "blockTooLarge", "a block of coding 4 with a decoded length", 4, decoded=1)
    reject("coding-99", "unknownCoding", "a coding that there is not", 1, coding=99)
    reject("stored-lengths", "wrongLength", "the stored lengths add up to one byte more than there is", 0, claim=65)
    reject(None, "blockDigest", "the digest of something else", 2, digest=sha(b""))
    reject("stored-of-other-length", "blockDecoding", "coding 0, three bytes for four", 2, stored=bytes(3), decoded=4)
    reject("no-zstd-frame", "blockDecoding", "coding 1, and no frame", 1, coding=1)
    reject("frame-too-long", "blockDecoding", "a frame of five bytes for four", 1, stored=zstd(bytes(5)), coding=1, decoded=4)
    reject("frame-too-short", "blockDecoding", "a frame of three bytes for four", 1, stored=zstd(bytes(3)), coding=1, decoded=4)
    reject("two-frames", "blockDecoding", "two frames of two bytes each", 1, stored=zstd(bytes(2)) * 2, coding=1, decoded=4)
    reject("frame-and-byte", "blockDecoding", "a byte follows the frame", 1, stored=zstd(bytes(4)) + b"\0", coding=1, decoded=4)
    reject("frame-cut", "blockDecoding", "the frame's last byte is missing", 1, stored=zstd(bytes(4))[:-1], coding=1, decoded=4)


def reject_manifest(made):
    def reject(name, case, comment, change):
        made.reject(name, case, comment, "Manifest", change)
    def field(name, case, comment, /, **values):
        reject(name, case, comment, lambda p: put(p.tensor, **values))
    text = lambda p: json.dumps(p.manifest, separators=(",", ":")).encode()
    reject("not-utf-8", "badManifest", "a byte that UTF-8 does not have",
           lambda p: put(p, text=text(p).replace(b"by hand", b"by h\xffnd")))
    reject("not-json", "manifestSyntax", "a comma before the last brace",
           lambda p: put(p, text=text(p)[:-1] + b",}"))
    reject("duplicate-key", "manifestSyntax", "the rank twice",
           lambda p: put(p, text=text(p).replace(b'"rank":1', b'"rank":1,"rank":1')))
    reject("other-format", "badManifest", "the format of something else", lambda p: put(p.manifest, format="errata"))
    reject("without-tool", "badManifest", "no tool", lambda p: put(p.manifest, tool=None))
    reject("without-model", "badManifest", "no model", lambda p: put(p.manifest, model=None))
    reject("family-not-text", "badManifest", "a family that is a number", lambda p: put(p.manifest, model=dict(family=1)))
    reject("edit-not-object", "badManifest", "an edit that is text", lambda p: put(p.manifest, edit="x"))
    reject("resolve-not-list", "badManifest", "resolve is a number", lambda p: put(p.manifest, resolve=1))
    reject("resolve-without-rows", "badManifest", "a matrix without rows", lambda p: with_resolve(p, rows=0))
    reject("resolve-twice", "badManifest", "two matrices of one name", lambda p: with_resolve(p, name="values"))
    reject("tensors-not-sorted", "badManifest", "tensor w before tensor v", lambda p: p.twice("w", "v"))
    reject("tensor-twice", "badManifest", "tensor w twice", lambda p: p.twice("w", "w"))
    reject("tensor-and-part", "badManifest", "tensor w and its part w[0]", lambda p: p.twice("w", "w[0]"))
    field("kind", "unknownChange", "a kind of change that there is not", change="sideways")
    field("orientation", "unknownChange", "an orientation that there is not", orientation="diagonal")
    field("factor-type", "unknownChange", "factors of a type that there is not", factorType="BF16")
    field("rounding", "unknownChange", "a rounding that there is not", rounding="up")
    field("integer-tensor", "badManifest", "elements that cannot be edited", elementType="I16")
    field("shape-of-three", "badManifest", "three extents", shape=[2, 2, 1])
    field("shape-with-zero", "badManifest", "no columns", shape=[2, 0])
    field("shape-with-fraction", "badManifest", "an extent written with a fraction", shape=[2.0, 2])
    field("shape-too-large", "badManifest", "2^63 bytes", shape=[1 << 31, 1 << 31])
    field("rank-zero", "badManifest", "rank 0", rank=0)
    field("rank-above-extents", "badManifest", "rank 3 of a tensor with two rows", rank=3)
    field("stochastic-f32", "badManifest", "stochastic rounding of a type that has only nearest", elementType="F32",
          rounding="stochastic", seed="0" * 16)
    field("without-seed", "badManifest", "stochastic rounding without a seed", rounding="stochastic")
    field("seed-upper-case", "badManifest", "a seed with capital digits", rounding="stochastic", seed="00000000000000AA")
    field("seed-of-15", "badManifest", "a seed of fifteen digits", rounding="stochastic", seed="0" * 15)
    field("digest-upper-case", "badManifest", "a digest with capital digits", baseDigest="A" * 64)
    field("without-name", "badManifest", "a tensor without a name", name=None)
    field("sample-short", "badManifest", "a sample of 127 weights", sample=SAMPLE[8:])
    field("sample-upper-case", "badManifest", "a sample with capital digits", sample="A" + SAMPLE[1:])
    field("sample-not-text", "badManifest", "a sample that is a list", sample=[])
    field("measured-not-object", "badManifest", "measurements that are a number", measured=1)


def reject_ranges(made):
    def reject(name, comment, change):
        made.reject(name, "badBlockRange", comment, "Manifest", change)
    reject("beyond-table", "choices from a block that is not there", lambda p: put(p.tensor, choices=[5, 1]))
    reject("swapped", "left and right point at each other", lambda p: put(p.tensor, left=[3, 1], right=[2, 1]))
    reject("shared", "left and right are one block", lambda p: put(p.tensor, right=[2, 1]))
    reject("leaves-in-two", "leaves in two blocks, neither full", lambda p: (
        put(p, blocks=[Block(p.blocks[0].stored[:32]), Block(p.blocks[0].stored[32:]), *p.blocks[1:]]),
        put(p.tensor, leaves=[0, 2], scales=[2, 1], left=[3, 1], right=[4, 1], choices=[5, 1])))
    reject("no-choices", "no choices", lambda p: (put(p.tensor, choices=[4, 0]), put(p, blocks=p.blocks[:4])))
    reject("resolve-too-large", "a matrix of 3 columns, blocks for 2", lambda p: with_resolve(p, columns=3))
    reject("resolve-shared", "two matrices in one block", lambda p: with_resolve(p, blocks=[5, 1]))
    reject("block-of-nobody", "a block that no range holds", lambda p: p.blocks.append(Block(b"x")))
    reject("left-too-long", "three factors for two outputs", lambda p: put(p.blocks[2], stored=bytes(6), decoded=6))
    reject("leaves-coded-as-choices", "coding 4 outside of choices", lambda p: put(p.blocks[0], coding=4, decoded=0))
    reject("choices-stored", "coding 0 for choices", lambda p: put(p.blocks[4], coding=0, decoded=1))
    reject("shape-not-of-blocks", "a shape of 3 rows, blocks for 2", lambda p: put(p.tensor, shape=[3, 2]))
    reject("rank-not-of-blocks", "rank 2, blocks for rank 1", lambda p: put(p.tensor, rank=2))
    reject("factor-type-not-of-blocks", "F32 factors, blocks for F16", lambda p: put(p.tensor, factorType="F32"))


def reject_content(made):
    def reject(name, case, comment, section, change):
        made.reject(name, case, comment, section, change)
    wrong = sha(b"") + sha(EDITED.tobytes())
    reject(None, "leafDigest", "the base leaf of something else", "Manifest",
           lambda p: put(p.blocks[0], stored=wrong))
    reject("scale-nan", "notFinite", "a scale that is not a number", "Arithmetic",
           lambda p: put(p.blocks[1], stored=struct.pack("<f", float("nan"))))
    reject("sum-bound", "notFinite", "largest factors of 2^13 and 2^13 with a scale of 2^101: 2^127", "Arithmetic",
           lambda p: put(p.blocks[1], stored=struct.pack("<f", 2.0 ** 101)))
    reject("factor-infinite", "notFinite", "a left factor that is infinite", "Arithmetic",
           lambda p: put(p.blocks[2], stored=np.array([np.inf, 1], "<f2").tobytes()))
    reject("too-short", "choicesMismatch", "no byte for two open elements", "Revert",
           lambda p: put(p.blocks[4], stored=b""))
    reject("too-long", "choicesMismatch", "a second byte", "Revert",
           lambda p: put(p.blocks[4], stored=CHOICES + b"\0"))
    reject("too-large", "choicesMismatch", "the number 6 where N is 6", "Revert",
           lambda p: put(p.blocks[4], stored=b"\x06"))
    reject("choices-of-another", "wrongResult", "digits that lead to another base", "Revert",
           lambda p: put(p.blocks[4], stored=b"\x00"))
    reject("other-factors", "wrongResult", "factors that lead to another result", "Apply",
           lambda p: put(p.blocks[2], stored=LEFT[::-1].tobytes()))
    reject(None, "tensorMissing", "tensor v, which the model does not have", "A reader MUST",
           lambda p: put(p.tensor, name="v"))
    reject("other-element-type", "tensorMismatch", "BF16, where the model has F16", "A reader MUST",
           lambda p: put(p.tensor, elementType="BF16"))
    reject("other-shape", "tensorMismatch", "[4, 1], where the model has [2, 2]", "A reader MUST",
           lambda p: (put(p.tensor, shape=[4, 1]), put(p.blocks[2], stored=bytes(8), decoded=8),
                      put(p.blocks[3], stored=bytes(2), decoded=2)))
    other = np.array([1, 3, -0.75, 512], "<f2")
    reject("other-base", "wrongBase", "made from another tensor", "A reader MUST",
           lambda p: (put(p.blocks[0], stored=sha(other.tobytes()) + sha(EDITED.tobytes())),
                      put(p.tensor, baseDigest=tensor_digest(other))))


def reject_scaled(made):
    """Faults of the other example; with a gain alone there is less to get wrong."""
    def reject(name, case, comment, section, change):
        made.reject(name, case, comment, section, lambda p: (p.scale(), change(p)))
    def gain(name, comment, gain, **values):
        reject(f"gain-{name}", "badManifest", comment, "Manifest", lambda p: put(p.tensor, gain=gain, **values))
    gain("missing", "scaled by nothing", None)
    gain("not-text", "a gain that is a number", 0.9)
    gain("upper-case", "a gain with capital digits", "3F666666")
    gain("of-seven", "a gain of seven digits", "3f66666")
    gain("of-sixteen", "a binary64 for F16 elements", "3feccccccccccccd")
    gain("of-eight", "a binary32 for F64 elements", "3f666666", elementType="F64")
    gain("zero", "scaled by 0", "00000000")
    gain("negative", "scaled by -0.9", "bf666666")
    gain("infinite", "scaled by infinity", "7f800000")
    gain("nan", "scaled by a NaN", "7fc00000")
    gain("of-integers", "elements that cannot be edited", "3f666666", elementType="I16")
    reject("scaled-no-choices", "badBlockRange", "no choices", "Manifest",
           lambda p: (put(p.tensor, choices=[1, 0]), put(p, blocks=p.blocks[:1])))
    reject("scaled-with-factors", "badBlockRange", "a block of factors, which a scaled tensor has not", "Manifest",
           lambda p: (p.blocks.insert(1, Block(LEFT.tobytes())), put(p.tensor, left=[1, 1], choices=[2, 1])))
    reject("scaled-too-large", "choicesMismatch", "the number 4 where N is 4", "Revert",
           lambda p: put(p.blocks[1], stored=b"\x04"))
    reject("other-gain", "wrongResult", "a gain that leads to another result", "Apply",
           lambda p: put(p.tensor, gain="3f000000"))
    reject("scaled-choices-of-another", "wrongResult", "digits that lead to another base", "Revert",
           lambda p: put(p.blocks[1], stored=b"\x00"))


def reject_resized(made):
    def reject(name, case, comment, change, section="Manifest"):
        made.reject(name, case, comment, section, lambda p: (p.resize(), change(p)))
    side = lambda p, key: p.manifest["layout"][key]["files"][0]
    reject("resized-without-bit", "badManifest", "a resized tensor, and the feature bit is not set", lambda p: put(p, features=0),
           "Header")
    reject("resized-same-rows", "badManifest", "as many rows as before", lambda p: put(p.tensor, baseShape=[3, 2]))
    reject("resized-other-columns", "badManifest", "another width before", lambda p: put(p.tensor, baseShape=[2, 3]))
    reject("resized-no-rows", "badManifest", "no rows before", lambda p: put(p.tensor, baseShape=[0, 2]))
    reject("resized-of-no-extent", "badManifest", "one number before", lambda p: put(p.tensor, baseShape=[]))
    reject("resized-without-layout", "badManifest", "no layout",
           lambda p: (put(p.manifest, layout=None), put(p, blocks=p.blocks[:1])))
    reject("resized-rows-too-long", "badBlockRange", "two rows where one is added",
           lambda p: put(p.blocks[0], stored=bytes(8), decoded=8))
    reject("resized-rows-not-of-tensor", "leafDigest", "a row that is not the one of the digest",
           lambda p: put(p.blocks[0], stored=bytes(4)))
    reject("base-side-too-long", "badManifest", "2^50 bytes on the way back", lambda p: put(side(p, "base"), bytes=1 << 50),
           "Layout")
    reject("base-side-no-header", "badManifest", "a header on the way back that is none",
           lambda p: put(p.blocks[1], stored=bytes(len(p.blocks[1].stored))), "Layout")
    reject("base-side-of-other-form", "tensorMismatch", "a header on the way back with another shape",
           lambda p: put(p.blocks[1], stored=p.blocks[1].stored.replace(b"[2,2]", b"[4,1]")), "Layout")
    reject("base-side-without-tensor", "badManifest", "a header on the way back that names no tensor",
           lambda p: put(p.blocks[1], stored=container(2)[:8] + b"{}".ljust(len(container(2)) - 8)), "Layout")


def reject_extended(made):
    def reject(name, case, comment, change, section="Manifest"):
        made.reject(name, case, comment, section, lambda p: (p.extend(), change(p)))
    reject("extended-without-bit", "badManifest", "an extended tensor, and the feature bit is not set",
           lambda p: put(p, features=0), "Header")
    reject("extended-same-shape", "badManifest", "as many columns as before", lambda p: put(p.tensor, baseShape=[2, 3]))
    reject("extended-two-axes", "badManifest", "other rows too", lambda p: put(p.tensor, baseShape=[1, 2]))
    reject("extended-other-rank", "badManifest", "another number of extents before", lambda p: put(p.tensor, baseShape=[4]))
    reject("extended-of-nothing", "badManifest", "no columns before", lambda p: put(p.tensor, baseShape=[2, 0]))
    reject("extended-no-runs", "badManifest", "no runs", lambda p: put(p.tensor, runs=0))
    reject("extended-part-of-a-row", "badManifest", "runs that no row is made of", lambda p: put(p.tensor, runs=1))
    reject("extended-parts-of-a-column", "badManifest", "four runs of half a row", lambda p: put(p.tensor, runs=4))
    reject("extended-without-layout", "badManifest", "no layout",
           lambda p: (put(p.manifest, layout=None), put(p, blocks=p.blocks[:1])))
    reject("extended-ends-too-long", "badBlockRange", "two columns where one is added",
           lambda p: put(p.blocks[0], stored=bytes(8), decoded=8))
    reject("extended-ends-not-of-tensor", "leafDigest", "a column that is not the one of the digest",
           lambda p: put(p.blocks[0], stored=bytes(4)))


def reject_aware(made):
    """Faults of a low-rank change whose codes were chosen; parts of it before its blocks are looked at."""
    def reject(name, case, comment, change, section="Aware"):
        made.reject(name, case, comment, section, lambda p: (p.aware(), change(p)))
    reject("aware-without-bit", "badManifest", "aware rounding, and the feature bit is not set", lambda p: put(p, features=0),
           "Header")
    reject("aware-of-f16", "badManifest", "elements that stand alone", lambda p: put(p.tensor, elementType="F16"), "Manifest")
    reject("aware-no-differences", "badBlockRange", "no differences", lambda p: (put(p.tensor, differences=[4, 0]), p.blocks.pop()),
           "Manifest")
    reject("aware-with-choices", "badBlockRange", "choices, which nothing asks for",
           lambda p: (put(p.tensor, choices=[5, 1]), p.blocks.append(Block(b"", 4, 0))))
    reject("nearest-of-blocks", "badManifest", "rounding to the nearest of elements that share scales",
           lambda p: (put(p.tensor, rounding="nearest"), put(p, features=0)), "Manifest")
    made.reject("bit-without-aware", "badManifest", "the feature bit of aware rounding, and there is none", "Header",
                lambda p: put(p, features=4))


def reject_beside(made):
    def reject(name, case, comment, /, **values):
        made.reject(name, case, comment, "Beside", lambda p: p.beside(**values))
    made.reject("beside-without-bit", "badManifest", "files beside the weights, and the feature bit is not set", "Header",
                lambda p: (p.beside(), put(p, features=0)))
    made.reject("bit-without-beside", "badManifest", "the feature bit of files beside the weights, and there are none", "Header",
                lambda p: put(p, features=2))
    made.reject("beside-empty", "badManifest", "an empty list", "Beside",
                lambda p: (p.beside(), put(p.manifest, beside=[]), put(p, blocks=p.blocks[:5])))
    made.reject("beside-twice", "badManifest", "a file twice", "Beside",
                lambda p: (p.beside(), p.blocks.extend(p.blocks[5:]), p.manifest["beside"].append(
                    p.manifest["beside"][0] | dict(base=[7, 1], result=[8, 1]))))
    for place, name in enumerate(("model.bin", "../config.json", ".json", "model.safetensors.index.json", "sub/config.json")):
        reject(f"beside-name-{place}", "badManifest", f"the name {name}", name=name)
    reject("beside-same", "badManifest", "both sides are the same", resultDigest=sha(CONFIGURATIONS[0]).hex())
    reject("beside-too-long", "badManifest", "2^26 bytes and one more", baseBytes=(1 << 26) + 1)
    reject("beside-prefix-too-long", "badManifest", "more kept than there is", prefix=8)
    reject("beside-neither", "badManifest", "on no side", baseDigest=None, resultDigest=None)
    reject("beside-not-of-blocks", "badBlockRange", "ten bytes, a block for nine", baseBytes=10)
    reject("beside-other-base", "wrongFile", "made from another configuration", baseDigest=sha(b"x").hex())
    reject("beside-other-result", "fileDigest", "the digest of something else after the change", resultDigest=sha(b"x").hex())
    made.reject("beside-other-base-content", "fileDigest", "what is stored does not lead back", "Beside",
                lambda p: (p.beside(), put(p.blocks[5], stored=b"3")))


def vectors():
    made = Vectors()
    for part in (accept_all, accept_memory, reject_header, reject_table, reject_manifest, reject_ranges, reject_content,
                 reject_scaled, reject_resized, reject_extended, reject_aware, reject_beside, reject_memory):
        part(made)
    return made.list


if __name__ == "__main__":
    write_all(vectors())
