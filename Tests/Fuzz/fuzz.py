"""Runs the fuzzer over every kind of input, from corpora made of the formats' vectors, the fixtures and what was found before.

    python3 Tests/Fuzz/fuzz.py PROGRAM [--seconds S | --runs N | --replay] [--only NAME,NAME] [--seed S] [--jobs N]
        [--found FOLDER] [--keep FOLDER]

--replay gives every input of the corpora to its target once, and through the commands. --keep has what was covered from run to run.
An input that is found goes to the folder of --found; ends with 1 if there is one."""
import argparse, base64, concurrent.futures, hashlib, json, os, pathlib, re, shutil, struct, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES, VECTORS = ROOT / "Fixtures", ROOT / "Formats/vectors"
# What one process may take, with libFuzzer's own corpus and the sanitizer's tables (MiB); one request of an input (MiB); seconds of one.
MEMORY, REQUEST, TIME = 2048, 128, 10
LONGEST = 1 << 16


def vector(path):
    body = path.read_text().split("\n\n", 1)[1]
    return bytes(int(word, 16) for line in body.splitlines() for word in line.split("#")[0].split())


def vectors(*formats, only=""):
    return [vector(path) for name in formats for path in sorted((VECTORS / name).glob("*.hex")) if only in path.name]


def files(*patterns, limit=LONGEST):
    found = [path for pattern in patterns for path in sorted(FIXTURES.glob(pattern)) if path.is_file()]
    return [path.read_bytes() for path in found if path.stat().st_size <= limit]


def heads(*patterns):
    """Model files without most of their data: the header is what is read."""
    return [path.read_bytes()[:4096] for pattern in patterns for path in sorted(FIXTURES.glob(pattern))]


def patches():
    """The vectors, and one that tells of an edit, as `edit` writes it (edit.json)."""
    found = vectors("patch")
    plain = vectors("patch", only="accept-rank-one")[0]
    length, blocks = struct.unpack("<QQ", plain[16:32])
    manifest = json.loads(plain[40:40 + length]) | {"edit": json.loads((ROOT / "Tests/Fuzz/edit.json").read_text())}
    text = json.dumps(manifest, separators=(",", ":")).encode()
    rest = plain[40 + length:-32]
    front = plain[:16] + struct.pack("<QQQ", len(text), blocks, 40 + len(text) + len(rest) + 32) + text + rest[:48 * blocks]
    return [*found, front + rest[48 * blocks:] + hashlib.sha256(front).digest()]


def safetensors(notes, **shapes):
    """A file of F32 tensors of ones."""
    header, place = {"__metadata__": {key: note if isinstance(note, str) else json.dumps(note) for key, note in notes.items()}}, 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [place, place + 4 * shape[0] * shape[1]]}
        place += 4 * shape[0] * shape[1]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + struct.pack("<f", 1) * (place // 4)


def values():
    notes = {"facts": [[["{} lives in", "Ada", "Oslo"]], [["{} has", "Bo", "one"]]],
             "identity": {"sequence": "resolve", "model": "m", "tokenizer": "t", "layer": 2, "steps": 2, "contexts": ["a {}"]}}
    shapes = {"values": [2, 3], "starts": [2, 3], "losses": [2, 2], "states": [2, 3]}
    part = {"groups": [0, 1], "of": 2, "facts": "0" * 64, "finished": True}
    return [safetensors(notes, **shapes), safetensors(notes | {"part": part | {"number": 1, "count": 1}}, **shapes),
            safetensors(notes | {"part": part | {"number": 2, "count": 3, "groups": [1, 4], "of": 5, "finished": False}}, **shapes)]


def bundle():
    """A model.sig of the folder that a target has, with no right signature."""
    header = b'{"w":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]}}'
    model = struct.pack("<Q", len(header)) + header + bytes.fromhex("003c004200ba0064")
    content = hashlib.sha256(model).digest()
    statement = {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "signed", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}],
                 "predicateType": "https://model_signing/signature/v1.0",
                 "predicate": {"serialization": {"hash_type": "sha256", "ignore_paths": [".git"], "allow_symlinks": False, "method": "files"},
                               "resources": [{"name": "model.safetensors", "algorithm": "sha256", "digest": content.hex()}]}}
    envelope = {"payload": base64.b64encode(json.dumps(statement, separators=(",", ":")).encode()).decode(),
                "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": "MAA="}]}
    return json.dumps({"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": {"publicKey": {}, "tlogEntries": []},
                       "dsseEnvelope": envelope}).encode()


