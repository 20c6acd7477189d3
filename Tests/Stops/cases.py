"""The commands that are stopped: each with what it works on, and who judges what is left."""
import pathlib, shutil

from judges import in_place, new_output, recovery

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "Fixtures"
THREADS = ["--threads", "1"]


class Case:
    """Work on the folder that `prepare` makes: `home` is its state before the command, `goal` after. The judge says what may be left."""

    def __init__(self, name, model, command, prepare, judge):
        self.name, self.model, self.command, self.prepare, self.judge = name, model, command, prepare, judge


def cases():
    gpt2, llama = FIXTURES / "models/tiny-gpt2", FIXTURES / "models/tiny-llama"
    reference = FIXTURES / "reference"

    def solved(model, keys, *more):
        return ["solve", model, "--keys", reference / keys, "--no-second-moment", "-o", "fix.errata", "--quiet", *more]

    def one_file(bench):
        (bench.work / "m").mkdir()
        shutil.copy(gpt2 / "model.safetensors", bench.work / "m/model.safetensors")
        bench.must(*solved(gpt2, "tiny-gpt2.one-fact.keys.safetensors"))

    def shards(bench):
        shutil.copytree(llama, bench.work / "m")
        bench.must(*solved(llama, "tiny-llama.ten-facts.keys.safetensors"))

    def folder_with_files(bench):
        shards(bench)
        bench.must("apply", "fix.errata", "m", "-o", "e", "--quiet")
        for name, more in (("config.json", " "), ("chat_template.jinja", "{{ messages }}")):
            path = bench.work / "e" / name
            path.write_text((path.read_text() if path.exists() else "") + more)
        bench.must("diff", "m", "e", "-o", "fix.errata", "--quiet")
        shutil.rmtree(bench.work / "e")

    def float_gguf(bench):
        (bench.work / "m").mkdir()
        shutil.copy(FIXTURES / "models/tiny-gpt2-f16.gguf", bench.work / "m/model.gguf")
        bench.must(*solved(gpt2, "tiny-gpt2.one-fact.keys.safetensors"))
        bench.must("apply", "fix.errata", "m/model.gguf", "--port", "--undo", "undo.errata", "-o", "e.gguf", "--quiet")
        bench.must("diff", "m/model.gguf", "e.gguf", "-o", "fix.errata", "--quiet")
        (bench.work / "e.gguf").unlink()
        (bench.work / "undo.errata").unlink()

    made = {}

    def quantized(bench):
        """Codes of a quantized file, chosen by `edit`: made once, as it takes a second."""
        (bench.work / "m").mkdir()
        shutil.copy(FIXTURES / "models/tiny-llama-q4_k.gguf", bench.work / "m/model.gguf")
        if "patch" not in made:
            fact = '{"prompt": "{} lives on the island of", "subject": "Hanno Hale", "target": "Pellsund"}'
            (bench.work / "facts.jsonl").write_text(fact)
            bench.must("stats", "m/model.gguf", "--corpus", FIXTURES / "world/corpus.txt", "--layers", "1", "--tokens", "2000", "-o", "s", "--quiet")
            bench.must("edit", "m/model.gguf", "--facts", "facts.jsonl", "--contexts", FIXTURES / "world/contexts.json", "--statistics", "s",
                       "--second-moment-weight", "20", "-o", "fix.errata", "--quiet")
            made["patch"] = (bench.work / "fix.errata").read_bytes()
            (bench.work / "s").unlink()
            (bench.work / "facts.jsonl").unlink()
        (bench.work / "fix.errata").write_bytes(made["patch"])

    def edited(prepare, model):
        def both(bench):
            prepare(bench)
            bench.must("apply", "fix.errata", model, "--in-place", "--quiet")
        return both

    def interrupted(prepare, command):
        """A run that was killed in the middle of a write to the model."""
        def both(bench):
            prepare(bench)
            shutil.copytree(bench.work, bench.folder / "whole")
            numbers = [number for number, name, path in bench.calls(command)
                       if name == "pwrite" and path.endswith((".safetensors", ".gguf"))]
            shutil.rmtree(bench.work)
            (bench.folder / "whole").rename(bench.work)
            bench.run(command, "torn", numbers[-1], 1)
        return both

    models = [("one file", "m/model.safetensors", one_file), ("shards", "m", shards), ("folder with files", "m", folder_with_files),
              ("GGUF", "m/model.gguf", float_gguf), ("quantized GGUF", "m/model.gguf", quantized)]
    for name, model, prepare in models:
        apply, revert = ([way, "fix.errata", model, "--in-place", "--quiet", *THREADS] for way in ("apply", "revert"))
        yield Case(f"apply in place, {name}", model, apply, prepare, in_place)
        yield Case(f"revert in place, {name}", model, revert, edited(prepare, model), in_place)
        yield Case(f"recover, {name}", model, ["recover", model, *THREADS], interrupted(prepare, apply), recovery)
        yield Case(f"roll back, {name}", model, ["recover", model, "--roll-back", *THREADS], interrupted(prepare, apply), recovery)
        out = "out" if model == "m" else "out.gguf" if "gguf" in model else "out.safetensors"
        yield Case(f"apply -o, {name}", out, ["apply", "fix.errata", model, "-o", out, *THREADS], prepare, new_output)
        yield Case(f"revert -o, {name}", out, ["revert", "fix.errata", model, "-o", out, *THREADS], edited(prepare, model), new_output)

    def promoted(bench):
        """A block type promoted to F16: the result must be a new file."""
        (bench.work / "m").mkdir()
        shutil.copy(FIXTURES / "models/tiny-llama-q8_0.gguf", bench.work / "m/model.gguf")
        bench.must(*solved(llama, "tiny-llama.one-fact.keys.safetensors"))
        bench.must("apply", "fix.errata", "m/model.gguf", "--port", "--promote", "f16", "--undo", "undo.errata", "-o", "e.gguf", "--quiet")
        (bench.work / "undo.errata").rename(bench.work / "fix.errata")
        (bench.work / "e.gguf").unlink()

    yield Case("apply -o, promoted", "out.gguf", ["apply", "fix.errata", "m/model.gguf", "-o", "out.gguf", *THREADS], promoted, new_output)

    def signing(bench):
        one_file(bench)
        shutil.copy(FIXTURES / "keys/ada", bench.work / "key")
        (bench.work / "key").chmod(0o600)

    yield Case("sign", "fix.errata.sig", ["sign", "fix.errata", "--key", "key"], signing, new_output)
    yield Case("diff -o", "new.errata", ["diff", "m", "e", "-o", "new.errata", *THREADS], two_folders(shards), new_output)
    yield Case("solve -o", "new.errata", [*solved("m", "tiny-llama.one-fact.keys.safetensors")[:-3], "-o", "new.errata", *THREADS], shards, new_output)
    yield Case("combine -o", "new.errata", ["combine", "fix.errata", "other.errata", "--model", "m", "-o", "new.errata", *THREADS],
               second_patch(shards, reference), new_output)
    yield Case("export -o", "new.gguf", ["export", "fix.errata", "--as", "gguf-adapter", "-o", "new.gguf"], shards, new_output)
    yield Case("export folder -o", "new", ["export", "fix.errata", "--as", "peft", "-o", "new"], shards, new_output)


def two_folders(prepare):
    def both(bench):
        prepare(bench)
        bench.must("apply", "fix.errata", "m", "-o", "e", "--quiet")
    return both


def second_patch(prepare, reference):
    def both(bench):
        prepare(bench)
        bench.must("apply", "fix.errata", "m", "-o", "e", "--quiet")
        bench.must("solve", "e", "--keys", reference / "tiny-llama.one-fact.keys.safetensors", "--no-second-moment", "-o", "other.errata", "--quiet")
        shutil.rmtree(bench.work / "e")
    return both
