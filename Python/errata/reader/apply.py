"""Applying and reverting, written from patch.md alone; docstrings name the sections of that page."""
import hashlib, os, pathlib, shutil, tempfile
import numpy as np
from .lowrank import LowRank, Scaled
from .model import Model, byte_count, need, read_header
from .coder import add_differences

SIDES = "base", "result"

TILE = 1 << 20


def sha(data):
    return hashlib.sha256(data).digest()


def tiles(data):
    return [data[at:at + TILE].tobytes() for at in range(0, len(data), TILE)]


def tensor_digest(data):
    return sha(b"".join(map(sha, tiles(data)))).hex()


class Change:
    """One tensor of a patch against a model, in one direction."""
    def __init__(self, patch, t, model, is_apply):
        self.patch, self.t, self.name, self.is_apply = patch, t, t["name"], is_apply
        self.is_tiled = t["change"] in ("low-rank", "difference", "scaled")
        before = t.get("baseElementType", t["elementType"]), t.get("baseShape", t["shape"])
        forms = {"base": before if t["change"] != "added" else None,
                 "result": (t["elementType"], t["shape"]) if t["change"] != "removed" else None}
        source, target = ("base", "result") if is_apply else ("result", "base")
        self.target, self.source_form, self.form = target, forms[source], forms[target]
        self.check_digests()
        self.check_source(model, t.get(source + "Digest"))

    def check_digests(self):
        """Manifest: the tensor digests are those of the leaves or of the data."""
        for side in ("base", "result"):
            if self.is_tiled:
                leaves = np.frombuffer(self.patch.content(self.t["leaves"]), "V32").reshape(-1, 2)
                found = sha(leaves[:, int(side == "result")].tobytes()).hex()
            elif side in self.t:
                found = tensor_digest(np.frombuffer(self.patch.content(self.t[side]), "u1"))
            else:
                continue
            need(f"{self.name!r}, {side}", leafDigest=found == self.t[side + "Digest"])

    def check_source(self, model, digest):
        """A reader MUST, 2."""
        if self.source_form is None:
            need(f"{self.name!r} is there already", wrongBase=self.name not in model.tensors)
            return
        # A part of a tensor is changed where it lies; it does not come, go or become another.
        found = model.find(self.name) if self.is_tiled else model.tensors.get(self.name)
        need(repr(self.name), tensorMissing=found is not None)
        tensor, _ = found
        self.source = model.content(self.name)
        need(repr(self.name), tensorMismatch=(tensor.kind, tensor.shape) == self.source_form,
             wrongBase=tensor_digest(self.source) == digest)

    def result(self):
        """Apply, Revert: the tensor's tiles on the other side, each checked against its leaf."""
        if self.t["change"] == "resized":
            yield from self.resized()
            return
        if self.t["change"] == "extended":
            yield self.extended().tobytes()
            return
        if not self.is_tiled:
            yield from tiles(np.frombuffer(self.patch.content(self.t[self.target]), "u1"))
            return
        leaves = self.patch.content(self.t["leaves"])
        kinds = {"low-rank": LowRank, "scaled": Scaled}
        is_aware = self.t.get("rounding") == "aware"
        function = kinds[self.t["change"]](self.patch, self.t) if self.t["change"] in kinds and not is_aware else None
        for i, tile in enumerate(tiles(self.source)):
            pair = leaves[64 * i:64 * i + 32], leaves[64 * i + 32:64 * i + 64]
            if pair[0] != pair[1]:
                tile = self.other_side(i, tile, function)
            need(f"{self.name!r}, tile {i}", wrongResult=sha(tile) == pair[self.is_apply])
            yield tile

    def resized(self):
        """Apply, Revert: the rows of both sides, changed, and those that only the other has; or without those that go."""
        length = byte_count(*self.form)
        common, rows = min(length, len(self.source)), self.patch.content(self.t["rows"])
        for i, tile in enumerate(tiles(self.source[:common])):
            block = self.patch.block(self.t["differences"][0] + i) if self.t.get("differences", [0, 0])[1] else b""
            yield add_differences(block, self.t["elementType"], tile, i * TILE, 1 if self.is_apply else -1) if block else tile
        need(f"{self.name!r}, rows", leafDigest=length > common or self.source[common:].tobytes() == rows)
        if length > common:
            yield rows

    def extended(self):
        """Apply, Revert: each run with its end, or without."""
        runs = self.t["runs"]
        ends = np.frombuffer(self.patch.content(self.t["ends"]), "u1").reshape(runs, -1)
        own = np.asarray(self.source).reshape(runs, -1)
        if byte_count(*self.form) > len(self.source):
            return np.concatenate([own, ends], 1)
        common = own.shape[1] - ends.shape[1]
        need(f"{self.name!r}, ends", leafDigest=(own[:, common:] == ends).all())
        return own[:, :common]

    def other_side(self, i, tile, function):
        def differ(tile):
            if "differences" not in self.t:
                return tile
            block = self.patch.block(self.t["differences"][0] + i)
            return add_differences(block, self.t["elementType"], tile, i * TILE, 1 if self.is_apply else -1)
        if function is None:
            return differ(tile)
        if not self.is_apply:
            tile = differ(tile)
        b = np.frombuffer(tile, function.bits)
        s, u = function.prepare(np.arange(len(b)) + i * (TILE // b.itemsize))
        if self.is_apply:
            return differ(function.f(b, s, u).tobytes())
        return function.revert(b, s, u, self.patch.block(self.t["choices"][0] + i)).tobytes()


def write_tensor(data, tensor, parts, digest=None):
    at = tensor.begin
    for part in parts:
        data[at:at + len(part)] = np.frombuffer(part, "u1")
        at += len(part)
    need("a tensor's digest", leafDigest=digest in (None, tensor_digest(data[tensor.begin:tensor.end])))


def copy_folder(model, without, out):
    """A new folder with the files of the model's, if it has one; weights that are not the model's stay behind."""
    own = {os.path.basename(path) for path in model.files}
    weights = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ckpt", ".npz")
    os.mkdir(out)
    for name in os.listdir(model.folder) if model.is_folder else []:
        path = os.path.join(model.folder, name)
        if os.path.isfile(path) and name not in without and (name in own or not name.endswith(weights)):
            shutil.copyfile(path, os.path.join(out, name))


def write_same_layout(changes, model, out):
    """A reader MUST: all bytes outside touched tensors stay as they are."""
    if model.is_folder:
        copy_folder(model, set(), out)
    else:
        shutil.copyfile(model.files[0], out)
    for change in changes:
        tensor, data = model.find(change.name)
        path = os.path.join(out, os.path.basename(data.filename)) if model.is_folder else out
        write_tensor(np.memmap(path, "u1", "r+"), tensor, change.result())


def check_layout(patch, side, forms, model, folder):
    """Layout: what its headers say, for either side. `forms`: of touched tensors, by name; None where one is gone."""
    names, path = [], os.path.join(folder, "header")
    own = [byte_count(*tensor[:2]) for name, (tensor, _) in model.tensors.items() if name not in forms]
    both = [byte_count(*form) if form else 0 for name in forms for form in forms[name].values()]
    justified = sum(own + both) + (len(own + both) + 1) * (1 << 16)
    for file in patch.manifest["layout"][side]["files"]:
        header = patch.content(file["header"])
        need(file["name"], badManifest=file["bytes"] - len(header) <= justified)
        if file["name"].endswith(".json"):
            continue
        with open(path, "wb") as output:
            output.write(header)
            output.truncate(file["bytes"])
        try:
            tensors = read_header(np.memmap(path, "u1", "r"))
        except Exception as error:                                             # no header of a model: the patch's fault
            need(f"{file['name']}: {error!r}", badManifest=False)
        for name, tensor in tensors.items():
            names.append(name)
            form = forms[name][side] if name in forms else model.tensors[name][0][:2] if name in model.tensors else 0
            need(repr(name), tensorMissing=form != 0, badManifest=form is not None)
            need(repr(name), tensorMismatch=(tensor.kind, tensor.shape) == tuple(form))
        os.remove(path)
    touched = {name for name in forms if forms[name][side]}
    need("a tensor that no header names, or two do", badManifest=len(set(names)) == len(names) and touched <= set(names))
    lost = set(model.tensors) - set(names) - set(forms)
    need(f"{lost}, which the layout does not name", wrongBase=not lost)


class Beside:
    """Beside: a file of the folder, in one direction."""
    def __init__(self, patch, f, model, is_apply):
        self.name, self.path = f["name"], os.path.join(model.folder, f["name"])
        source, target = SIDES if is_apply else SIDES[::-1]
        need(self.path, filesNeedFolder=model.is_folder)
        present = open(self.path, "rb").read() if os.path.exists(self.path) else None
        need(self.path, wrongFile=(present is None) == (source + "Digest" not in f)
             and (present is None or sha(present).hex() == f[source + "Digest"]))
        self.content, back = (self.side(patch, f, side, present) for side in (target, source))
        need(self.path, fileDigest=back == present)

    def side(self, patch, f, side, present):
        if side + "Digest" not in f:
            return None
        content = patch.content(f[side])
        if "prefix" in f and present is not None:
            content = present[:f["prefix"]] + content + present[len(present) - f["suffix"]:]
        need(self.path, fileDigest=sha(content).hex() == f[side + "Digest"] and len(content) == f[side + "Bytes"])
        return content

    def write(self, folder):
        path = os.path.join(folder, self.name)
        if os.path.exists(path):
            os.remove(path)
        if self.content is not None:
            pathlib.Path(path).write_bytes(self.content)


def write_layout(patch, side, changes, model, out):
    """Layout: headers from the patch, tensors from changes or from the model, zeros elsewhere."""
    by_name, done = {change.name: change for change in changes}, set()
    if side["folder"]:
        copy_folder(model, {os.path.basename(path) for path in model.files}, out)
    for file in side["files"]:
        path = os.path.join(out, file["name"]) if side["folder"] else out
        header = patch.content(file["header"])
        with open(path, "wb") as output:
            output.write(header)
            output.truncate(file["bytes"])
        if file["name"].endswith(".json"):
            continue
        data = np.memmap(path, "u1", "r+")
        for name, tensor in read_header(data).items():
            done.add(name)
            if name in by_name:
                need(repr(name), tensorMismatch=(tensor.kind, tensor.shape) == by_name[name].form)
                change = by_name[name]
                write_tensor(data, tensor, change.result(), change.t[change.target + "Digest"])
            else:
                need(repr(name), tensorMissing=name in model.tensors)
                need(repr(name), tensorMismatch=model.tensors[name][0][:2] == tensor[:2])
                write_tensor(data, tensor, tiles(model.content(name)))
    need("a touched tensor that no header names", badManifest=done >= {c.name for c in changes if c.form is not None})
    lost = set(model.tensors) - done - {t["name"] for t in patch.manifest["tensors"]}
    need(f"{lost}, which the layout does not name", wrongBase=not lost)


def transform(patch, command, model, out):
    """Apply, Revert, A reader MUST: a changed copy that gets its name when all is checked."""
    is_apply, model, out = command == "apply", Model(model), out.rstrip("/")
    patch.check_blocks()
    need("facts that speak beside the weights", onlyMemory="memory" not in patch.manifest or bool(
        patch.manifest["tensors"] or {"layout", "beside"} & set(patch.manifest)))
    changes = [Change(patch, t, model, is_apply) for t in patch.manifest["tensors"]]
    beside = [Beside(patch, f, model, is_apply) for f in patch.manifest.get("beside", [])]
    forms = {c.name: dict(zip(SIDES if is_apply else SIDES[::-1], (c.source_form, c.form))) for c in changes}
    with tempfile.TemporaryDirectory(dir=os.path.dirname(out) or ".") as partial:
        copy = os.path.join(partial, "model")
        for side in SIDES if "layout" in patch.manifest else ():
            check_layout(patch, side, forms, model, partial)
        if "layout" in patch.manifest:
            write_layout(patch, patch.manifest["layout"]["result" if is_apply else "base"], changes, model, copy)
        else:
            write_same_layout(changes, model, copy)
        for file in beside:
            file.write(copy)
        os.replace(copy, out)
