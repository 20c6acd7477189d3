"""`errata stats` and `errata edit` against the reference editor in PyTorch, phase by phase, in one run.

    edit.py path/to/errata [--scratch DIR] [--quick] [--facts 50]

The same random Llama, facts, contexts and text on both sides, one thread each. Seconds are processor seconds.
"""
import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Fixtures"


def timed(command):
    """Processor seconds of a command, and its standard output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--facts", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        compare(options, Path(scratch))


def compare(options, scratch):
    model, peer = scratch / "model", [sys.executable, HERE / "edit_peer.py"]
    facts, contexts, corpus = (FIXTURES / "world" / name for name in ("facts.json", "contexts.json", "corpus.txt"))
    count, layers = min(options.facts, len(json.loads(facts.read_text()))), "1,2,3,4" if options.quick else "2,3,4,5,6"
    timed([*peer, "make", model, *(["--quick"] if options.quick else [])])

    statistics, patch = scratch / "model.statistics.safetensors", scratch / "edit.errata"
    stats, _ = timed([options.errata, "stats", model, "--corpus", corpus, "--layers", layers, "-o", statistics,
                      "--threads", "1", "--quiet"])
    edit, text = timed([
        options.errata, "edit", model, "--facts", facts, "--limit", str(count), "--statistics", statistics, "--layers", layers,
        "--contexts", contexts, "--steps", "25", "--clamp", "0.75", "--weight-decay", "0.5", "--second-moment-weight", "15000",
        "--threads", "1", "--json", "-o", patch])
    ours = {name: seconds for name, seconds in json.loads(text)["seconds"].items()}
    whole, text = timed([*peer, "run", model, facts, contexts, corpus, str(count), layers])
    theirs = json.loads(text)

    rows = [("statistics, five layers", stats, theirs["statistics"], 4),
            ("values", ours["values"], theirs["values"], 8),
            ("keys and solve", sum(ours[name] for name in ("keys", "factorizing", "solving")), theirs["keys and solve"], None),
            ("end to end, as processes", stats + edit, whole, 10)]
    print(f"{count} facts, layers {layers}, one thread, processor seconds\n")
    print("| what | errata | reference | ratio | aim |  |\n|---|---|---|---|---|---|")
    for name, own, other, aim in rows:
        ratio = other / own
        verdict = "" if aim is None else "met" if ratio >= aim else "missed"
        print(f"| {name} | {own:.2f} | {other:.2f} | {ratio:.1f} × | {f'≥ {aim} ×' if aim else ''} | {verdict} |")


if __name__ == "__main__":
    main()
