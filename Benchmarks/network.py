"""Measures the network against sgemm, memory and torch in one run, and prints one table.

    python3 Benchmarks/network.py path/to/network-benchmark [--scratch DIR] [--quick] [--models llama-F32,…]
                                  [--threads 1,2] [--rounds 3]

Needs torch and transformers, which also make the models. Two processes, `network-benchmark` and `network_peer.py`, do the
same jobs in turn, so that a busy machine is busy for both; figures are medians of the rounds. --quick takes models of a
sixteenth of the size, to see that everything runs.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile
from run import machine

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "network_peer.py")
MODELS = ("llama-F32", "llama-BF16", "gpt2-F32")
JOBS = ("forward", "step", "decode 1", "decode 8")
LAYERS, TOKENS, SEQUENCES, DECODED = 4, 8 * 256, 8, 32
STEP_ROWS, STEP_LAYERS, STEP_LOGITS = 48 * 8, 2, 48 * 3 + 8
SGEMM_FLOPS, READ_BYTES = 2 * 2048 ** 3, 256 << 20


class Side:
    """A process that does jobs."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)

    def do(self, job):
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.process.args}: stopped at {job}")
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def weights(model, quick):
    """Elements of the matrices of a block, and of the head."""
    width, inner, vocabulary = (512, 1408, 4000) if quick else (2048, 5632, 32000)
    if model.startswith("gpt2"):
        return 12 * width * width, vocabulary * width
    return 2 * width * width + 2 * width * width // 4 + 3 * width * inner, vocabulary * width


def measure(model, folder, binary, threads, rounds):
    """Medians by (side, job), as {"wall", "cpu", "result"}."""
    ours, torch = Side(binary, folder, str(threads)), Side(sys.executable, PEER, "serve", folder, str(threads))
    costs = {}
    for number in range(rounds + 1):                  # the first round touches the memory and is not counted
        for job in ("sgemm", "read", *JOBS):
            for name, side in (("ours", ours), ("torch", torch)):
                if name == "torch" and job == "read":
                    continue
                cost = side.do(job)
                if number:
                    costs.setdefault((name, job), []).append(cost)
    ours.end()
    torch.end()
    return {key: {field: statistics.median(cost[field] for cost in all) for field in all[0]}
            for key, all in costs.items()}


def rows(model, costs, threads, quick):
    block, head = weights(model, quick)
    size = 2 if model.endswith("BF16") else 4
    label = f"{model}, {threads} thread{'s' if threads > 1 else ''}"
    amount = {"forward": 2 * (TOKENS * LAYERS * block + SEQUENCES * head),
              "step": 4 * (STEP_ROWS * STEP_LAYERS * block + STEP_LOGITS * head)}
    for job in JOBS:
        ours, torch = costs["ours", job], costs["torch", job]
        is_product = job in amount
        limit = costs["ours", "sgemm" if is_product else "read"]
        work = amount[job] if is_product else DECODED * size * (LAYERS * block + head)
        best = (SGEMM_FLOPS if is_product else READ_BYTES) * threads
        share = {field: work / ours[field] / (best / limit[field]) for field in ("wall", "cpu")}
        times = {field: torch[field] / ours[field] for field in ("wall", "cpu")}
        done = {"forward": TOKENS, "step": 1, "decode 1": DECODED, "decode 8": 8 * DECODED}[job]
        unit = "steps" if job == "step" else "tokens"
        aim = {"forward": 1, "step": 4}.get(job)
        verdict = "" if aim is None or quick else "met" if times["cpu"] >= aim and share["cpu"] >= 0.6 else "missed"
        closeness = abs(ours["result"] - torch["result"]) / max(abs(torch["result"]), 1e-30)
        yield (f"{label}: {job}", f"{ours['wall']:.2f} s, {ours['cpu']:.2f} s CPU; {done / ours['wall']:.3g} {unit}/s",
               f"{torch['wall']:.2f} s, {torch['cpu']:.2f} s CPU",
               f"{share['cpu']:.2f} of {'sgemm' if is_product else 'reading'} (wall {share['wall']:.2f})",
               f"{times['cpu']:.2f} × (wall {times['wall']:.2f})",
               "" if aim is None else f"≥ 0.6, ≥ {aim} ×", verdict, f"{closeness:.0e}")
    sgemm = {name: SGEMM_FLOPS * (threads if name == "ours" else 1) / costs[name, "sgemm"]["cpu"] / 1e9
             for name in ("ours", "torch")}
    yield (f"{label}: sgemm 2048³, per core", f"{sgemm['ours']:.0f} GFLOP/s", f"{sgemm['torch']:.0f} GFLOP/s",
           "", f"{sgemm['ours'] / sgemm['torch']:.2f} ×", "", "", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--scratch", default="/tmp", help="a folder with 3 GB of room (default: /tmp)")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    before = os.getloadavg()[0]
    table = []
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="errata-bench-") as scratch:
        for model in options.models.split(","):
            folder = os.path.join(scratch, model)
            subprocess.run([sys.executable, PEER, "make", folder, *model.split("-"), *["--quick"] * options.quick],
                           check=True, stderr=subprocess.DEVNULL)
            for threads in map(int, options.threads.split(",")):
                costs = measure(model, folder, os.path.abspath(options.binary), threads, options.rounds)
                for row in rows(model, costs, threads, options.quick):
                    table.append(row)
                    print("  " + "; ".join(filter(None, row)), file=sys.stderr, flush=True)
    print(f"{machine()}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after; medians of {options.rounds} rounds\n")
    heads = ("what", "errata", "torch", "share of the limit", "torch / errata", "aim", "", "results differ by")
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in table:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