def parts():
    """Parts of an evaluation: two of one run with an empty line between them, one alone."""
    def line(**more):
        return json.dumps({"run": "r", "label": "l", "record": "x", "id": "1", "probes": []} | more, separators=(",", ":"))

    def part(number, count, places, of):
        edit = line(edit={"facts": 2, "seconds": 0.5, "norms": {"w": 0.1}})
        found = [line(run="asked", record="part", id="begin", part=number, of=count), edit, *[line(place=place) for place in places],
                 line(run="plan", record="part", id="end", places=of)]
        return "".join(text + "\n" for text in found)
    return [(part(1, 2, [0, 2], 4) + "\n" + part(2, 2, [1, 3], 4)).encode(), part(1, 1, [0, 1], 2).encode(), part(2, 3, [1], 3).encode()]


def joined(*texts):
    return b"\0".join(text.encode() if isinstance(text, str) else text for text in texts)


def packed():
    return [joined((folder / "config.json").read_bytes(), (folder / "model.safetensors").read_bytes())
            for folder in sorted(FIXTURES.glob("models/packed/*"))]


def chats():
    tokens = '{"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":'
    template = "{% for m in messages %}{{ bos_token }}{{ m['role'] }}: {{ m.content | trim }}{{ eos_token }}{% endfor %}"
    several = [{"name": name, "template": template} for name in ("default", "tool_use")]
    return [joined(tokens + json.dumps(template) + "}", '{"unk_token":"?"}'), joined(tokens + json.dumps(several) + "}"), joined("{}", "{}", template)]


def journals():
    """Journals of the patch vectors: magic, lengths, digest of the note, note, patch, and a slot with a tile."""
    out = []
    for patch in vectors("patch", only="accept"):
        for way in ("apply", "revert"):
            note = json.dumps({"weightsOnly": False, "direction": way, "model": "base.safetensors", "files": ["base.safetensors"]}).encode()
            front = b"ERRATAJ1" + struct.pack("<QQ", len(note), len(patch)) + hashlib.sha256(note).digest() + note + patch
            front += bytes(-len(front) % 4096)
            slot = struct.pack("<QII", 1, 0, 0)
            out.append(front + slot + bytes(4096 - len(slot)) + bytes.fromhex("003c004200ba0064"))
    return out


def templates():
    texts = [json.loads(found) for name in ("chat/templates.json", "chat/built-in.json")
             for found in re.findall(r'"(?:[^"\\]|\\.)*"', (FIXTURES / name).read_text())]
    return [text.encode() for text in texts if "{" in text]


def patterns():
    """Patterns of the tokenizers, each with a text."""
    found = set()
    for path in sorted(FIXTURES.glob("tokenizers/*.tokenizer.json")):
        found |= set(re.findall(r'"Regex": ?("(?:[^"\\]|\\.)*")', path.read_text()))
    return [json.loads(pattern).encode() + "\nAda's 1234 lives  in\tOslo é 中\r\n".encode() for pattern in sorted(found)]


