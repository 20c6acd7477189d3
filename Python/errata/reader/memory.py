"""The memory of a patch, written from memory.md alone; docstrings name the sections of that page."""
import json, re
import numpy as np
from .model import byte_count, need

TYPES = {"U8": "u1", "U32": "<u4", "U64": "<u8", "F32": "<f4"}
ANY, FACTS, OWN = "any", "facts", "own"
FORMS = {"facts": ("U8", ANY), "facts.ends": ("U64", FACTS), "keys": ("U8", ANY), "keys.ends": ("U64", FACTS),
         "phrases.hashes": ("U64", ANY), "phrases.facts": ("U32", ANY), "shapes": ("U64", FACTS, 4),
         "words.hashes": ("U64", ANY), "words.ends": ("U64", ANY), "words.facts": ("U32", ANY),
         "demonstrations": ("U8", ANY), "demonstrations.ends": ("U64", ANY), "demonstrations.shown": ("U32", FACTS, ANY)}
OWN_FORMS = {"keys": ("F32", OWN, ANY), "values": ("F32", OWN, ANY), "radii": ("F32", OWN),
             "embeddings": ("F32", OWN, ANY), "center": ("F32", ANY), "head": ("F32", ANY, ANY), "left": ("F32", ANY, ANY), "right": ("F32", ANY, ANY)}
SHOWN = {"demonstrations", "demonstrations.ends", "demonstrations.shown"}
ROUTES = {"always": [], "subject": ["phrases.hashes", "phrases.facts"], "near": ["shapes"],
          "words": ["words.hashes", "words.ends", "words.facts"], "hidden": [], "embedding": [], "scope": [], "activation": []}
ACTIONS = {"prompt": None, "loop": None, "second-model": None, "replace-output": "hidden", "replace-weight": "activation"}         # with the only route that they go with
OWN_ARRAYS = {"hidden": ["keys", "radii"], "replace-output": ["values"], "embedding": ["embeddings", "center"],
              "scope": ["embeddings", "center", "head"], "replace-weight": ["left", "right"]}
BOUND = {"hidden", "embedding", "scope", "activation"}


def is_count(value, limit):
    return type(value) is int and 0 <= value <= limit


def is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


def looks_at_states(route):
    """The numbers of a route by states."""
    rising = lambda blocks: (type(blocks) is list and all(is_count(block, (1 << 16) - 1) for block in blocks)
                             and blocks == sorted(set(blocks)))
    return (rising(route["layers"]) and rising(route["ends"]) and 1 <= len(route["layers"]) + len(route["ends"]) <= 8
            and type(route["subject"]) is bool
            and (route["kind"] == "scope" or type(route["similarity"]) in (int, float) and -1 <= route["similarity"] <= 1))


MARKS = ("subquestion", "answer", "retrieved", "final")


def is_loop(action, route):
    """*Loops*: the marks of lines and the bounds."""
    marks = [action[mark] for mark in MARKS]
    apart = all(one == other or not action[other].startswith(action[one]) for one in MARKS for other in MARKS)
    return (all(type(mark) is str and 1 <= len(mark.encode()) <= 256 and "\n" not in mark for mark in marks) and apart
            and is_count(action["generations"], 64) and is_count(action["tokens"], 4096) and 0 not in (action["generations"], action["tokens"])
            and route["kind"] not in ("always", "hidden"))


def common_arrays(route):
    """Arrays that a route needs of those that are of all parts."""
    return ROUTES["subject"] if route["kind"] in ("embedding", "scope") and route["subject"] else ROUTES[route["kind"]]


def check_manifest(m):
    """The object: every field but the block ranges."""
    digest = lambda text: type(text) is str and re.fullmatch("[0-9a-f]{64}", text) is not None
    end, parts = 0, m["parts"]
    need("memory", badManifest=is_count(m["facts"], 1 << 24) and m["facts"] > 0 and type(parts) is list
         and 1 <= len(parts) <= 1 << 10 and digest(m["base"]["fingerprint"]) and digest(m["base"].get("model", "0" * 64)))
    for part in parts:
        route, action = part["route"], part["action"]
        need("route", unknownChange=route["kind"] in ROUTES)
        need("action", unknownChange=action["kind"] in ACTIONS)
        first, count = part["facts"]
        need("part", badManifest=type(part["method"]) is str and first == end and is_count(count, m["facts"]) and count > 0
             and (route["kind"] != "near" or is_count(route["distance"], 64))
             and (route["kind"] != "words" or is_share(route["share"]))
             and (route["kind"] not in ("hidden", "activation") or is_count(route["layer"], (1 << 16) - 1))
             and (route["kind"] != "activation" or type(route["threshold"]) in (int, float) and 0 < route["threshold"] < float("inf"))
             and (route["kind"] not in ("embedding", "scope") or looks_at_states(route))
             and ACTIONS[action["kind"]] == (route["kind"] if route["kind"] in ("hidden", "activation") else None))
        if action["kind"] in ("prompt", "loop", "second-model"):
            need("text", badManifest=action["text"].count("{question}") == 1 and len(action["text"].encode()) <= 1 << 16)
        if action["kind"] == "second-model":
            need("second model", badManifest=digest(action["model"]))
        if action["kind"] == "loop":
            need("loop", badManifest=is_loop(action, route))
        end += count
    bound = any(part["route"]["kind"] in BOUND for part in parts)
    need("memory", badManifest=end == m["facts"] and bound == ("model" in m["base"]))
    check_arrays(m)


