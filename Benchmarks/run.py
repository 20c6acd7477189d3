"""Measures errata against what else does the same work, and prints one table.

    python3 Benchmarks/run.py path/to/errata [--scratch DIR] [--quick] [--parts 1,2,3]

Needs numpy for the inputs. With torch and safetensors in the same Python their rows are measured too, else skipped.
--quick takes a sixteenth of the sizes, to see that everything runs; its figures mean little and its aims nothing.
"""
import argparse, json, os, platform, shutil, statistics, subprocess, sys, tempfile, time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
REPEATS = 3
MIB = 1 << 20


@dataclass
class Cost:
    wall: float
    cpu: float                # user and system
    system: float
    peak: float               # MiB
    output: str = ""


def told(cost):
    return f"{cost.wall:.2f} s, {cost.cpu:.2f} s CPU, {cost.peak:.0f} MiB"


class Run:
    def __init__(self, errata, folder, quick):
        self.errata, self.folder, self.quick = os.path.abspath(errata), folder, quick
        self.has_torch = subprocess.run([sys.executable, "-c", "import torch, safetensors.torch"],
                                        stderr=subprocess.DEVNULL, check=False).returncode == 0
        self.rows = []

    # Measuring

    def once(self, *command):
        """One command, its cost from the kernel's own account."""
        output = os.path.join(self.folder, "output.json")
        actions = [(os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
        start = time.perf_counter()
        process = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - start
        if status:
            sys.exit(f"failed with status {status}: {' '.join(command)}")
        with open(output) as file:
            return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_stime, usage.ru_maxrss / 1024, file.read())

    def median(self, *commands, repeats=REPEATS):
        """Runs the commands in turn, several rounds; the median cost of each. Turns share the machine's moods fairly."""
        rounds = [[self.once(*command) for command in commands] for _ in range(repeats)]
        costs = []
        for one in zip(*rounds):
            middle = [statistics.median(getattr(cost, field) for cost in one) for field in ("wall", "cpu", "system")]
            costs.append(Cost(*middle, max(cost.peak for cost in one), one[0].output))
        return costs

    def tool(self, *arguments):
        return (self.errata, *arguments, "--quiet")

    def python(self, script, *arguments):
        return (sys.executable, os.path.join(HERE, script), *map(str, arguments))

    def inputs(self, *arguments):
        subprocess.run(self.python("inputs.py", *arguments), check=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    # Reporting

    def add(self, what, ours, peer="", ratio="", aim="", met=None):
        verdict = "" if met is None else "–" if self.quick else "met" if met else "missed"
        self.rows.append((what, ours, peer, ratio, aim, verdict))
        print(f"  {what}: {ours}" + (f"; {peer} ({ratio})" if peer else ""), file=sys.stderr, flush=True)

    def print_table(self):
        heads = ("what", "errata", "peer", "errata / peer", "aim", "")
        print("| " + " | ".join(heads) + " |\n|---|---|---|---|---|---|")
        for row in self.rows:
            print("| " + " | ".join(row) + " |")

    # The parts

    def big_tensors(self):
        """Part 1: a rank-1 change of one of five large tensors, a rank-100 change of all five."""
        rows, columns = (1024, 3584) if self.quick else (4096, 14336)
        if self.has_torch:
            (imports,) = self.median(self.python("peers.py", "nothing"))
            self.add("the imports alone", "", f"torch: {told(imports)}")
        for kind in ("BF16", "F16"):
            self.inputs("weights", self.folder, kind, rows, columns, 5)
            base, size = self.path("model.safetensors"), os.path.getsize(self.path("model.safetensors")) / 1e6
            shutil.copyfile(base, self.path("copy.safetensors"))
            (cp,) = self.median(("sh", "-c", 'cp "$0" "$1" && sync -d "$1"', base, self.path("cp.safetensors")))
            for rank, tensors in ((1, 1), (100, 5)):
                patch = self.path(f"{rank}.errata")
                self.solve_patch(base, rank, patch)
                label = f"{kind} {rows}×{columns}, {size:.0f} MB, rank {rank} in {tensors} of 5 tensors"
                patch_size = os.path.getsize(patch) / 1e6
                self.add(f"{label}: patch", f"{patch_size:.2f} MB", ratio=f"{patch_size / size:.4f} of the file")
                for threads in ((), ("--threads", "1")):
                    self.both_ways(label, rank, patch, cp, threads)
            for name in ("model", "copy", "edited", "back", "cp", "torch"):
                if os.path.exists(self.path(f"{name}.safetensors")):
                    os.remove(self.path(f"{name}.safetensors"))

    def solve_patch(self, model, rank, patch):
        self.once(*self.tool("solve", model, "--keys", self.path(f"rank-{rank}.keys.safetensors"), "-o", patch,
                             "--method", "emmet", "--no-second-moment"))

    def both_ways(self, label, rank, patch, cp, threads):
        """Apply and revert, each -o and in place; apply also against torch, which has no way back."""
        base, copy, edited, back, out = (
            self.path(f"{name}.safetensors") for name in ("model", "copy", "edited", "back", "torch"))
        commands = [self.tool("apply", patch, base, "-o", edited, *threads),
                    self.tool("revert", patch, edited, "-o", back, *threads),
                    self.tool("apply", patch, copy, "--in-place", *threads),
                    self.tool("revert", patch, copy, "--in-place", *threads)]
        if self.has_torch:
            commands.append(self.python("peers.py", "apply", base, self.path(f"rank-{rank}.factors.safetensors"), out,
                                        *threads[1:]))
        costs = self.median(*commands)
        label += ", 1 thread" if threads else ""
        for what, cost in zip(("apply -o", "revert -o", "apply --in-place", "revert --in-place"), costs):
            peer, ratio = f"cp: {cp.wall:.2f} s", f"cp: {cost.wall / cp.wall:.2f}"
            if what.startswith("apply") and self.has_torch:
                torch = costs[4]
                peer += f"; torch: {told(torch)}"
                ratio += f"; torch: {cost.wall / torch.wall:.2f} wall, {cost.cpu / torch.cpu:.2f} CPU"
            elif what.startswith("apply"):
                peer += "; torch: skipped, not installed"
            self.add(f"{label}: {what}", told(cost), peer, ratio)

    def small_tensors(self):
        """Part 2: sizes and times that were promised for layers of a 1 B model."""
        rows, columns = (512, 1408) if self.quick else (2048, 5632)
        for kind in ("BF16", "F16"):
            for rank, count, size_aim, cpu_aim in ((1, 1, 150e3, 0.1), (100, 5, 8e6, 1.5)):
                self.inputs("weights", self.folder, kind, rows, columns, count)
                base, patch = self.path("model.safetensors"), self.path("fix.errata")
                self.solve_patch(base, rank, patch)
                label = f"{kind} {rows}×{columns}, rank {rank} in {count} of {count} tensors"
                size = os.path.getsize(patch)
                self.add(f"{label}: patch", f"{size / 1e3:.0f} kB", aim=f"≤ {size_aim / 1e3:.0f} kB", met=size <= size_aim)
                ways = self.median(*(self.tool(way, patch, base, "--in-place") for way in ("apply", "revert")), repeats=5)
                for way, cost in zip(("apply", "revert"), ways):
                    has_aim = way == "apply" or rank > 1
                    self.add(f"{label}: {way} --in-place",
                             f"{cost.cpu:.3f} s CPU, of it {cost.system:.3f} system; {cost.wall:.2f} s",
                             aim=f"≤ {cpu_aim} s CPU" if has_aim else "", met=cost.cpu <= cpu_aim if has_aim else None)
                peak = max(cost.peak for cost in ways)
                self.add(f"{label}: peak memory", f"{peak:.0f} MiB", aim="≤ 64 MiB", met=peak <= 64)
        model = self.path("sparse.safetensors")
        self.inputs("sparse", model)
        (shown,) = self.median((self.errata, "show", model), repeats=9)
        self.add("show of a 100 GB file of 300 tensors", f"{shown.wall * 1e3:.1f} ms, {shown.peak:.0f} MiB",
                 aim="≤ 20 ms", met=shown.wall <= 0.02)

    def solving(self):
        """Part 3: the closed form, cached factorization against the reference's solve for every batch."""
        d, outputs, edits = (1600, 400, 25) if self.quick else (6400, 1600, 100)
        self.inputs("solve", self.folder, d, outputs, edits)
        statistics_file, keys = self.path("statistics.safetensors"), self.path("keys.safetensors")
        command = self.tool("solve", self.path("model.safetensors"), "--keys", keys, "--statistics", statistics_file,
                            "-o", self.path("solved.errata"), "--threads", "1", "--json")
        runs = [self.once(*command) for _ in range(REPEATS)]
        phases = [json.loads(run.output)["tensors"][0]["seconds"] for run in runs]
        ours = {name: statistics.median(phase[name] for phase in phases) for name in phases[0]}
        label = f"memit, {d} inputs, {outputs} outputs, {edits} edits, 1 thread"
        self.add(f"{label}: whole run, of it storing", f"{statistics.median(run.cpu for run in runs):.2f} s CPU, "
                 f"{ours['storing']:.2f} s CPU, {max(run.peak for run in runs):.0f} MiB")
        if not self.has_torch:
            self.add(f"{label}: factorizing, solving", f"{ours['factorizing']:.2f} s CPU, {ours['solving']:.3f} s CPU",
                     "torch: skipped, not installed")
            return
        peers = [json.loads(self.once(*self.python("peers.py", "solve", statistics_file, keys)).output)
                 for _ in range(REPEATS)]
        peer = {name: statistics.median(one[name] for one in peers) for name in peers[0]}
        solve, inverse = peer["reference"], peer["inverse"]
        self.add(f"{label}: solving, factorization at hand", f"{ours['solving']:.3f} s CPU",
                 f"torch.linalg.solve(λC + K Kᵀ, K): {solve:.2f} s CPU", f"{ours['solving'] / solve:.4f}",
                 "≤ 1/20", ours["solving"] * 20 <= solve)
        self.add(f"{label}: factorizing", f"{ours['factorizing']:.2f} s CPU", f"the same: {solve:.2f} s CPU",
                 f"{ours['factorizing'] / solve:.2f}", "< 1", ours["factorizing"] < solve)
        self.add(f"{label}: factorizing and solving", f"{ours['factorizing'] + ours['solving']:.2f} s CPU",
                 f"torch.inverse(C): {inverse:.2f} s CPU", f"{(ours['factorizing'] + ours['solving']) / inverse:.2f}")


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), model)
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {platform.system()}, Python {platform.python_version()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    parser.add_argument("--scratch", default="/tmp", help="a folder with 5 GB of room (default: /tmp)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", default="2,3,1", help="1 large tensors, 2 promised sizes and times, 3 the solve")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="errata-bench-") as folder:
        run = Run(options.errata, folder, options.quick)
        parts = {"1": run.big_tensors, "2": run.small_tensors, "3": run.solving}
        for part in options.parts.split(","):
            parts[part]()
        print(f"{machine()}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after; medians of {REPEATS} or more"
              + ("; quick" if options.quick else "") + "\n")
        run.print_table()


if __name__ == "__main__":
    main()