def arguments():
    """Command lines of the recorded sessions: of each command the one with most words, as a parse takes long."""
    lines = [re.split(r" [|&>]", line)[0].split()[2:] for path in sorted(FIXTURES.glob("sessions/*.session")) for line in path.read_text().splitlines()
             if line.startswith("$ errata ")]
    longest = {words[0]: words for words in sorted(lines, key=len)}
    return ["\n".join(words).encode() for words in [*longest.values(), ["show", "base.safetensors", "--json"], ["log", "base.safetensors"]]]


def one(text):
    return [text.encode() if isinstance(text, str) else json.dumps(text).encode()]


TRACE = {"format": "errata-trace", "version": 1, "identity": {"model": "m", "kinds": ["states", "feedForward"]}, "layerCount": 2, "facts": [], "unknown": []}
ANSWERS = ('{"run":"a","label":"b","record":"c","id":"1","probes":[{"kind":"efficacy","prompt":"p","answer":"a","logProbability":-1.5,'
           '"wanted":[1],"said":[1]}]}\n')
RECORD = ('{"time":"2026-01-01T00:00:00Z","direction":"apply","patch":"p","digest":"%s","tool":"t","facts":1,"tensors":[{"name":"w","digest":"%s"}]}\n'
          % ("0" * 64, "0" * 64))
RECIPE = {"layers": [1, 2], "steps": 20, "learningRate": 0.5, "clamp": 0.75, "stop": "loss", "ridge": 1}
CORPORA = {
    "safetensors": lambda: vectors("safetensors") + heads("models/packed/*/model.safetensors"),
    "gguf": lambda: vectors("gguf") + heads("tokenizers/*.gguf", "models/families/*.gguf"),
    "index": lambda: vectors("safetensors-index") + files("models/*/*.index.json"),
    "patch": patches, "memory": lambda: vectors("patch", only="memory"), "journal": journals,
    "statistics": lambda: vectors("statistics"), "keys": lambda: vectors("keys"), "values": values,
    "imatrix": lambda: files("reference/imatrix.gguf"), "editor": lambda: vectors("editor"), "packed": packed, "chat": chats, "part": parts,
    "frequencies": lambda: [joined('{"a":0,"b":1}', b"\x93NUMPY\x01\x00\x46\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }".ljust(69) + b"\n"
                                   + struct.pack("<dd", 1, 2))],
    "bundle": lambda: [*files("keys/tiny-*.sig"), bundle()], "pem": lambda: files("keys/*.pem"),
    "prompts": lambda: [b"Ada lives in\nOslo \xc3\xa9\n", b"\xef\xbb\xbfa\r\n"],
    "facts": lambda: vectors("facts") + files("world/facts.json"), "configuration": lambda: files("models/**/config.json"),
    "tokenizer": lambda: files("tokenizers/*.tokenizer.json", "models/*/tokenizer.json"),
    "vocabulary": lambda: one('{"a":0,"b":1,"ab":2,"<|endoftext|>":3}\0#version: 0.2\na b\n\0{"tokenizer_class":"GPT2Tokenizer"}'),
    "npz": lambda: vectors("npz"), "npy": lambda: files("evaluation/idf/idf.npy"), "recipe": lambda: one(RECIPE),
    "contexts": lambda: files("world/contexts.json"), "template": templates, "splitting": patterns, "answers": lambda: one(ANSWERS),
    "choices": lambda: files("evaluation/choices.jsonl"), "references": lambda: files("evaluation/references.json"),
    "weights": lambda: one({"reliability": 3, "speed": 0.5}), "trace": lambda: one(TRACE),
    "corpus": lambda: [b'[{"text":"a"}, "b"]', b'{"text":"a"}\n{"text":"b"}\n', b"plain\ntext\n"], "json": lambda: vectors("json"),
    "signature": lambda: files("keys/rank-one.*.sig"), "key": lambda: files("keys/ada", "keys/eve", "keys/locked", "keys/rsa"),
    "signers": lambda: files("keys/allowed_signers") + one('a namespaces="g*,!x",valid-after="20200101Z",valid-before="20300101" ssh-ed25519 AAAA\n'),
    "record": lambda: one(RECORD), "arguments": arguments,
}