def check_arrays(m):
    """Arrays: those that the parts name, in their types and shapes."""
    wanted = {"facts", "facts.ends", "keys", "keys.ends"}
    for place, part in enumerate(m["parts"]):
        route, action = part["route"]["kind"], part["action"]["kind"]
        wanted |= set(common_arrays(part["route"])) | {f"{place}.{name}" for name in OWN_ARRAYS.get(route, []) + OWN_ARRAYS.get(action, [])}
    names = [array["name"] for array in m["arrays"]]
    need("arrays", badManifest=names == sorted(set(names), key=str.encode) and wanted <= set(names) <= wanted | SHOWN
         and set(names) & SHOWN in (set(), SHOWN))
    shapes = {}
    for array in m["arrays"]:
        name, shape = array["name"], array["shape"]
        own = name not in FORMS
        kind, *extents = OWN_FORMS[name.split(".", 1)[1]] if own else FORMS[name]
        sizes = {FACTS: m["facts"], OWN: m["parts"][int(name.split(".")[0])]["facts"][1] if own else 0, 4: 4}
        need(name, badManifest=array["elementType"] == kind and byte_count(kind, shape) is not None and len(shape) == len(extents)
             and all(extent == ANY or size == sizes[extent] for size, extent in zip(shape, extents)))
        shapes[name] = shape
    need("arrays", badManifest=shapes.get("phrases.hashes") == shapes.get("phrases.facts")
         and shapes.get("words.hashes") == shapes.get("words.ends"))
    for place, part in enumerate(m["parts"]):
        shape = lambda name, place=place: shapes[f"{place}.{name}"]
        if part["route"]["kind"] == "embedding":
            need("embeddings", badManifest=shape("embeddings")[1] == shape("center")[0])
        if part["route"]["kind"] == "scope":
            need("head", badManifest=shape("head") == [shape("embeddings")[1], shape("center")[0]])
        if part["action"]["kind"] == "replace-weight":
            need("side weight", badManifest=shape("left")[1] == shape("right")[0] > 0)


class Memory:
    """The arrays of a patch, each checked before it is used."""
    def __init__(self, patch):
        m = patch.manifest["memory"]
        self.arrays = {a["name"]: np.frombuffer(patch.content(a["blocks"]), TYPES[a["elementType"]]).reshape(a["shape"])
                       for a in m["arrays"]}
        has = self.arrays.get
        for text in ("facts", "keys", "demonstrations"):
            if text in self.arrays:
                self.check_ends(has(text + ".ends"), len(has(text)), text == "facts")
        if "words.ends" in self.arrays:
            self.check_ends(has("words.ends"), len(has("words.facts")), True)
        for name, strictly in (("phrases.hashes", False), ("words.hashes", True)):
            if name in self.arrays:
                need(name, badMemory=(has(name)[1:] > has(name)[:-1] if strictly else has(name)[1:] >= has(name)[:-1]).all())
        for name in ("phrases.facts", "words.facts"):
            if name in self.arrays:
                need(name, badMemory=(has(name) < m["facts"]).all())
        if "demonstrations.shown" in self.arrays:
            shown = has("demonstrations.shown")
            need("demonstrations", badMemory=((shown < len(has("demonstrations.ends"))) | (shown == 0xFFFFFFFF)).all())
        for name, array in self.arrays.items():
            need(name, notFinite=array.dtype.kind != "f" or np.isfinite(array).all())

    @staticmethod
    def check_ends(ends, length, strictly):
        before = np.concatenate([np.zeros(1, "u8"), ends[:-1]])
        need("ends", badMemory=(ends > before if strictly else ends >= before).all() and (ends[-1] if len(ends) else 0) == length)

    def texts(self, name):
        data, start = self.arrays[name].tobytes(), 0
        for end in self.arrays[name + ".ends"].tolist():
            yield data[start:end]
            start = end

    def facts(self):
        """The facts, as objects."""
        facts = []
        for text in self.texts("facts"):
            try:
                facts.append(json.loads(text.decode()))
                need("fact", badMemory=all(type(facts[-1].get(key)) is str for key in ("prompt", "target")))
            except (ValueError, AttributeError) as error:
                need(repr(error), badMemory=False)
        return facts
