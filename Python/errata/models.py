"""Patches on a model that is loaded: a torch module, as transformers makes it."""
from __future__ import annotations
import os
import re
from typing import TYPE_CHECKING, Any
import numpy as np
from .patches import LoadedPatch, load
from .reader import Change, Refusal
from .reader.model import Tensor

if TYPE_CHECKING:
    import torch

# torch's names of element types in files.
TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32",
         "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}
# Changes that leave a tensor's type and shape as they are, and so can be made in a model that is loaded.
IN_PLACE = {"low-rank", "difference", "scaled"}


class Applied:
    """A patch on a model. `take_back()` gives the weights before, bit for bit; so does leaving a `with` block."""
    def __init__(self, before: dict[str, tuple[torch.Tensor, torch.Tensor]], exact: bool):
        self._before = before
        self.names = list(before)
        self.exact = exact

    def take_back(self) -> None:
        """Puts the weights back that were there before; a second time does nothing."""
        import torch
        with torch.no_grad():
            for parameter, old in self._before.values():
                parameter.copy_(old)
        self._before = {}

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, *_: object) -> None:
        self.take_back()


def apply_to(model: torch.nn.Module, patch: LoadedPatch | str | os.PathLike[str], *, exact: bool = True,
             revert: bool = False) -> Applied:
    """Changes a loaded model as the patch says, or nothing at all.

    exact: the model's weights must be those of the patch's base, in the same element type; every tensor is checked against
        the digest before and after, and the result has the very bits that `errata apply` writes. With `exact=False` low-rank
        updates and gains are carried out in the model's own element type, on whatever weights it has; other kinds of change
        are refused.
    revert: the model is the edited one, and becomes the one before. Only where exact.

    Returns a handle that keeps the old weights of the changed tensors until `take_back()`.
    Raises `Refusal`: `wrongBase` for another model, `tensorMissing`, `tensorMismatch` for another shape or element type, and
        `needsFile` for a change that a loaded model cannot take: files beside the weights, tensors that come, go or grow."""
    import torch
    if revert and not exact:
        raise ValueError("revert=True needs exact=True: rounding has no way back; use the handle of the first call")
    patch = patch if isinstance(patch, LoadedPatch) else load(patch)
    parameters = {name: _find(model, name) for name in patch}
    for t in patch.manifest["tensors"]:
        if t["change"] not in IN_PLACE:
            raise Refusal("needsFile", f"{t['name']!r} is {t['change']}: apply the patch to the model's files")
    if "memory" in patch.manifest and not patch.manifest["tensors"] and "beside" not in patch.manifest:
        raise Refusal("onlyMemory", "the patch leaves the weights alone: its facts are read with the prompts that they are for")
    if "beside" in patch.manifest:
        raise Refusal("needsFile", "the patch changes files beside the weights: apply it to the model's files")
    make = _exact if exact else _approximate
    # All results are made and checked before the first weight is written.
    after = {name: make(patch, name, parameters[name], revert) for name in patch}
    before = {name: (parameters[name], parameters[name].detach().clone()) for name in patch}
    with torch.no_grad():
        for name, value in after.items():
            parameters[name].copy_(value)
    return Applied(before, exact)


# A down-projection of an expert, by its names in files.
_EXPERT = re.compile(r"(.+)\.(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(?:down_proj|w2)\.weight")


def _find(model: torch.nn.Module, name: str) -> torch.Tensor:
    """The model's tensor of this name in its files: as it is, or without or with the prefix of the model's inner part."""
    own: dict[str, torch.Tensor] = model.state_dict(keep_vars=True)
    prefix = getattr(model, "base_model_prefix", "") + "."
    for candidate in (name, prefix + name, name.removeprefix(prefix)):
        if candidate in own:
            return own[candidate]
        # transformers holds the experts of a layer, a tensor each in the files, in one: a part of it is changed where it lies.
        expert = _EXPERT.fullmatch(candidate)
        if expert and (stack := f"{expert[1]}.mlp.experts.down_proj") in own and int(expert[2]) < len(own[stack]):
            return own[stack][int(expert[2])]
    raise Refusal("tensorMissing", f"{name!r}: the model has no tensor of that name")


class _Memory:
    """What the reader knows a model by, of one tensor in memory."""
    def __init__(self, name: str, tensor: torch.Tensor):
        import torch
        held = tensor.detach().cpu().contiguous()
        kind = TYPES.get(str(held.dtype).removeprefix("torch."), str(held.dtype))
        self.data = held.view(torch.uint8).numpy().reshape(-1) if held.dim() else held.reshape(1).view(torch.uint8).numpy()
        self.tensors = {name: (Tensor(kind, list(tensor.shape), 0, len(self.data)), self.data)}

    def find(self, name: str) -> Any:
        return self.tensors.get(name)

    def content(self, _: str) -> np.ndarray:
        return self.data


def _exact(patch: LoadedPatch, name: str, parameter: torch.Tensor, revert: bool) -> torch.Tensor:
    import torch
    t: dict[str, Any] = next(t for t in patch.manifest["tensors"] if t["name"] == name)
    memory = _Memory(name, parameter)
    kind, wanted = memory.tensors[name][0].kind, t.get("baseElementType", t["elementType"])
    if kind != wanted:
        raise Refusal("tensorMismatch", f"{name!r} is {kind} in this model and {wanted} in the patch: load the model with its "
                      "own element type (dtype=\"auto\"), or say exact=False")
    with np.errstate(all="ignore"):
        result = b"".join(Change(patch.file, t, memory, not revert).result())
    return torch.frombuffer(bytearray(result), dtype=parameter.dtype).reshape(parameter.shape)


def _approximate(patch: LoadedPatch, name: str, parameter: torch.Tensor, _: bool) -> torch.Tensor:
    update = patch[name]
    if tuple(parameter.shape) != update.shape:
        raise Refusal("tensorMismatch", f"{name!r} is {tuple(parameter.shape)} in this model and {update.shape} in the patch")
    weight = parameter.detach().float()
    if update.gain is not None:
        return (weight * update.gain).to(parameter.dtype)
    if update.left is None:
        raise Refusal("needsFile", f"{name!r} is {update.change}, which means something on the very base only: exact=True")
    return (weight + update.torch().to(weight.device)).to(parameter.dtype)
