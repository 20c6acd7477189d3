"""Errata beside Python: patches as arrays, on a model that is loaded, and through the `errata` command.

    patch = errata.load("fix.errata")            what a patch says, and its updates as arrays
    handle = errata.apply_to(model, patch)       on a loaded transformers model; handle.take_back() undoes it
    result = errata.edit("llama", [{"prompt": "{} lives in", "subject": "Ada", "target": "Oslo"}],
                         statistics="llama.stats", output="fix.errata")
"""
from .calling import CommandError, command, edit, run
from .models import Applied, apply_to
from .patches import LoadedPatch, Update, load
from .reader import Refusal

__all__ = ["Applied", "CommandError", "LoadedPatch", "Refusal", "Update", "apply_to", "command", "edit", "load", "run"]
