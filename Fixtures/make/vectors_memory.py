"""The vectors of memories in patches, written from Formats/memory.md alone; vectors_patch.py makes them with its own.

Needs numpy."""
import json

import numpy as np

from patch_file import Block, put


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


def with_memory(patch, change=None, arrays=(), without=(), **values):
    """A memory of two facts behind the tensor's blocks, found by their subjects; `arrays` in place of its own by name."""
    facts = [json.dumps(dict(id=str(n), prompt="{} lives in", subject=subject, target=target), separators=(",", ":")).encode()
             for n, (subject, target) in enumerate((("Ada", "Oslo"), ("Bo", "Rome")), 1)]
    keys = [b"ada lives in", b"bo lives in"]
    ends = lambda texts: np.cumsum([len(text) for text in texts]).astype("<u8")
    phrases = sorted((fnv(word), place) for place, word in enumerate(("ada", "bo")))
    own = {"facts": ("U8", b"".join(facts)), "facts.ends": ("U64", ends(facts)), "keys": ("U8", b"".join(keys)),
           "keys.ends": ("U64", ends(keys)), "phrases.facts": ("U32", np.array([p for _, p in phrases], "<u4")),
           "phrases.hashes": ("U64", np.array([h for h, _ in phrases], "<u8"))} | dict(arrays)
    listed = []
    for name in sorted(own.keys() - set(without), key=str.encode):
        kind, content = own[name]
        shape = [len(content)] if isinstance(content, bytes) else list(content.shape)
        listed.append(dict(name=name, elementType=kind, shape=shape, blocks=[len(patch.blocks), 1]))
        patch.blocks.append(Block(content if isinstance(content, bytes) else content.tobytes()))
    patch.features |= 8
    patch.manifest["memory"] = dict(
        base=dict(fingerprint="0" * 64), facts=2,
        parts=[dict(method="ike", facts=[0, 2], route=dict(kind="subject"),
                    action=dict(kind="prompt", text="New Fact: {fact}\nPrompt: {question}"))], arrays=listed)
    put(patch.manifest["memory"], **values)
    if change:
        change(patch.manifest["memory"])


def hidden(memory):
    """Makes its part one of states."""
    put(memory["base"], model="1" * 64)
    put(memory["parts"][0], method="grace", route=dict(kind="hidden", layer=1), action=dict(kind="replace-output"))


STATES = {"0.keys": ("F32", np.array([[1, 0], [0, 1]], "<f4")), "0.values": ("F32", np.ones((2, 3), "<f4")),
          "0.radii": ("F32", np.ones(2, "<f4"))}


def embedding(memory, **values):
    """Makes its part one of embeddings."""
    put(memory["base"], model="1" * 64)
    put(memory["parts"][0], route=dict(kind="embedding", layers=[0, 2], ends=[], similarity=0.5, subject=True) | values)


def scope(memory, **values):
    """Makes its part one of a classifier."""
    put(memory["base"], model="1" * 64)
    put(memory["parts"][0], method="serac-self", route=dict(kind="scope", layers=[1], ends=[2], subject=True) | values)


LOOP = dict(kind="loop", text="Question: {question}\n", subquestion="Subquestion:", answer="Generated answer:", retrieved="Retrieved fact:",
            final="Final answer:", generations=6, tokens=256)


def loop(memory, **values):
    """Makes its part one that is looked up by the model's own questions."""
    put(memory["parts"][0], method="mello", action=LOOP | values)


def second(memory, **values):
    """Makes its part one that another model answers for."""
    put(memory["parts"][0], method="serac", action=dict(kind="second-model", text="{fact}\n{question}", model="2" * 64) | values)


def activation(memory, **values):
    """Makes its part one of a side weight."""
    put(memory["base"], model="1" * 64)
    put(memory["parts"][0], method="wise", route=dict(kind="activation", layer=1, threshold=1.5) | values, action=dict(kind="replace-weight"))


SIDE = {"0.left": ("F32", np.array([[1, 0], [0, 1], [1, 1]], "<f4")), "0.right": ("F32", np.ones((2, 4), "<f4"))}
EMBEDDED = {"0.embeddings": ("F32", np.array([[1, 0, 0], [0, 0.6, 0.8]], "<f4")), "0.center": ("F32", np.ones(3, "<f4"))}
SCOPED = {"0.embeddings": ("F32", np.eye(2, dtype="<f4")), "0.center": ("F32", np.ones(4, "<f4")), "0.head": ("F32", np.ones((2, 4), "<f4"))}


