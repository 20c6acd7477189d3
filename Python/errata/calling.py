"""The `errata` command from Python: arguments from names, answers from its JSON."""
from __future__ import annotations
import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

Path = str | os.PathLike[str]


class CommandError(Exception):
    """The command failed; nothing was changed unless the message says so.

    `status` is its exit status, `message` what it said, `report` its JSON object where it printed one."""
    def __init__(self, status: int, message: str, report: dict[str, Any] | None):
        super().__init__(message.strip() or f"errata ended with status {status}")
        self.status, self.message, self.report = status, message, report


def command() -> str:
    """Where the command is: named by ERRATA, beside this Python as its wheel puts it, or on the path.

    Raises FileNotFoundError."""
    named = os.environ.get("ERRATA")
    if named:
        return named
    for folder in dict.fromkeys(sysconfig.get_path("scripts", scheme) for scheme in _schemes()):
        beside = os.path.join(folder, "errata")
        if os.access(beside, os.X_OK):
            return beside
    found = shutil.which("errata")
    if found is None:
        raise FileNotFoundError("the errata command is neither beside this Python nor on the path; ERRATA may name it")
    return found


def _schemes() -> list[str]:
    return [sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user")]


def run(*words: Path, answers: Iterable[int] = (0,), **options: Any) -> dict[str, Any]:
    """Runs a command with `--json` and gives its object (Formats/output.md).

    words: the command and its arguments, as `run("verify", "fix.errata", "llama")`.
    options: by their long names; `second_moment_weight=20` is `--second-moment-weight 20`, True a flag, a list an option that
        is given several times. None and False are left out.
    answers: exit statuses that are answers and not failures: `verify` says no with 2.

    Raises `CommandError`."""
    line = [command(), *(os.fspath(word) for word in words), "--json", *_arguments(options)]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True)
    try:
        report: dict[str, Any] | None = json.loads(done.stdout)
    except json.JSONDecodeError:
        report = None
    if done.returncode not in tuple(answers) or report is None:
        raise CommandError(done.returncode, done.stderr, report)
    return report


def _arguments(options: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in options.items():
        option = "--" + name.rstrip("_").replace("_", "-")
        for one in value if isinstance(value, list | tuple) else [value]:
            if one is True:
                words.append(option)
            elif one is not None and one is not False:
                words += [option, os.fspath(one) if isinstance(one, os.PathLike) else str(one)]
    return words


def edit(model: Path, facts: Path | list[dict[str, Any]], *, output: Path, statistics: Path | None = None,
         **options: Any) -> dict[str, Any]:
    """Turns facts into a patch: `errata edit`.

    facts: a file, or records with `prompt` ({} stands for the subject), `subject` and `target` (Formats/facts.md).
    statistics: second moments of the model, from `errata stats`; else `corpus=` or `no_second_moment=True`.
    options: every other option of `errata edit`, as for `run`.

    Returns what became of every fact, as `errata edit --json` says it.
    Raises `CommandError`; then there is no patch."""
    if not isinstance(facts, list):
        return run("edit", model, facts=facts, statistics=statistics, output=output, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "facts.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(fact, ensure_ascii=False) + "\n" for fact in facts)
        return run("edit", model, facts=path, statistics=statistics, output=output, **options)
