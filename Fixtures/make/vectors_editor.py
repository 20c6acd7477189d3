"""The vectors of trained editors, written from Formats/editor.md alone."""
import json
import struct

from vector_file import Vector, canonical_file

# Lengths of keys and outputs, layers, rank.
K, O, LAYERS, RANK = 2, 1, [1, 3], 1
D = K + O
IDENTITY = {"editor": "mend", "model": "0" * 64, "tokenizer": "1" * 64, "facts": "2" * 64, "layers": LAYERS, "rank": RANK}
NOTES = {"kind": "editor", "keyWidth": str(K), "outputWidth": str(O), "rank": str(RANK), "steps": "7",
         "measures": json.dumps({"efficacy": 1, "paraphrase": 0.5, "locality": 0.75, "count": 4}, separators=(",", ":"))}


def mend():
    m = len(LAYERS)
    shapes = {"norms": [2, D], "rates": [1, m]}
    for step in "12":
        shapes |= {f"{step}.U": [D, RANK], f"{step}.V": [RANK, D], f"{step}.b": [1, D], f"{step}.s": [m, D], f"{step}.c": [m, D]}
    return shapes


def ke():
    shapes = {"Z": [8 * RANK, 2 * RANK], "z": [1, 8 * RANK], "rates": [1, len(LAYERS)]}
    for way in ("forward", "backward"):
        shapes |= {f"{way}.x": [4 * RANK, O], f"{way}.h": [4 * RANK, RANK], f"{way}.b": [1, 4 * RANK]}
    for layer in range(1, len(LAYERS) + 1):
        shapes |= {f"{layer}.A": [RANK, 8 * RANK], f"{layer}.a": [1, RANK], f"{layer}.B": [2 * D + 1, RANK], f"{layer}.b": [1, 2 * D + 1]}
    return shapes


def serac():
    """Of two layers' means, each of width 1."""
    return {"norms": [2, K], "head": [RANK, K]}


SERAC = {"editor": "serac", "ends": []}


def tensors(shapes, letter="f", values=None):
    out = []
    for number, (name, shape) in enumerate(sorted(shapes.items())):
        count = shape[0] * shape[1]
        content = (values or {}).get(name) or [(number + index) / 8 for index in range(count)]
        out.append((name, "F32" if letter == "f" else "F64", shape, struct.pack(f"<{count}{letter}", *content)))
    return out


def vectors():
    def vector(name, comment, shapes, case=None, identity=(), without=(), letter="f", values=None, more=(), unbound=False, **notes):
        known = {key: value for key, value in IDENTITY.items() if not unbound or key not in ("model", "tokenizer", "facts")}
        told = NOTES | {"identity": json.dumps(known | dict(identity), separators=(",", ":"))} | notes
        told = {key: value for key, value in told.items() if key not in without}
        kept = {key: shape for key, shape in shapes.items() if key not in without}
        content = tensors(kept, letter, values) + tensors(dict(more), letter)
        return Vector("editor", name, case, comment, "editor.md, The whole file", canonical_file(content, told))

    def bad(name, comment, shapes=mend(), **how):
        return vector(name, comment, shapes, case=name.split("-")[0], **how)
    first = {prefix + name: shape for prefix in ("now.", "first.", "second.") for name, shape in mend().items() if name != "norms"}
    return [
        vector("mend", "two layers, keys of 2, outputs of 1, rank 1", mend()),
        vector("mend-doubles", "the same in F64, and a tensor that means nothing here", mend(), letter="d", more={"other": [1, 1]}),
        vector("ke", "the same lengths for KE", ke(), identity={"editor": "ke"}),
        vector("no-measures", "measures are told where there are some", mend(), without=["measures"]),
        vector("published", "a published editor that belongs to no model yet, of which one update is added", mend(),
               identity={"signs": [1, -1], "leftOut": 2}, unbound=True),
        vector("mend-linear", "one whose second step is not cut at zero", mend(), identity={"lastStep": "linear"}),
        bad("badEditor-last-step", "a second step of a kind that is not known", identity={"lastStep": "square"}),
        bad("badEditor-signs", "one sign for two layers", identity={"signs": [1]}),
        bad("badEditor-sign", "a sign of two", identity={"signs": [1, 2]}),
        vector("serac", "a classifier of scopes", serac(), identity=SERAC),
        bad("badEditor-kind", "another file with tensors", without=["kind"]),
        bad("badEditor-identity", "nothing that it was trained for", without=["identity"]),
        bad("badEditor-unknown", "a kind that is not known", identity={"editor": "psychic"}),
        bad("badEditor-layers", "layers that fall", identity={"layers": [3, 1]}),
        bad("badEditor-no-layers", "no layers", identity={"layers": []}),
        bad("badEditor-no-length", "keys without a length", keyWidth="0"),
        bad("badEditor-long", "outputs too long for any model", outputWidth=str(1 << 40)),
        bad("badEditor-rank", "a rank that is no number", rank="one"),
        bad("badEditor-steps", "steps below zero", steps="-1"),
        bad("badEditor-unfinished", "training that has not ended", more=first, now="3", waited="0"),
        bad("noSuchTensor", "no V in the second step", without=["2.V"]),
        bad("noSuchTensor-ke", "MEND's numbers, called KE's", identity={"editor": "ke"}),
        bad("shapeMismatch-rank", "another rank than is told", rank="2"),
        bad("shapeMismatch-layers", "numbers of two layers, three are told", identity={"layers": [1, 2, 3]}),
        bad("badEditor-no-deviation", "states that are divided by zero", serac(), identity=SERAC, values={"norms": [1, 1, 0, 0]}),
        bad("noSuchTensor-serac", "MEND's numbers, called SERAC's", identity=SERAC),
        bad("shapeMismatch-serac", "a head of three columns, states of two", serac() | {"head": [RANK, K + 1]}, identity=SERAC),
        bad("notFinite", "NaN among the rates", values={"rates": [0.0, float("nan")]}),
        bad("notFinite-norms", "an infinite deviation", values={"norms": [0, 0, 0, 1, 1, float("inf")]}),
    ]
