"""Builds everything a second time, elsewhere and under other circumstances, and compares the packages byte for byte.

    python3 Packaging/reproduce.py ERRATA BUILD...      ERRATA: the command built here; BUILD: the words that build it

The second build stands at another path, with other file times, another umask, language, time zone and home. Both are packed at one
SOURCE_DATE_EPOCH, by scripts in those places. Where packages differ, what differs in them is said."""
import hashlib, lzma, os, pathlib, shutil, subprocess, sys, tarfile, tempfile, zipfile, io

ROOT = pathlib.Path(__file__).resolve().parent.parent
EPOCH = "1700000000"
OTHER = {"LC_ALL": "C", "TZ": "Pacific/Chatham", "COLUMNS": "60"}


def copy_sources(folder):
    """What belongs to the repository, changed or not; every file as if made at another time."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        source, place = ROOT / name, folder / name
        if source.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, place)
            os.utime(place, (1_600_000_000, 1_600_000_000))


def build(folder, words):
    """The command, built in a copy of the sources."""
    # What Package.resolved pins need not be fetched again.
    for name in ("checkouts", "repositories", "workspace-state.json"):
        source = ROOT / ".build" / name
        if source.is_dir():
            shutil.copytree(source, folder / ".build" / name, symlinks=True)
        elif source.exists():
            shutil.copy(source, folder / ".build" / name)
    environment = dict(os.environ, **OTHER)
    done = subprocess.run(words, cwd=folder, env=environment, check=False, capture_output=True, text=True, umask=0o077)
    if done.returncode:
        raise SystemExit(f"the second build failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return next(folder.glob(".build/*-linux-gnu/release/errata"))


def packed(root, errata, out, **more):
    """The packages of a built command, by the script beside it."""
    subprocess.run([sys.executable, "-B", root / "Packaging/package.py", "packages", errata, out], check=True, stdout=subprocess.DEVNULL,
                   env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH, **more.pop("environment", {})), cwd=root, **more)
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(out).iterdir())}


def members(name, data):
    """What is in a package, by name."""
    if name.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {entry: archive.read(entry) for entry in archive.namelist()}
    if name.endswith(".tar.xz"):
        with tarfile.open(fileobj=io.BytesIO(lzma.decompress(data))) as archive:
            return {entry.name: archive.extractfile(entry).read() for entry in archive if entry.isfile()}
    found, place = {}, 8
    while place < len(data):
        entry, size = data[place:place + 16].decode().strip(), int(data[place + 48:place + 58])
        content = data[place + 60:place + 60 + size]
        found |= members(entry, content) if entry.endswith(".tar.xz") else {entry: content}
        place += 60 + size + size % 2
    return found


def difference(name, first, second):
    one, two = members(name, first), members(name, second)
    names = [entry for entry in sorted(one.keys() | two.keys()) if one.get(entry) != two.get(entry)]
    return f"{name}: " + (", ".join(names) or "its frame only")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    errata, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory(prefix="errata-again-") as scratch:
        scratch = pathlib.Path(scratch)
        other = scratch / "a place/of another name"
        other.mkdir(parents=True)
        copy_sources(other)
        again = build(other, words)
        first = packed(ROOT, errata, scratch / "first")
        second = packed(other, again, scratch / "second", environment=OTHER, umask=0o077)
    bad = [difference(name, first[name], second.get(name, b"")) for name in first if first[name] != second.get(name)]
    if bad or first.keys() != second.keys():
        raise SystemExit("built twice, packages differ:\n" + "\n".join(bad or [f"{list(first)}, {list(second)}"]))
    for name, data in first.items():
        print(f"{hashlib.sha256(data).hexdigest()}  {name}")
    print(f"{len(first)} packages, built twice at two places: the same bytes")


if __name__ == "__main__":
    main()