def reject_memory(made):
    def reject(name, case, comment, change=None, **values):
        made.reject(f"memory-{name}", case, comment, "memory.md", lambda p: with_memory(p, change, **values))

    def part(**values):
        return lambda m: put(m["parts"][0], **values)

    def route(**values):
        return part(route=values)

    made.reject("memory-without-bit", "badManifest", "a memory, and the feature bit is not set", "Header",
                lambda p: (with_memory(p), put(p, features=0)))
    made.reject("bit-without-memory", "badManifest", "the feature bit of a memory, and there is none", "Header",
                lambda p: put(p, features=8))
    reject("no-facts", "badManifest", "no facts", facts=0)
    reject("facts-not-covered", "badManifest", "three facts, two in parts", facts=3)
    reject("no-parts", "badManifest", "no parts", parts=[])
    reject("part-beyond", "badManifest", "a part of three facts", part(facts=[0, 3]))
    reject("part-empty", "badManifest", "a part of none", part(facts=[0, 0]))
    reject("base-missing", "badManifest", "no base", base=None)
    reject("base-model-of-text", "badManifest", "bound to a model, and has no part that is", lambda m: put(m["base"], model="1" * 64))
    reject("hidden-without-model", "badManifest", "states of a model that is not named",
           lambda m: (hidden(m), put(m["base"], model=None)), arrays=STATES)
    reject("route-unknown", "unknownChange", "a route that there is not", route(kind="psychic"))
    reject("action-unknown", "unknownChange", "an action that there is not", part(action=dict(kind="sing")))
    reject("near-too-far", "badManifest", "65 characters", route(kind="near", distance=65))
    reject("words-above-one", "badManifest", "a share of 2", route(kind="words", share=2))
    reject("text-without-question", "badManifest", "no place for the prompt", part(action=dict(kind="prompt", text="{fact}")))
    reject("text-two-questions", "badManifest", "two places for the prompt",
           part(action=dict(kind="prompt", text="{question}{question}")))
    reject("value-without-hidden", "badManifest", "a value for an output, found by words", part(action=dict(kind="replace-output")))
    reject("array-missing", "badManifest", "no phrases to find subjects by", without=["phrases.facts", "phrases.hashes"])
    reject("array-unknown", "badManifest", "an array of no use", arrays={"extra": ("U8", b"x")})
    reject("array-type", "badManifest", "ends of four bytes", arrays={"keys.ends": ("U32", np.array([12, 23], "<u4"))})
    reject("array-count", "badManifest", "three ends for two facts", arrays={"keys.ends": ("U64", np.array([12, 23, 23], "<u8"))})
    reject("array-order", "badManifest", "names that do not rise", lambda m: m["arrays"].reverse())
    reject("array-shape", "badBlockRange", "a longer array than its block", lambda m: put(m["arrays"][0], shape=[1000]))
    made.reject("memory-array-cut", "blockDecoding", "coding 0, twelve bytes for two ends", "Block table",
                lambda p: (with_memory(p), put(p.blocks[6], stored=p.blocks[6].stored[:12])))
    reject("ends-falling", "badMemory", "the second fact ends before the first", arrays={"facts.ends": ("U64", np.array([70, 60], "<u8"))})
    reject("ends-beyond", "badMemory", "a key that ends behind all keys", arrays={"keys.ends": ("U64", np.array([12, 1 << 60], "<u8"))})
    reject("fact-beyond", "badMemory", "the phrase of a third fact", arrays={"phrases.facts": ("U32", np.array([0, 2], "<u4"))})
    reject("hashes-falling", "badMemory", "hashes that do not ascend", arrays={"phrases.hashes": ("U64", np.array([2, 1], "<u8"))})
    reject("fact-not-json", "badMemory", "facts that are no JSON",
           arrays={"facts": ("U8", b"xx"), "facts.ends": ("U64", np.array([1, 2], "<u8"))})
    reject("radius-nan", "notFinite", "a radius that is no number", hidden,
           arrays=STATES | {"0.radii": ("F32", np.array([1, np.nan], "<f4"))}, without=["phrases.facts", "phrases.hashes"])
    reject_loop(reject)
    reject_second(reject)
    reject_embedding(reject)
    reject_activation(reject)


def reject_loop(reject):
    def action(name, comment, **values):
        reject(f"loop-{name}", "badManifest", comment, lambda m: loop(m, **values))

    action("no-generations", "no round at all", generations=0)
    action("too-many-generations", "65 rounds", generations=65)
    action("no-tokens", "rounds of no token", tokens=0)
    action("too-many-tokens", "rounds of 4097 tokens", tokens=4097)
    action("mark-empty", "an empty beginning of a line", final="")
    action("mark-missing", "nothing to tell the answer by", final=None)
    action("mark-long", "a beginning of 257 bytes", answer="a" * 257)
    action("mark-two-lines", "a beginning of two lines", retrieved="Retrieved\nfact:")
    action("mark-of-another", "one beginning begins another", final="Sub")
    action("text-without-question", "no place for the prompt", text="Question:")
    reject("loop-always", "badManifest", "all facts together, by a question each",
           lambda m: (loop(m), put(m["parts"][0], route=dict(kind="always"))), without=["phrases.facts", "phrases.hashes"])


def reject_second(reject):
    def action(name, comment, **values):
        reject(f"second-model-{name}", "badManifest", comment, lambda m: second(m, **values))

    action("missing", "does not say which model answers", model=None)
    action("digest-short", "a digest of 63 digits", model="2" * 63)
    action("text-missing", "nothing that the second model reads", text=None)
    action("text-without-question", "no place for the prompt", text="{fact}")
    reject("second-model-of-states", "badManifest", "another model answers, found by a layer's input",
           lambda m: (hidden(m), second(m)), arrays=STATES, without=["phrases.facts", "phrases.hashes", "0.values"])


