"""Model files, as far as a patch needs them: where each tensor's data lies. safetensors.md and gguf.md say the rest."""
import collections, glob, json, os, re, struct
import numpy as np

Tensor = collections.namedtuple("Tensor", "kind shape begin end")

# Bits of an element, or of a block of so many elements.
BITS = dict(F4=4, F6_E2M3=6, F6_E3M2=6, I16=16, U16=16, F16=16, BF16=16, I32=32, U32=32, F32=32, C64=64, F64=64, I64=64,
            U64=64) | dict.fromkeys("BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E4M3FNUZ F8_E5M2FNUZ".split(), 8)
BLOCK_BYTES = {
    32: dict(Q4_0=18, Q4_1=20, Q5_0=22, Q5_1=24, Q8_0=34, Q8_1=36, IQ4_NL=18, MXFP4=17),
    64: dict(Q2_0=18, NVFP4=36), 128: dict(Q1_0=18),
    256: dict(Q2_K=84, Q3_K=110, Q4_K=144, Q5_K=176, Q6_K=210, Q8_K=292, IQ1_S=50, IQ1_M=56, IQ2_XXS=66, IQ2_XS=74,
              IQ2_S=82, IQ3_XXS=98, IQ3_S=110, IQ4_XS=136, TQ1_0=54, TQ2_0=66)}
SIZES = {kind: (1, bits) for kind, bits in BITS.items()} | {
    kind: (length, 8 * size) for length, kinds in BLOCK_BYTES.items() for kind, size in kinds.items()}
GGUF_TYPES = dict(enumerate("F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS "
                            "IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - - TQ1_0 TQ2_0 "
                            "- - - MXFP4 NVFP4 Q1_0 Q2_0".split()))


class Refusal(Exception):
    """What is not accepted: `case` is the name that patch.md gives the reason, `detail` says where."""
    def __init__(self, case, detail):
        super().__init__(f"{case}: {detail}")
        self.case, self.detail = case, detail


def need(detail, **checks):
    """Refuses under the name of the first check that is false."""
    for case, passed in checks.items():
        if not passed:
            raise Refusal(case, str(detail))


def byte_count(kind, shape):
    """Bytes of a tensor; None where the type or the shape is none."""
    if kind not in SIZES or type(shape) is not list or len(shape) > 64:
        return None
    (length, bits), count = SIZES[kind], 1
    for extent in shape:
        if type(extent) is not int or extent < 0 or (count := count * extent) >= 1 << 63:
            return None
    whole_blocks = (shape[-1] if shape else 1) % length == 0
    total = count // length * bits
    return total // 8 if whole_blocks and total % 8 == 0 and total < 1 << 63 else None


def read_header(data):
    """The tensors of a file, by name; `data` is its bytes."""
    tensors = read_gguf(data) if bytes(data[:4]) == b"GGUF" else read_safetensors(data)
    for name, t in tensors.items():
        need(repr(name), badInput=t.begin <= t.end <= len(data) and t.end - t.begin == byte_count(t.kind, t.shape))
    return tensors


def read_safetensors(data):
    start = 8 + int.from_bytes(bytes(data[:8]), "little")
    need("header beyond the file", badInput=start <= len(data))
    header = json.loads(bytes(data[8:start]))
    return {name: Tensor(t["dtype"], t["shape"], *(start + x for x in t["data_offsets"]))
            for name, t in header.items() if name != "__metadata__"}


def read_gguf(data):
    at = 4

    def take(form):
        nonlocal at
        value, = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def text():
        return bytes(take(f"{take('Q')}s")).decode()

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            kind, count = take("I"), take("Q")
            for _ in range(count):
                value(kind)
            return None
        return take("BbHhIif?-" "-QqdI"[kind])

    version, tensor_count, field_count = take("I"), take("Q"), take("Q")
    need("GGUF version", badInput=version in (2, 3))
    fields = {}
    for _ in range(field_count):
        key = text()
        fields[key] = value(take("I"))
    alignment, entries = fields.get("general.alignment", 32), []
    for _ in range(tensor_count):
        name = text()
        shape = [take("Q") for _ in range(take("I"))][::-1]
        entries.append((name, GGUF_TYPES[take("I")], shape, take("Q")))
    start = -(-at // alignment) * alignment
    return {name: Tensor(kind, shape, start + offset, start + offset + byte_count(kind, shape))
            for name, kind, shape, offset in entries}


class Model:
    """A file, or a folder of files: the index's, else all of one kind. `tensors`: by name, each with its file."""
    def __init__(self, path):
        path = path.rstrip("/") if os.path.isdir(path) else path
        split = re.fullmatch(r"(.*)-00001-of-(\d{5})\.gguf", path)
        self.is_folder = os.path.isdir(path) or path.endswith(".index.json") or bool(split)
        self.folder = path if os.path.isdir(path) else os.path.dirname(path) or "."
        if not self.is_folder:
            self.files = [path]
        elif split:
            self.files = sorted(glob.glob(glob.escape(split[1]) + f"-?????-of-{split[2]}.gguf"))
        else:
            self.files = self.list(path)
        self.tensors = {}
        for path in self.files:
            if path.endswith(".index.json"):
                continue
            data = np.memmap(path, "u1", "r")
            for name, tensor in read_header(data).items():
                need(f"{path}: {name!r}", badInput=name not in self.tensors)
                self.tensors[name] = tensor, data

    def list(self, path):
        """The files of a folder's model, its index among them."""
        here = lambda name: os.path.join(self.folder, name)
        if os.path.exists(here("model.safetensors")) and not path.endswith(".index.json"):
            return [here("model.safetensors")]
        start = glob.escape(here(""))
        indices = [path] if path.endswith(".index.json") else glob.glob(start + "*.safetensors.index.json")
        if indices:
            with open(indices[0]) as file:
                names = set(json.load(file)["weight_map"].values())
            need(indices[0], badInput=not any("/" in name or name in ("", "..") for name in names))
            return [here(name) for name in sorted(names)] + indices[:1]
        return sorted(glob.glob(start + "*.safetensors") or glob.glob(start + "*.gguf"))

    def find(self, name):
        """A tensor with its file, or the part `NAME[i]` of one that holds several along the first of three axes; else None."""
        if name in self.tensors:
            return self.tensors[name]
        part = re.fullmatch(r"(.+)\[(0|[1-9]\d{0,5})\]", name, re.DOTALL)
        if not part or part[1] not in self.tensors:
            return None
        (kind, shape, begin, end), data = self.tensors[part[1]]
        if len(shape) != 3 or int(part[2]) >= shape[0]:
            return None
        size = byte_count(kind, shape[1:])
        if size is None or size * shape[0] != end - begin:
            return None
        return Tensor(kind, shape[1:], begin + int(part[2]) * size, begin + (int(part[2]) + 1) * size), data

    def content(self, name):
        """A tensor's data, as a view of its file."""
        tensor, data = self.find(name)
        return data[tensor.begin:tensor.end]
