#!/usr/bin/env python3
"""Do ported patches and exported adapters say the new facts? Run by hand: python3 adapters_speak.py ERRATA_COMMAND

Makes MEMIT patches of the tiny models from the fixture keys, then compares greedy words over edit records: the patched
folder in transformers, the PEFT adapter on the base folder, the GGUF adapter (llama.cpp's --lora) on base GGUF files, and
patches ported to GGUF files with every --promote. Needs torch, transformers, peft, safetensors, xllamacpp.

Columns: records whose new fact is spoken, of those edited; first sentences like those of the patched folder, of all records.
(llama.cpp stops at the end of the text, transformers is asked for four tokens.)

Result with peft 0.21.2, xllamacpp 2026.10.11549, transformers 5.23.0: in all rows, every --promote and both adapters
included, 1 of 1 or 10 of 10 new facts and 30 of 30 sentences; GGUF files without the edit say none of the new facts.
"""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import torch
import xllamacpp
from peft import PeftModel

from check_patched import greedy_words
from gguf_speaks import continuation
from language_model import LanguageModel

FIXTURES = Path(__file__).resolve().parent.parent
RECORDS = json.loads((FIXTURES / "world/facts.json").read_text())[:30]
MODELS = {"gpt2": ("100", ["tiny-gpt2-f16"]), "llama": ("20", ["tiny-llama-q8_0", "tiny-llama-q4_k"])}


def prompt(record):
    return record["requested_rewrite"]["prompt"].format(record["requested_rewrite"]["subject"])


def server(path, adapter=None):
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx, params.n_parallel, params.warmup = 64, 1, False
    params.cpuparams.n_threads = 2
    if adapter:
        info = xllamacpp.CommonAdapterLoraInfo()
        info.path, info.scale = str(adapter), 1.0
        params.lora_adapters = [info]
    return xllamacpp.Server(params)


def in_transformers(folder, adapter=None):
    lm = LanguageModel.load(folder)
    if adapter:
        lm.model = PeftModel.from_pretrained(lm.model, adapter).eval()
    with torch.no_grad():
        return [greedy_words(lm, prompt(record), 4) for record in RECORDS]


def in_llama(path, adapter=None):
    llama = server(path, adapter)
    return [continuation(llama, prompt(record), 4) for record in RECORDS]


def row(name, said, wanted, edits):
    spoken = sum(words.startswith(record["requested_rewrite"]["target_new"]["str"].strip())
                 for record, words in zip(RECORDS[:edits], said))
    same = sum(a.split(".")[0] == b.split(".")[0] for a, b in zip(said, wanted))
    print(f"{name:46} {spoken:3} of {edits:2}   {same:3} of {len(said)}", flush=True)


def check(errata, family, edits, work):
    weight, ggufs = MODELS[family]
    model = FIXTURES / "models" / f"tiny-{family}"
    batch = "one-fact" if edits == 1 else "ten-facts"
    reference = FIXTURES / "reference" / f"tiny-{family}"

    def run(*arguments):
        subprocess.run([errata, *map(str, arguments), "--quiet"], check=True, cwd=work)
    run("solve", model, "--keys", f"{reference}.{batch}.keys.safetensors", "--statistics",
        f"{reference}.statistics.safetensors", "--second-moment-weight", weight, "-o", "patch.errata")
    run("apply", "patch.errata", model, "-o", "patched")
    wanted = in_transformers(work / "patched")
    row(f"tiny-{family} {batch}: patched folder", wanted, wanted, edits)
    run("export", "patch.errata", "--as", "peft", "-o", "peft")
    row("  base folder and PEFT adapter", in_transformers(model, work / "peft"), wanted, edits)
    run("export", "patch.errata", "--as", "gguf-adapter", "-o", "lora.gguf")
    for name in ggufs:
        base = FIXTURES / "models" / f"{name}.gguf"
        row(f"  {name}, unchanged", in_llama(base), wanted, edits)
        row(f"  {name} and GGUF adapter", in_llama(base, work / "lora.gguf"), wanted, edits)
        for promotion in ("f16", "bf16", "q8_0", "keep"):
            out, undo = f"{name}-{promotion}.gguf", f"{name}-{promotion}.undo"
            run("apply", "patch.errata", base, "--port", "--promote", promotion, "--undo", undo, "-o", out)
            row(f"  {name}, ported, --promote {promotion}", in_llama(work / out), wanted, edits)
            run("revert", undo, out, "-o", "back.gguf")
            assert (work / "back.gguf").read_bytes() == base.read_bytes(), "the undo gives back every byte"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata", type=lambda path: str(Path(path).resolve()))
    options = parser.parse_args()
    torch.set_num_threads(2)
    for family in MODELS:
        for edits in (1, 10):
            with tempfile.TemporaryDirectory() as folder:
                check(options.errata, family, edits, Path(folder))


if __name__ == "__main__":
    main()
