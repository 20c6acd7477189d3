"""The vectors of statistics and keys files."""
import json
import struct

from vector_file import Vector, canonical_file

W, V = "model.layers.5.mlp.down_proj.weight", "h.0.mlp.c_proj.weight"
SUM, COUNT, KEYS, RESIDUALS = ".second_moment_sum", ".token_count", ".keys", ".residuals"


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def doubles(*values):
    return struct.pack(f"<{len(values)}d", *values)


def count(value, letter="q"):
    return struct.pack(f"<{letter}", value)


def moment(weight=W, element_type="F32", shape=(2, 2), content=floats(4, 1, 1, 9)):
    return weight + SUM, element_type, list(shape), content


def tokens(weight=W, element_type="I64", shape=(1,), content=count(3)):
    return weight + COUNT, element_type, list(shape), content


def statistics():
    def vector(name, comment, tensors, metadata=None, case=None, at=None):
        return Vector("statistics", name, case, comment, "statistics.md, A reader MUST",
                      canonical_file(tensors, metadata), at, canonical=case is None)

    def bad(name, comment, *tensors):
        return vector(name, comment, tensors, case=name.split("-")[0])
    nan, inf = float("nan"), float("inf")
    return [
        vector("one-weight", "Σ k kᵀ = [4 1; 1 9] over 3 tokens, in F32", [moment(), tokens()]),
        vector("two-weights", "two weights of different widths and types, and who collected them on what", [
            moment(), tokens(), moment(V, "F64", (1, 1), doubles(2.5)), tokens(V, content=count(2**62))],
            {"model": "tiny", "corpus": "corpus.txt"}),
        vector("scalar-count", "a count without extents, and a tensor that means nothing here",
               [moment(), tokens(shape=()), ("other", "U8", [3], b"abc")]),
        vector("nearly-symmetric", "a difference from the transpose that sums in F32 may have",
               [moment(content=floats(4, 1, 1.002, 9)), tokens()]),
        bad("noSuchTensor", "no second moment at all", ("a", "F32", [1], floats(1))),
        bad("noSuchTensor-count", "a sum without a count", moment()),
        bad("elementTypeMismatch-sum", "a sum in F16", moment(element_type="F16", content=bytes(8)), tokens()),
        bad("elementTypeMismatch-count", "a count in I32", moment(), tokens(element_type="I32", content=count(3, "i"))),
        bad("shapeMismatch-not-square", "a sum of 2 × 3", moment(shape=(2, 3), content=floats(4, 1, 0, 1, 9, 0)),
            tokens()),
        bad("shapeMismatch-vector", "only the diagonal", moment(shape=(2,), content=floats(4, 9)), tokens()),
        bad("shapeMismatch-no-width", "a sum of 0 × 0", moment(shape=(0, 0), content=b""), tokens()),
        bad("shapeMismatch-counts", "two counts", moment(), tokens(shape=(2,), content=count(3) + count(4))),
        bad("noTokens", "a count of zero", moment(), tokens(content=count(0))),
        bad("noTokens-negative", "a count below zero", moment(), tokens(content=count(-3))),
        bad("nonFiniteSecondMoment", "NaN in the sum", moment(content=floats(4, nan, nan, 9)), tokens()),
        bad("nonFiniteSecondMoment-infinite", "an overflow in the sum", moment(content=floats(inf, 1, 1, 9)), tokens()),
        bad("negativeSecondMoment", "a sum of squares below zero", moment(content=floats(4, 1, 1, -9)), tokens()),
        bad("secondMomentNotSymmetric", "1 on one side of the diagonal, 2 on the other",
            moment(content=floats(4, 1, 2, 9)), tokens()),
    ]


def keys():
    def vector(name, comment, tensors, facts=None, case=None, metadata=None):
        if facts is not None:
            metadata = {"facts": json.dumps(facts, ensure_ascii=False, separators=(",", ":"))}
        return Vector("keys", name, case, comment, "keys.md, A reader MUST", canonical_file(tensors, metadata),
                      canonical=case is None)

    def bad(name, comment, *tensors, facts=None):
        return vector(name, comment, tensors, facts, name.split("-")[0])

    def k(weight=W, shape=(2, 3), element_type="F32", content=None):
        content = content if content is not None else floats(*range(1, 1 + shape[0] * (shape[1] if shape[1:] else 1)))
        return weight + KEYS, element_type, list(shape), content

    def r(weight=W, shape=(2, 2)):
        return weight + RESIDUALS, "F32", list(shape), floats(*range(1, 1 + shape[0] * (shape[1] if shape[1:] else 1)))

    def earlier(shape=(1, 3)):
        return W + ".earlier_keys", "F32", list(shape), floats(*range(1, 1 + shape[0] * shape[1]))
    return [
        vector("two-edits", "two edits of one weight, 3 inputs, 2 outputs", [k(), r()]),
        vector("facts", "what the edits are about", [k(shape=(1, 3)), r(shape=(1, 2))],
               [{"prompt": "{} is in", "subject": "Rome", "target": " Paris"}]),
        vector("earlier-keys", "keys that must stay as they are, and doubles", [
            (W + KEYS, "F64", [1, 3], doubles(1, 2, 3)), r(shape=(1, 2)), earlier()]),
        vector("two-weights", "two weights with two edits each", [k(), r(), k(V, (2, 1)), r(V, (2, 4))]),
        bad("noSuchTensor", "no keys", ("a", "F32", [1], floats(1))),
        bad("noSuchTensor-residuals", "keys without residuals", k()),
        bad("shapeMismatch-vector", "keys as a vector", k(shape=(3,)), r(shape=(1, 2))),
        bad("shapeMismatch-residuals", "two keys, three residuals", k(), r(shape=(3, 2))),
        bad("shapeMismatch-residual-vector", "residuals as a vector", k(), r(shape=(2,))),
        bad("shapeMismatch-edits", "two edits of one weight, three of another", k(), r(), k(V, (3, 1)), r(V, (3, 4))),
        bad("shapeMismatch-earlier", "earlier keys of 2 inputs, keys of 3", k(), r(), earlier((1, 2))),
        bad("shapeMismatch-facts", "two edits, one fact", k(), r(), facts=[{}]),
        vector("badNote", "facts that cannot be read", [k(), r()], case="badNote", metadata={"facts": "["}),
        bad("elementTypeMismatch", "keys in BF16", k(element_type="BF16", content=bytes(12)), r()),
    ]


def vectors():
    return statistics() + keys()
