"""Stops errata at its system calls, and looks at what is left: kills before and after a call and in the middle of a write, power
cuts, errors of the system, and transfers that fall short.

    python3 Tests/Stops/stops.py ERRATA [--stops N] [--seed S] [--only WORDS]

A stop is good when the model is as before or as after, whole, at once or after the next command; when that command says what it must;
and when nothing is left that `errata show` does not name and `errata recover` does not take away. Of every case all calls are stopped at
when N allows, else they are drawn, by seed. Ends with 77 where processes cannot be traced."""
import argparse, errno, hashlib, os, pathlib, random, shutil, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "Fixtures"
THREADS = ["--threads", "1"]
# Calls that read: no kill there differs from one at the call after, but errors do.
READS = {"read", "pread"}
ERRORS = {"pwrite": ["ENOSPC", "EIO", "EDQUOT"], "write": ["ENOSPC"], "copy_file_range": ["ENOSPC", "EIO"], "fdatasync": ["EIO"], "fsync": ["EIO"],
          "rename": ["EACCES", "EXDEV"], "open": ["ENOSPC", "EMFILE", "EACCES"], "fallocate": ["ENOSPC"], "ftruncate": ["EIO"], "mkdir": ["ENOSPC"],
          "unlink": ["EPERM"], "pread": ["EIO"], "read": ["EIO"], "link": ["EPERM"]}
# Errors that change nothing about the result: the call is made again, or the work is done another way.
SOFT = {"pwrite": ["EINTR"], "pread": ["EINTR"], "copy_file_range": ["EXDEV", "EOPNOTSUPP", "EINVAL", "ENOSYS", "EINTR"],
        "fallocate": ["EOPNOTSUPP", "EINVAL", "EINTR"], "flock": ["EINTR"]}


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def tree(folder):
    """Every file below, by name."""
    folder = pathlib.Path(folder)
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


class Case:
    """Work on the folder that `prepare` makes: `home` is its state before the command, `goal` after. The judge says what may be left."""

    def __init__(self, name, model, command, prepare, judge):
        self.name, self.model, self.command, self.prepare, self.judge = name, model, command, prepare, judge


