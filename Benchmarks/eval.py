"""`errata eval` against transformers on the same records, and one table.

    eval.py path/to/errata [--scratch DIR] [--quick] [--records 100] [--threads 1,4] [--rounds 3] [--model FOLDER --data FILE]

Needs torch and transformers. Without --model it makes a small random Llama and records in CounterFact's schema. Two peers in one
process take turns with errata: `published`, a padded batch and all logits for each record, and `sorted`, batches over all records by
length and logits where they are read. Loading is counted on neither side: of errata it is the run of one record. The measures of all
three must agree.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile
from network import Side
from run import Run, machine

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = os.path.join(HERE, "eval_peer.py")
PEERS = ("published", "sorted")
AIM = 5
TOLERANCE = 0.005            # a rate; a comparison that is a tie but for rounding counts 1 / (prompts × records)


def common(data, count, path):
    """Records with what both sides ask: the prompts of CounterFact's measures."""
    with open(data) as file:
        records = json.load(file)[:count]
    kept = ("case_id", "requested_rewrite", "paraphrase_prompts", "neighborhood_prompts")
    with open(path, "w") as file:
        json.dump([{key: record[key] for key in kept} for record in records], file)
    return len(records)


def errata_cost(run, model, data, threads):
    """What all records take beyond one, and the measures of all."""
    command = run.tool("eval", model, "--data", data, "--threads", str(threads), "--json")
    one, all = run.once(*command, "--limit", "1"), run.once(*command)
    measures = json.loads(all.output)["runs"][0]["measures"]
    return {"wall": all.wall - one.wall, "cpu": all.cpu - one.cpu, "result": measures}


def measure(run, model, data, threads, rounds):
    """Medians by side, as {"wall", "cpu"}, and by how much measures differ at most."""
    peer = Side(sys.executable, PEER, "serve", model, data, str(threads))
    costs = {}
    for number in range(rounds + 1):                       # the first round is not counted
        for side in ("errata", *PEERS):
            cost = errata_cost(run, model, data, threads) if side == "errata" else peer.do(side)
            if number:
                costs.setdefault(side, []).append(cost)
    peer.end()
    medians = {side: {field: statistics.median(cost[field] for cost in all) for field in ("wall", "cpu")}
               for side, all in costs.items()}
    ours = costs["errata"][0]["result"]
    apart = max(abs(value - ours[name]) for side in PEERS for name, value in costs[side][0]["result"].items())
    return medians, apart


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("errata")
    parser.add_argument("--scratch", default="/tmp")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--records", type=int, default=100)
    parser.add_argument("--threads", default=f"1,{len(os.sched_getaffinity(0))}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="a folder in Hugging Face layout")
    parser.add_argument("--data", help="records in CounterFact's schema")
    options = parser.parse_args()
    if (options.model is None) != (options.data is None):
        parser.error("--model and --data go together")
    before, table, worst = os.getloadavg()[0], [], 0
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="errata-bench-") as scratch:
        run = Run(options.errata, scratch, options.quick)
        model, source = options.model, options.data
        if model is None:
            model, source = os.path.join(scratch, "model"), os.path.join(scratch, "made.json")
            subprocess.run([sys.executable, PEER, "make", model, source, str(options.records),
                            *["--quick"] * options.quick], check=True, stderr=subprocess.DEVNULL)
        data = os.path.join(scratch, "records.json")
        count = common(source, options.records, data)
        for threads in sorted(set(map(int, options.threads.split(",")))):
            costs, apart = measure(run, model, data, threads, options.rounds)
            worst = max(worst, apart)
            ours = costs["errata"]
            label = f"{count} records, {threads} thread{'s' if threads > 1 else ''}"
            row = [label, f"{ours['wall']:.2f} s, {ours['cpu']:.2f} s CPU"]
            for side in PEERS:
                peer = costs[side]
                row += [f"{peer['wall']:.2f} s, {peer['cpu']:.2f} s CPU",
                        f"{peer['cpu'] / ours['cpu']:.1f} × (wall {peer['wall'] / ours['wall']:.1f})"]
            best = min(min(costs[side][field] for side in PEERS) / ours[field] for field in ("wall", "cpu"))
            row += [f"≥ {AIM} ×", "–" if options.quick else "met" if best >= AIM else "missed", f"{apart:.0e}"]
            table.append(row)
            print("  " + "; ".join(row), file=sys.stderr, flush=True)
    print(f"{machine()}; load {before:.1f} before, {os.getloadavg()[0]:.1f} after; medians of {options.rounds} rounds\n")
    heads = ("what", "errata", "published", "published / errata", "sorted", "sorted / errata", "aim", "",
             "measures differ by")
    print("| " + " | ".join(heads) + " |\n|" + "---|" * len(heads))
    for row in table:
        print("| " + " | ".join(row) + " |")
    if worst > TOLERANCE:
        sys.exit(f"the sides measure different things: {worst:.2g} apart")


if __name__ == "__main__":
    main()
