"""The ```console blocks of pages: run as they stand, and compared with what they show.

    python3 Docs/sessions.py ERRATA PAGE...             runs them; fails where a page shows a line that is not printed
    python3 Docs/sessions.py --record ERRATA PAGE...    writes down what they print instead

Each page has a folder of its own with `llama` (the tiny model that comes along), `llama-q8.gguf` (the same, quantized),
`text.txt` and `world.json` (facts of its world), and a signature of `llama` with its key. A command's further lines begin with "> ", as a shell asks for them; of one
that prints nothing in the page the output is not compared, and one that says "# fails" must. Numbers differ between processors
in their last digits and are passed over."""
import os, pathlib, re, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "Fixtures"
FILES = {"llama": "models/tiny-llama", "llama-q8.gguf": "models/tiny-llama-q8_0.gguf", "text.txt": "world/corpus.txt",
         "world.json": "world/facts.json", "contexts.json": "world/contexts.json",
         "pubkey": "keys/model.p256.pem", "model.sig": "keys/tiny-llama.p256.sig"}
BLOCK = re.compile(r"```console\n(.*?)```", re.S)


def steps(block):
    """The commands of a block, each with the lines shown below it."""
    found = []
    for line in block.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif found and not found[-1][1] and line.startswith("> "):
            found[-1][0].append(line[2:])
        elif found:
            found[-1][1].append(line)
    return [("\n".join(command), shown) for command, shown in found]


def plain(line):
    """A line without numbers, sizes' units and digests, which differ between machines."""
    line = re.sub(r"[0-9a-f]{12,64}", "0", line).replace("█", "")
    line = re.sub(r"-?[0-9][0-9.]*(e-?[0-9]+)?( [kMG]?B\b)?", "0", line)
    return re.sub(r"\s+", " ", line).strip()


def compare(command, shown, printed):
    """Refuses a command that does not print what its page shows."""
    found = {plain(line) for line in printed.split("\n")}
    missing = [line for line in shown if plain(line) not in found]
    if missing:
        raise SystemExit(f"$ {command}\nprinted\n{printed}\nwithout\n" + "\n".join(missing))


def place(folder):
    """Lays the files that pages speak of into a folder."""
    for name, source in FILES.items():
        subprocess.run(["cp", "-r", FIXTURES / source, pathlib.Path(folder, name)], check=True)


def run(page, errata, is_recording):
    """Runs a page; returns how many commands it had, and its text as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        place(folder)
        binaries = pathlib.Path(folder, ".bin")
        binaries.mkdir()
        (binaries / "errata").symlink_to(errata)
        python = ROOT / ".build-python/bin"
        environment = dict(os.environ, PATH=f"{binaries}:{python}:{os.environ['PATH']}", COLUMNS="80", LC_ALL="C.UTF-8",
                           ERRATA=errata, PYTHONPATH=os.fspath(ROOT / "Python"), PYTHONDONTWRITEBYTECODE="1")
        count = 0

        def recorded(match):
            nonlocal count
            lines = []
            for command, shown in steps(match[1]):
                done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
                if bool(done.returncode) != ("# fails" in command):
                    raise SystemExit(f"{page}: status {done.returncode}\n$ {command}\n{done.stdout}")
                count += 1
                if not is_recording:
                    compare(command, shown, done.stdout)
                # Which kernels run is the machine's business, not the page's.
                printed = [line for line in done.stdout.rstrip("\n").split("\n") if not line.startswith("OpenBLAS ran its kernels")]
                lines += ["$ " + command.replace("\n", "\n> ")] + printed * bool(done.stdout)
            return "```console\n" + "\n".join(lines) + "\n```"
        text = BLOCK.sub(recorded, pathlib.Path(page).read_text())
        return count, text


def main():
    words = sys.argv[1:]
    is_recording = words[:1] == ["--record"]
    errata, *pages = words[is_recording:] or sys.exit(__doc__)
    total = 0
    for page in pages:
        count, text = run(page, os.path.abspath(errata), is_recording)
        total += count
        if is_recording:
            pathlib.Path(page).write_text(text)
    print(f"{total} commands of {len(pages)} pages")


if __name__ == "__main__":
    main()
