"""A plain reader of Errata patches, written from Formats/patch.md alone: what the page says, and nothing else.

`Patch` is the file, `Model` a model's files, `Change` one tensor of a patch against a model; what is not accepted is a
`Refusal` under the page's name for it."""
from .apply import Change, transform
from .model import Model, Refusal
from .patch import Patch

__all__ = ["Change", "Model", "Patch", "Refusal", "transform"]