class Bench:
    def __init__(self, errata, stop, folder):
        self.errata, self.stop, self.folder = errata, stop, folder
        self.work, self.save, self.list = folder / "work", folder / "save", folder / "list"
        self.started = 0

    def run(self, words, *way, timeout=60):
        command = [self.errata, *map(str, words)]
        if way:
            mode, number, seed = way
            shutil.rmtree(self.save, ignore_errors=True)
            self.save.mkdir()
            command = [self.stop, self.list, mode, number, seed, self.save, *command]
        self.started += 1
        done = subprocess.run([str(word) for word in command], check=False, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")

    def must(self, *words):
        status, _, errors = self.run(words)
        if status != 0:
            sys.exit(f"errata {' '.join(map(str, words))}: {errors}")

    def fill(self, home):
        """The folder as it was."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(home, self.work, symlinks=True)

    def calls(self, words):
        status, _, errors = self.run(words, "count", 0, 1)
        if status != 0:
            sys.exit(f"errata {' '.join(map(str, words))}: {status} {errors}")
        lines = [line.split("\t") for line in self.list.read_text().splitlines()]
        return [(int(number), name, path) for number, name, path, _ in lines if ".so" not in path]


class Tally:
    def __init__(self):
        self.counts, self.bad = {}, []

    def note(self, kind, is_good, *words):
        good, all_ = self.counts.get(kind, (0, 0))
        self.counts[kind] = (good + bool(is_good), all_ + 1)
        if not is_good:
            self.bad.append((kind, *words))
            if len(self.bad) <= 12:
                print("BAD", kind, *words, sep="\n  ", flush=True)

    @property
    def total(self):
        return sum(all_ for _, all_ in self.counts.values())


def is_temporary(name):
    return any(part.startswith(".") and ".errata-" in part for part in pathlib.PurePath(name).parts)


def is_journal(name):
    return name.endswith(".errata-journal") and not is_temporary(name)


class Left:
    """What a stopped run left."""

    def __init__(self, bench, case, home, goal):
        self.bench, self.case, self.home, self.goal = bench, case, home, goal
        self.files = tree(bench.work)
        self.journal, self.temporary = any(map(is_journal, self.files)), any(map(is_temporary, self.files))
        self.state = self.named({name: value for name, value in self.files.items() if not is_temporary(name) and not is_journal(name)})
        self.target = bench.work / case.model

    def named(self, files):
        return "before" if files == self.home else "after" if files == self.goal else "neither"

    def now(self):
        return self.named(tree(self.bench.work))


def in_place(left, is_error, result, draw):
    """A run that changes a model where it stands. Yields what is wrong."""
    status, _, errors = result
    bench, target = left.bench, left.target
    if is_error and status == 0 and left.state != "after":
        yield "success, and not the result"
    if is_error and status != 0 and (status != 1 or errors.count("Error:") != 1):
        yield f"not one clear error: {status}"
    if is_error and status == 1 and "Nothing was changed" in errors and left.state != "before":
        yield "it says that nothing was changed"
    if left.state == "neither" and not left.journal:
        yield "neither before nor after, and no journal"
    if left.temporary or left.journal:
        said = "".join(bench.run(["show", target])[1:])
        if left.temporary and "temporary file" not in said or left.journal and ".errata-journal" not in said and left.state == "neither":
            yield f"what was left is not named: {said[-300:]}"
        if tree(bench.work) != left.files:
            yield "show wrote"
    then = draw.choice(["recover", "recover", "roll back", "again"])
    if then == "again":
        bench.run(left.case.command)
        wanted = "after"
    else:
        status, _, said = bench.run(["recover", target] + (["--roll-back"] if then == "roll back" else []))
        if status != 0:
            yield f"{then}: {said}"
        wanted = {left.state} if not left.journal else {"before" if then == "roll back" else "after"}
        # A journal that is closed, or that was not begun, leads nowhere.
        if left.journal and left.state != "neither":
            wanted.add(left.state)
    bench.run(["recover", target])
    if left.now() not in wanted:
        yield f"{then}: {left.now()} instead of {wanted}: {sorted(set(tree(bench.work)) ^ set(left.home))}"


def new_output(left, is_error, result, draw):
    """A run that makes a new file or folder. Yields what is wrong."""
    status, _, errors = result
    bench = left.bench
    if left.state == "neither":
        yield f"the output is not whole: {sorted(set(left.files) ^ set(left.home))}"
    if is_error and status == 0 and left.state != "after":
        yield "success, and not the result"
    if is_error and status != 0 and (status != 1 or errors.count("Error:") != 1):
        yield f"not one clear error: {status}"
    if is_error and left.temporary and "temporary" not in errors:
        yield "a temporary file stays, and nobody says so"
    if left.state == "before" and draw.random() < 0.5:
        bench.must(*left.case.command)
        bench.run(["recover", left.target])
        if left.now() != "after":
            yield f"the same command again does not lead there: {sorted(set(tree(bench.work)) ^ set(left.goal))}"
        return
    status, _, said = bench.run(["recover", left.target])
    if status != 0 and (left.temporary or left.state == "after"):
        yield f"recover: {said}"
    if left.now() != left.state:
        yield f"recover leaves {sorted(set(tree(bench.work)) ^ set(left.home))}"


def recovery(left, is_error, result, draw):
    """A recovery that is stopped itself: the next one leads to the same end. Yields what is wrong."""
    status, _, errors = result
    if is_error and status not in (0, 1) or status == 1 and errors.count("Error:") != 1:
        yield f"not one clear error: {status}"
    status, _, said = left.bench.run(left.case.command)
    if status != 0:
        yield f"the next one: {said}"
    if left.now() != "after":
        yield f"{left.now()}: {sorted(set(tree(left.bench.work)) ^ set(left.goal))}"


def ways_of(name):
    ways = []
    if name not in READS:
        ways += ["before", "after", "power"]
    if name in ("pwrite", "write", "copy_file_range"):
        ways.append("torn")
    for code in ERRORS.get(name, []):
        ways.append(f"error={code}")
        ways.append(f"error+={code}")
    return ways


def soft_ways(name):
    ways = [f"soft={code}" for code in SOFT.get(name, [])]
    if name in ("pwrite", "write", "copy_file_range", "pread", "read"):
        ways.append("short")
    return ways


def number_of(way):
    head, sign, code = way.rpartition("=")
    return f"{head}={getattr(errno, code)}" if sign else way


def try_case(bench, case, limit, tally, seed, draw):
    """Stops the case at its calls: at all of them, or at so many that are drawn."""
    source = bench.folder / "homes" / case.name.replace(" ", "-")
    shutil.rmtree(source, ignore_errors=True)
    bench.work.mkdir(exist_ok=True)
    shutil.rmtree(bench.work)
    bench.work.mkdir()
    case.prepare(bench)
    shutil.copytree(bench.work, source, symlinks=True)
    home = tree(source)
    calls = bench.calls(case.command)
    goal = tree(bench.work)
    stops = [(number, name, path, way) for number, name, path in calls for way in ways_of(name) + soft_ways(name)]
    chosen = stops if limit >= len(stops) else draw.sample(stops, limit)
    for number, name, path, way in chosen:
        bench.fill(source)
        drawn = seed * 100_003 + number
        detail = (number, name, number_of(way), way, pathlib.Path(path).name, f"seed {drawn}")
        mode = number_of(way.replace("soft", "error"))
        try:
            result = bench.run(case.command, mode, number, drawn)
        except subprocess.TimeoutExpired:
            tally.note((case.name, "hang"), False, detail)
            continue
        if way.startswith("soft") or way == "short":
            good = result[0] == 0 and tree(bench.work) == goal
            tally.note((case.name, way.partition("=")[0]), good, detail, result[2][:300], sorted(set(tree(bench.work)) ^ set(goal)))
            continue
        wrong = list(case.judge(Left(bench, case, home, goal), way.startswith("error"), result, draw))
        tally.note((case.name, way.partition("=")[0].rstrip("+")), not wrong, detail, *wrong, result[2][:300])
    return len(calls), len(stops)


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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    parser.add_argument("--stops", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="errata-stops-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
    try:
        stop = folder / "stop"
        built = subprocess.run(["cc", "-O2", "-o", stop, ROOT / "Tests/Stops/stop.c"], check=False, capture_output=True, text=True)
        if built.returncode != 0:
            print(f"left out: stop.c cannot be built here: {built.stderr.strip()[-200:]}")
            return 77
        if subprocess.run([stop, "/dev/null", "count", "0", "1", folder, "/bin/true"], check=False, capture_output=True).returncode != 0:
            print("left out: processes cannot be traced here (ptrace)")
            return 77
        return work(options, Bench(os.path.abspath(options.errata), stop, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def work(options, bench):
    draw, tally, start = random.Random(options.seed), Tally(), time.time()
    chosen = [case for case in cases() if options.only in case.name]
    for place, case in enumerate(chosen):
        calls, stops = try_case(bench, case, share_of(options, tally, len(chosen) - place), tally, options.seed, draw)
        print(f"{case.name}: {calls} calls, {stops} stops in all; {tally.total} tried", flush=True)
    ways = {}
    for (_, way), (good, all_) in tally.counts.items():
        have = ways.get(way, (0, 0))
        ways[way] = (have[0] + good, have[1] + all_)
    print("; ".join(f"{way} {good}/{all_}" for way, (good, all_) in sorted(ways.items())))
    print(f"{tally.total} stops, {len(tally.bad)} bad, {bench.started} runs, seed {options.seed}, {time.time() - start:.0f} s")
    return 1 if tally.bad else 0


def share_of(options, tally, cases_left):
    """How many stops the next case may have."""
    return max(1, (options.stops - tally.total) // cases_left)


if __name__ == "__main__":
    sys.exit(main())
