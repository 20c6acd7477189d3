"""Stops errata at its system calls, and looks at what is left: kills before and after a call and in the middle of a write, power
cuts, errors of the system, and transfers that fall short.

    python3 Tests/Stops/stops.py ERRATA [--stops N] [--seed S] [--only WORDS]

A stop is good when the model is as before or as after, whole, at once or after the next command; when that command says what it must;
and when nothing is left that `errata show` does not name and `errata recover` does not take away. Of every case all calls are stopped at
when N allows, else they are drawn, by seed. Ends with 77 where processes cannot be traced."""
import argparse, errno, os, pathlib, random, shutil, subprocess, sys, tempfile, time

from cases import ROOT, cases
from judges import Left, tree

# Calls that read: no kill there differs from one at the call after, but errors do.
READS = {"read", "pread"}
ERRORS = {"pwrite": ["ENOSPC", "EIO", "EDQUOT"], "write": ["ENOSPC"], "copy_file_range": ["ENOSPC", "EIO"], "fdatasync": ["EIO"], "fsync": ["EIO"],
          "rename": ["EACCES", "EXDEV"], "open": ["ENOSPC", "EMFILE", "EACCES"], "fallocate": ["ENOSPC"], "ftruncate": ["EIO"], "mkdir": ["ENOSPC"],
          "unlink": ["EPERM"], "pread": ["EIO"], "read": ["EIO"], "link": ["EPERM"]}
# Errors that change nothing about the result: the call is made again, or the work is done another way.
SOFT = {"pwrite": ["EINTR"], "pread": ["EINTR"], "copy_file_range": ["EXDEV", "EOPNOTSUPP", "EINVAL", "ENOSYS", "EINTR"],
        "fallocate": ["EOPNOTSUPP", "EINVAL", "EINTR"], "flock": ["EINTR"]}


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