def words(options, found, name, folder):
    how = ["-runs=0"] if options.replay else [f"-runs={options.runs}"] if options.runs else [f"-max_total_time={options.seconds}"]
    return [options.program, folder, *how, f"-seed={options.seed}", f"-rss_limit_mb={MEMORY}", f"-malloc_limit_mb={REQUEST}", f"-timeout={TIME}",
            f"-artifact_prefix={found}/{name}-", f"-max_len={LONGEST}", "-print_final_stats=1", "-close_fd_mask=2"]


def environment(name, **more):
    return {**os.environ, "FUZZ_TARGET": name, "SWIFT_BACKTRACE": "enable=no", **more,
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=0"}


def explain(program, path, name):
    """What an input that was found does, in a few lines."""
    try:
        done = subprocess.run([program, path, f"-timeout={TIME}", f"-malloc_limit_mb={REQUEST}"], check=False, capture_output=True, text=True,
                              errors="replace", env=environment(name, FUZZ_COMMANDS="1"), timeout=120)
    except subprocess.TimeoutExpired:
        return "still running after two minutes"
    return "\n".join([line[:300] for line in done.stderr.splitlines() if re.search(r"ERROR|SUMMARY|[Ff]atal|#[0-9]+ ", line)][:30])


def feed(name, options, found):
    """Lets one target run; tells whether it found something, and how many inputs it had."""
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="errata-corpus-")).resolve() / name
    folder.mkdir(parents=True, exist_ok=True)
    inputs = CORPORA[name]() + [path.read_bytes() for path in sorted((ROOT / "Tests/Fuzz/found").glob(f"{name}-*"))]
    for data in inputs:
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)
    before, began = set(found.glob(f"{name}-*")), time.time()
    more = {"FUZZ_COMMANDS": "1"} if options.replay else {}
    env = environment(name, **more)
    # Where each block was asked for is of use only for an input that is found, and that is run once more.
    env["ASAN_OPTIONS"] += ":malloc_context_size=1"
    run = subprocess.Popen([os.fspath(word) for word in words(options, found, name, folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                           text=True, errors="replace", env=env)
    said = run.communicate()[1]
    # What a stopped target leaves of its working folder.
    for parent in ("/dev/shm", "/tmp"):
        shutil.rmtree(f"{parent}/errata-fuzz-{run.pid}", ignore_errors=True)
    if not options.keep:
        shutil.rmtree(folder.parent)
    executed = re.search(r"number_of_executed_units: *(\d+)", said)
    covered = re.findall(r"cov: (\d+)", said)
    new = sorted(set(found.glob(f"{name}-*")) - before)
    lines = [f"{name}: {len(inputs)} inputs, {executed[1] if executed else '?'} runs, {covered[0] if covered else '?'} to {covered[-1] if covered else '?'}"
             f" edges, {time.time() - began:.0f} s" + (f", FOUND ({run.returncode})" if run.returncode or new else "")]
    if run.returncode or new:
        lines.append("\n".join(str(path) for path in new) or said[-2000:])
        lines += [explain(options.program, path, name) for path in new[:1]]
    print("\n".join(lines), flush=True)
    return bool(run.returncode or new), int(executed[1]) if executed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--found", default=ROOT / ".build-fuzz/found")
    parser.add_argument("--keep")
    options = parser.parse_args()
    names = options.only.split(",") if options.only else sorted(CORPORA)
    found, start = pathlib.Path(options.found).resolve(), time.time()
    found.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(names, pool.map(lambda name: feed(name, options, found), names)))
    bad = [name for name, (is_bad, _) in results.items() if is_bad]
    print(f"{sum(runs for _, runs in results.values())} runs of {len(names)} targets, seed {options.seed}, {time.time() - start:.0f} s; "
          f"found in: {', '.join(bad) or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
