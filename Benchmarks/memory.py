"""Routing among 100,000 facts kept as text, on one core: python3 Benchmarks/memory.py ERRATA MEMORY-BENCHMARK

Each route has its patch; prompts are 1000 that a fact is for and 1000 that none is for."""
import json, os, pathlib, random, subprocess, sys, tempfile

COUNT = 100_000
ROUTES = ("subject", "near:5", "words:0.8", "subject+embedding:0.2", "embedding:0.9")
MODEL = pathlib.Path(__file__).resolve().parents[1] / "Fixtures/models/tiny-llama"
RELATIONS = ("{} was born in the city of", "{} lives on the island of", "{} plays the instrument called the", "the mother tongue of {} is")


def name(draw):
    parts = ("ka", "lo", "mi", "ren", "tas", "vel", "dor", "bri", "nu", "shi", "ge", "pol", "an", "eth")
    return " ".join("".join(draw.choices(parts, k=draw.randint(2, 4))).capitalize() for _ in range(2))


def main():
    errata, benchmark = map(os.path.abspath, sys.argv[1:])
    draw = random.Random(1)
    people = sorted({name(draw) for _ in range(2 * COUNT)})
    draw.shuffle(people)
    facts = [dict(prompt=draw.choice(RELATIONS), subject=person, target=name(draw)) for person in people[:COUNT]]
    asked = [fact["prompt"].format(fact["subject"]) for fact in draw.sample(facts, 1000)]
    asked += [draw.choice(RELATIONS).format(person) for person in people[COUNT:COUNT + 1000]]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "facts.jsonl")
        path.write_text("".join(json.dumps(fact) + "\n" for fact in facts))
        for route in ROUTES:
            method = "memprompt" if route.startswith("near") else "ike"
            subprocess.run([errata, "edit", MODEL, "--facts", path, "--method", method, "--route", route, "-o", f"{folder}/m.errata",
                            "--quiet"], check=True)
            done = subprocess.run(["taskset", "-c", "0", benchmark, f"{folder}/m.errata", MODEL], input="\n".join(asked) + "\n", text=True,
                                  stdout=subprocess.PIPE, check=True)
            cost = json.loads(done.stdout)
            size = os.path.getsize(f"{folder}/m.errata") / 1e6
            state = f" behind {cost['state']:.2f} ms of the model's" if cost["state"] > 0.01 else ""
            print(f"{route:21} opened in {cost['open']:.3f} s, {size:.1f} MB; {cost['mean']:.3f} ms a prompt, {cost['most']:.3f} at most{state}; "
                  f"{cost['found']} of {len(asked)} prompts found a fact", flush=True)


if __name__ == "__main__":
    main()
