#!/usr/bin/env python3
"""Does llama.cpp say a fact that was edited in a GGUF file, in place, and the rest as before? Run by hand:

    python3 edited_speaks.py ERRATA MODEL.gguf FACTS.json [--limit N] --unrelated TEXT [--statistics S] [-- more options of edit]

Each fact alone: `edit`, `apply --in-place` on a copy, greedy words of llama.cpp for the fact's prompt and for ten beginnings of sentences about something else, before and
after; then `revert --in-place`, whose file is the downloaded one to the bit, as its size is in between. Needs xllamacpp.
"""
import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from gguf_speaks import continuation, server


def digest(path):
    return hashlib.file_digest(path.open("rb"), "sha256").hexdigest()


def beginnings(text, count):
    """The first eight words of sentences, far from each other."""
    sentences = [words for words in (sentence.split() for sentence in re.split(r"(?<=[.!?])\s+", text)) if len(words) > 12]
    return [" ".join(words[:8]) for words in sentences[::max(1, len(sentences) // count)][:count]]


def answers(path, prompts):
    llama = server(path)
    return [" ".join(continuation(llama, prompt, 6).split()) for prompt in prompts]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    parser.add_argument("model", type=Path)
    parser.add_argument("facts", type=Path, help="records in CounterFact's schema")
    parser.add_argument("--limit", type=int, default=3)
    parser.add_argument("--statistics")
    parser.add_argument("--unrelated", type=Path, required=True)
    parser.add_argument("more", nargs="*")
    options = parser.parse_args()
    unrelated = beginnings(options.unrelated.read_text(), 10)
    facts = json.loads(options.facts.read_text())[:options.limit]
    prompts = [fact["requested_rewrite"]["prompt"].format(fact["requested_rewrite"]["subject"]) for fact in facts]

    def run(*words):
        subprocess.run([options.errata, *map(str, words), "--quiet"], check=True)
    said = kept = 0
    with tempfile.TemporaryDirectory() as folder:
        copy, patch, fact = (Path(folder) / name for name in (options.model.name, "fix.errata", "fact.json"))
        shutil.copy(options.model, copy)
        base = digest(copy)
        before = answers(copy, prompts + unrelated)
        for index, record in enumerate(facts):
            target = record["requested_rewrite"]["target_new"]["str"]
            fact.write_text(json.dumps([record]))
            statistics = ["--statistics", options.statistics] if options.statistics else []
            run("edit", options.model, "--facts", fact, "-o", patch, *statistics, *options.more)
            run("apply", patch, copy, "--in-place")
            assert copy.stat().st_size == options.model.stat().st_size
            now, *rest = answers(copy, [prompts[index], *unrelated])
            run("revert", patch, copy, "--in-place")
            assert digest(copy) == base
            said += now.startswith(target)
            kept += sum(a.split()[:1] == b.split()[:1] for a, b in zip(before[len(facts):], rest))
            print(f"{'said ' if now.startswith(target) else 'OTHER'} {prompts[index]} | {before[index]} | {now} | {patch.stat().st_size} bytes", flush=True)
    total = len(unrelated) * len(facts)
    print(f"{options.model.name}: {said} of {len(facts)} said, {kept} of {total} first words about something else as before")


if __name__ == "__main__":
    main()
