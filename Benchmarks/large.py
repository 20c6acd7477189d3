"""Runs the commands on a model of the size of a Llama of 7 B parameters, and measures what they hold and read.

    python3 large.py path/to/errata [--scratch DIR] [--layers 32] [--width 4096] [--steps 2] [--tokens 256] [--facts 4] [--memory 1G] [--plan] [--keep]

--memory is what the commands believe that they may use (ERRATA_MEMORY). --plan shows what `errata plan` says beforehand.
Weights are random, so nothing is learned: what counts is memory. They take 13.5 GB of disk; the tokenizer and the facts are the fixtures'.
Peaks are the process's own: all that was resident, and of it memory that is no page of a file. What the disk gave is counted too, so the pages of
the model are dropped before each command.
"""
import argparse, json, os, pathlib, shutil, subprocess, sys, time
import numpy as np
from inputs import rounded, write

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Fixtures"


def tile():
    """64 MiB of BF16, normal, of the size of a trained layer's weights; enough that no two rows of a weight are the same."""
    numbers = np.random.default_rng(1).standard_normal(1 << 25, dtype=np.float32) * np.float32(0.02)
    return rounded(numbers, "BF16").tobytes()


def make(folder, layers, width):
    feed_forward = 11008 * width // 4096
    heads = width // 128
    shapes = {"model.embed_tokens.weight": (480, width), "model.norm.weight": (width,), "lm_head.weight": (480, width)}
    for layer in range(layers):
        own = f"model.layers.{layer}."
        shapes |= {own + f"self_attn.{name}_proj.weight": (width, width) for name in "qkvo"}
        shapes |= {own + f"mlp.{name}_proj.weight": (feed_forward, width) for name in ("gate", "up")}
        shapes |= {own + "mlp.down_proj.weight": (width, feed_forward)}
        shapes |= {own + name + ".weight": (width,) for name in ("input_layernorm", "post_attention_layernorm")}
    random = tile()
    one = rounded(np.ones(width, dtype=np.float32), "BF16").tobytes()

    def content(shape):
        if len(shape) == 1:
            yield one
            return
        left = 2 * shape[0] * shape[1]
        while left > 0:
            yield random[:left]
            left -= len(random)

    folder.mkdir(parents=True)
    write(folder / "model.safetensors", [(name, "BF16", shape, lambda shape=shape: content(shape)) for name, shape in shapes.items()])
    shutil.copy(FIXTURES / "models/tiny-llama/tokenizer.json", folder)
    base = json.loads((FIXTURES / "models/tiny-llama/config.json").read_text())
    base |= {"hidden_size": width, "intermediate_size": feed_forward, "num_hidden_layers": layers, "num_attention_heads": heads,
             "num_key_value_heads": heads, "head_dim": 128}
    (folder / "config.json").write_text(json.dumps(base))


def status(process, *names):
    try:
        lines = pathlib.Path(f"/proc/{process}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return [0] * len(names)
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.endswith("kB")}
    return [int(found.get(name, 0)) * 1024 for name in names]


def read_bytes(process):
    try:
        return int(pathlib.Path(f"/proc/{process}/io").read_text().split("read_bytes: ")[1].split()[0])
    except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
        return 0


def measure(command, model, environment):
    """Seconds, peak resident, peak anonymous and bytes read."""
    descriptor = os.open(model / "model.safetensors", os.O_RDONLY)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    begin = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    resident = anonymous = read = 0
    while process.poll() is None:
        high, own = status(process.pid, "VmHWM", "RssAnon")
        resident, anonymous, read = max(resident, high), max(anonymous, own), max(read, read_bytes(process.pid))
        time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {process.returncode}")
    return time.time() - begin, resident, anonymous, read


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("errata")
    parser.add_argument("--scratch", default="large-model")
    for name, value in (("layers", 32), ("width", 4096), ("steps", 2), ("tokens", 256), ("facts", 4)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--only", default="stats,edit,eval,apply")
    parser.add_argument("--memory")
    parser.add_argument("--plan", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    scratch = pathlib.Path(options.scratch)
    model = scratch / "model"
    if not model.exists():
        make(model, options.layers, options.width)
    size = (model / "model.safetensors").stat().st_size
    layers = f"{options.layers // 4},{options.layers // 4 + 1}"
    facts = FIXTURES / "world/facts.json"
    stats, patch = scratch / "stats", scratch / "patch"
    (scratch / "contexts.json").write_text('["{}"]')
    commands = {
        "stats": ["stats", model, "--corpus", FIXTURES / "world/corpus.txt", "--layers", layers, "--tokens", str(options.tokens), "-o", stats],
        "edit": ["edit", model, "--facts", facts, "--limit", str(options.facts), "--statistics", stats, "--layers", layers, "--steps",
                 str(options.steps), "--stop", "never", "--contexts", scratch / "contexts.json", "-o", patch],
        "eval": ["eval", model, "--data", facts, "--limit", str(options.facts), "--patch", patch],
        "apply": ["apply", patch, model, "-o", scratch / "edited"],
    }
    print(f"a model of {size / 1e9:.1f} GB, {options.layers} layers of width {options.width}\n")
    environment = os.environ | ({"ERRATA_MEMORY": options.memory} if options.memory else {})
    if options.plan:
        subprocess.run([options.errata, "plan", model, "--facts", facts, "--limit", str(options.facts), "--layers", layers, "--tokens", str(options.tokens),
                        "--contexts", scratch / "contexts.json"], env=environment, check=True)
    print("| command | seconds | resident, GB | not of files, GB | read, GB |\n|---|---|---|---|---|")
    for name in options.only.split(","):
        seconds, resident, anonymous, read = measure([options.errata, *map(str, commands[name]), "--quiet"], model, environment)
        print(f"| {name} | {seconds:.0f} | {resident / 1e9:.2f} | {anonymous / 1e9:.2f} | {read / 1e9:.1f} |", flush=True)
    if not options.keep:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