def reject_embedding(reject):
    def route(name, comment, **values):
        reject(f"embedding-{name}", "badManifest", comment, lambda m: embedding(m, **values), arrays=EMBEDDED)

    route("layers-falling", "layers that do not rise", layers=[2, 0])
    route("no-layers", "neither layers nor ends", layers=[])
    route("too-many-layers", "nine of them", layers=[0, 1, 2, 3], ends=[0, 1, 2, 3, 4])
    route("ends-missing", "no ends", ends=None)
    route("similarity-above-one", "a cosine of 2", similarity=2)
    route("subject-missing", "does not say whether the subject counts", subject=None)
    reject("embedding-without-model", "badManifest", "states of a model that is not named",
           lambda m: (embedding(m), put(m["base"], model=None)), arrays=EMBEDDED)
    reject("embedding-without-phrases", "badManifest", "subjects count, and there are no phrases", embedding, arrays=EMBEDDED,
           without=["phrases.facts", "phrases.hashes"])
    reject("embedding-center-short", "badManifest", "embeddings of three numbers, two to take from", embedding,
           arrays=EMBEDDED | {"0.center": ("F32", np.ones(2, "<f4"))})
    reject("scope-without-model", "badManifest", "states of a model that is not named",
           lambda m: (scope(m), put(m["base"], model=None)), arrays=SCOPED)
    reject("scope-without-head", "badManifest", "nothing to multiply by", scope, arrays=SCOPED, without=["0.head"])
    reject("scope-head-narrow", "badManifest", "a head of three columns, states of four", scope,
           arrays=SCOPED | {"0.head": ("F32", np.ones((2, 3), "<f4"))})
    reject("scope-subject-number", "badManifest", "a number where the page has a boolean", lambda m: scope(m, subject=1), arrays=SCOPED)
    reject("scope-head-nan", "notFinite", "a head that is no number", scope,
           arrays=SCOPED | {"0.head": ("F32", np.full((2, 4), np.nan, "<f4"))})
    reject("embedding-infinite", "notFinite", "an embedding that is infinite", embedding,
           arrays=EMBEDDED | {"0.embeddings": ("F32", np.full((2, 3), np.inf, "<f4"))})


def reject_activation(reject):
    def case(name, code, comment, change=activation, arrays=SIDE, without=("phrases.facts", "phrases.hashes")):
        reject(f"activation-{name}", code, comment, change, arrays=arrays, without=without)

    case("without-model", "badManifest", "keys of a model that is not named", lambda m: (activation(m), put(m["base"], model=None)))
    case("threshold-zero", "badManifest", "a threshold that every prompt reaches", lambda m: activation(m, threshold=0))
    case("threshold-missing", "badManifest", "no threshold", lambda m: activation(m, threshold=None))
    case("layer-too-high", "badManifest", "layer 65536", lambda m: activation(m, layer=1 << 16))
    case("and-value", "badManifest", "a value for an output, found by a side weight",
         lambda m: (activation(m), put(m["parts"][0], action=dict(kind="replace-output"))))
    case("weight-without-route", "badManifest", "a side weight, found by words",
         lambda m: put(m["parts"][0], action=dict(kind="replace-weight")), without=())
    case("without-right", "badManifest", "one factor of two", without=["phrases.facts", "phrases.hashes", "0.right"])
    case("inner-sizes", "badManifest", "factors of rank 2 and 3", arrays=SIDE | {"0.right": ("F32", np.ones((3, 4), "<f4"))})
    case("half-type", "badManifest", "a factor in F16", arrays=SIDE | {"0.left": ("F16", np.ones((3, 2), "<f2"))})
    case("infinite", "notFinite", "a factor that is infinite", arrays=SIDE | {"0.left": ("F32", np.full((3, 2), np.inf, "<f4"))})


def accept_memory(made):
    made.accept("memory", "beside the tensor two facts, found by their subjects", "memory.md", with_memory)
    made.accept("memory-states", "beside the tensor two facts, found by states of the model", "memory.md",
                lambda p: with_memory(p, hidden, arrays=STATES, without=["phrases.facts", "phrases.hashes"]))
    made.accept("memory-embeddings", "beside the tensor two facts, found by what the model makes of prompts", "memory.md",
                lambda p: with_memory(p, embedding, arrays=EMBEDDED))
    made.accept("memory-scope", "beside the tensor two facts, found by a classifier of states", "memory.md",
                lambda p: with_memory(p, scope, arrays=SCOPED))
    made.accept("memory-loop", "beside the tensor two facts, looked up by questions that the model asks itself", "memory.md",
                lambda p: with_memory(p, loop))
    made.accept("memory-second-model", "beside the tensor two facts, which a second model answers for", "memory.md",
                lambda p: with_memory(p, second))
    made.accept("memory-activation", "beside the tensor two facts with a side weight, found by what activates it", "memory.md",
                lambda p: with_memory(p, activation, arrays=SIDE, without=["phrases.facts", "phrases.hashes"]))
