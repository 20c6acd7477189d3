"""A patch as arrays."""
from __future__ import annotations
import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any
import numpy as np
from .reader import Patch
from .reader.lowrank import TYPES, gain


@dataclasses.dataclass(frozen=True)
class Update:
    """What a patch does to one tensor.

    A low-rank update is Δ = left · right, to be added to the weight: `left` [rows × rank] and `right` [rank × columns] as the
    file has the weight, in binary32, scales included. `gain` is the factor of a tensor that was multiplied. Other kinds of
    change have neither: they are differences of stored numbers and mean something only on the base itself (`apply_to`)."""
    name: str
    change: str
    shape: tuple[int, ...]
    element_type: str
    left: np.ndarray | None = None
    right: np.ndarray | None = None
    gain: float | None = None

    @property
    def rank(self) -> int | None:
        """Components of a low-rank update."""
        return None if self.left is None else self.left.shape[1]

    def dense(self) -> np.ndarray:
        """Δ as [rows × columns], in binary32.

        Raises ValueError where the change is of another kind."""
        if self.left is None or self.right is None:
            raise ValueError(f"{self.name} is {self.change}: its update is no matrix of its own; apply_to() makes the result")
        return self.left @ self.right

    def torch(self) -> Any:
        """Δ as a torch tensor, in float32."""
        import torch
        return torch.from_numpy(self.dense())


class LoadedPatch(Mapping[str, Update]):
    """A patch: updates by tensor name; `manifest` is all that it says (Formats/patch.md)."""
    def __init__(self, path: str | os.PathLike[str]):
        self.path = os.fspath(path)
        self.file = Patch(self.path)
        self.file.check_blocks()
        self.manifest: dict[str, Any] = self.file.manifest
        self._changes = {t["name"]: t for t in self.manifest["tensors"]}
        self._updates: dict[str, Update] = {}

    def __getitem__(self, name: str) -> Update:
        if name not in self._updates:
            self._updates[name] = self._read(self._changes[name])
        return self._updates[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def __repr__(self) -> str:
        return f"<errata patch {self.path}: {len(self)} tensors, {len(self.facts)} facts>"

    @property
    def facts(self) -> list[dict[str, Any]]:
        """The facts that the patch was made for, with what was measured of each, and those of its memory; none where it was made by
        `diff`."""
        memory = self.file.memory()
        return self.manifest.get("edit", {}).get("facts", []) + ([] if memory is None else memory.facts())

    def _read(self, t: dict[str, Any]) -> Update:
        about = dict(name=t["name"], change=t["change"], shape=tuple(t["shape"]), element_type=t["elementType"])
        if t["change"] == "scaled":
            return Update(**about, gain=float(gain(t)))
        if t["change"] != "low-rank":
            return Update(**about)

        def read(key: str, form: str | None) -> np.ndarray:
            return np.frombuffer(self.file.content(t[key]), form).astype("f4").reshape(t["rank"], -1)
        scales = read("scales", "<f4")
        factors = [read(key, TYPES[t["factorType"]][1]) for key in ("left", "right")]
        outputs, inputs = factors[0], factors[1] * scales
        # Stored as outputs by rank and rank by inputs; a weight that lies the other way round is the transpose.
        rows, columns = (outputs, inputs) if t["orientation"] == "output-major" else (inputs, outputs)
        return Update(**about, left=np.ascontiguousarray(rows.T), right=np.ascontiguousarray(columns))


def load(path: str | os.PathLike[str]) -> LoadedPatch:
    """Opens a patch and checks all of it: every digest, every range.

    Raises `Refusal`, under the name that Formats/patch.md gives the reason."""
    return LoadedPatch(path)
