"""Installs every package in a bare Debian 12 and a bare Debian 13, and runs there what the README shows first.

    python3 Packaging/test.py FOLDER [MODEL]      FOLDER: what `package.py packages` wrote

With MODEL, a real model's file, each of them also goes the whole way of `errata try` on it, and tells how long that takes.

The trees come from the archive that this machine's own apt uses. Where none can be had (no root, no mmdebstrap, no network)
that is said, and the exit status is 77."""
import contextlib, os, pathlib, re, shutil, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, os.fspath(ROOT / "Docs"))
import sessions  # noqa: E402 (beside the pages)

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
UNPACKED_LIMIT, START_LIMIT = 60e6, 0.020


def skip(reason):
    print(f"package test skipped: {reason}")
    sys.exit(77)


def output(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


def mirror():
    """Debian's archive as this machine's apt knows it."""
    found = output("apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian", "Label: Debian").split()
    return found[0] if found else skip("apt knows no Debian archive here")


def bare(suite, folder):
    """A tar file of the smallest Debian; made once for all packages."""
    path = pathlib.Path(folder, f"{suite}.tar")
    # Where a machine's archive stands still, so do its dates.
    options = [f"--aptopt={line}" for line in re.findall(r'^Acquire::Check-\S+ .*(?=;)', output("apt-config", "dump"), re.M)]
    made = subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", *options, suite, path, mirror()],
                          check=False, capture_output=True, text=True)
    if made.returncode:
        # The archive's name is this machine's affair.
        skip(f"no {suite} tree: {re.sub('//[^/ ]+', '//…', made.stderr)[-300:]}")
    return path


class Tree:
    """A bare system in a folder, as one would find it on a new machine."""
    def __init__(self, tar, folder):
        self.root = pathlib.Path(folder)
        self.root.mkdir()
        (self.root / "work").mkdir()
        subprocess.run(["tar", "-xf", tar, "-C", self.root], check=True)
        shutil.copyfile("/etc/resolv.conf", self.root / "etc/resolv.conf")

    def __enter__(self):
        # A program finds the libraries beside it by what /proc says of it.
        subprocess.run(["mount", "-t", "proc", "proc", self.root / "proc"], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.root / "proc"], check=True)
        shutil.rmtree(self.root)

    def run(self, line):
        """A line of shell in the tree, in /work there; what it printed."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                       "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(["chroot", self.root, "sh", "-c", f"cd /work && {line}"], env=environment,
                              stdin=subprocess.DEVNULL, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"in the tree: {line}\n{done.stdout}{done.stderr}")
        return done.stdout

    def apt(self, *packages):
        self.run(f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(packages)} >/dev/null")

    def add(self, source):
        copy = shutil.copytree if os.path.isdir(source) else shutil.copyfile
        copy(source, self.root / "work" / os.path.basename(source))


def size(root):
    """Bytes of what is installed under a root of this name, without the libraries that came along."""
    names = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink()]
    return sum(p.stat().st_size for p in names if "openblas" not in p.name)


def use(tree, errata):
    """Runs what the README shows first and compares the words; then measures the start."""
    sessions.place(tree.root / "work")
    for command, shown in sessions.steps(sessions.BLOCK.search((ROOT / "README.md").read_text())[1]):
        # As somebody types it, but that the command may lie in a folder that is on no path.
        printed = tree.run(f"{re.sub('^errata ', errata + ' ', command)} 2>&1")
        sessions.compare(command, shown, printed)
    starts = []
    for _ in range(20):
        began = time.perf_counter()
        process = subprocess.Popen(["chroot", tree.root, errata, "--version"], stdout=subprocess.DEVNULL)
        usage = os.wait4(process.pid, 0)[2]
        starts.append((usage.ru_utime + usage.ru_stime, time.perf_counter() - began))
    # A machine that is busy with other things lets everybody wait: judged is what the command itself takes.
    work, wall = min(start[0] for start in starts), min(start[1] for start in starts)
    if work > START_LIMIT:
        raise SystemExit(f"start takes {work * 1e3:.0f} ms of the processor, more than {START_LIMIT * 1e3:.0f}")
    return wall


def try_model(tree, errata, model):
    """The whole way on a real model; the command itself compares the bytes at the end."""
    tree.add(model)
    began = time.perf_counter()
    printed = tree.run(f"{errata} try {os.path.basename(model)} 2>&1")
    took = time.perf_counter() - began
    if "byte for byte" not in printed or "yes" not in printed:
        raise SystemExit(f"errata try went otherwise:\n{printed}")
    return f", a fact of {os.path.getsize(model) / 1e6:.0f} MB corrected and taken back in {took:.0f} s"


def deb(tree, folder):
    package = next(folder.glob("*.deb"))
    tree.add(package)
    tree.apt(f"./{package.name}")
    tree.run("test -s /usr/share/man/man1/errata.1.gz")
    # What bash would offer after "errata ver".
    offered = tree.run("bash -c 'source /usr/share/bash-completion/completions/errata; COMP_WORDS=(errata ver); COMP_CWORD=1; "
                       "COMP_LINE=\"errata ver\"; COMP_POINT=10; COMP_TYPE=9; _errata errata ver errata; echo ${COMPREPLY[@]}'")
    if offered.strip() != "verify":
        raise SystemExit(f"bash completes `errata ver` to {offered!r}")
    own = tree.run("dpkg-query -W -f '${Installed-Size}' errata")
    return "errata", int(own) * 1024


def tarball(tree, folder):
    archive = next(folder.glob("*.tar.xz"))
    subprocess.run(["tar", "-xf", archive, "-C", tree.root / "opt"], check=True)
    place = next((tree.root / "opt").iterdir())
    return f"/opt/{place.name}/bin/errata", size(place)


def wheel(tree, folder):
    """pip lays the command beside its Python; the Python's own packages come from this machine's index."""
    package = next(folder.glob("*.whl"))
    tree.apt("python3-venv")
    version = tree.run("python3 -c 'import sys; print(sys.version_info.major, sys.version_info.minor, sep=\".\")'").strip()
    wheels = tree.root / "work/wheels"
    needed = [line for line in (ROOT / "Python/requirements.txt").read_text().split() if "==" in line]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                    "--only-binary", ":all:", "--python-version", version, "-d", wheels, *needed], check=True)
    tree.add(package)
    tree.run(f"python3 -m venv /opt/python && /opt/python/bin/pip install --quiet --no-index --find-links wheels ./{package.name}")
    tree.run("/opt/python/bin/python -c 'import errata; assert errata.command().endswith(\"/opt/python/bin/errata\")'")
    own = tree.root / "opt/python"
    files = [own / "bin/errata", *(own / "lib/errata").iterdir(), *(own / "share").rglob("*")]
    return "/opt/python/bin/errata", sum(p.stat().st_size for p in files if p.is_file() and "openblas" not in p.name)


def check_tag(folder):
    """The wheel claims a C library that it runs with, by the judgment of auditwheel where that is installed."""
    package = next(folder.glob("*.whl"))
    shown = subprocess.run([sys.executable, "-m", "auditwheel", "show", package], check=False, capture_output=True, text=True)
    if "No module named" in shown.stderr:
        print("auditwheel is not installed: the wheel's tag was not checked")
        return
    words = " ".join(shown.stdout.split())
    tag = package.name.removesuffix(".whl").rsplit("-", 1)[1]
    if f'consistent with the following platform tag: "{tag}"' not in words:
        raise SystemExit(f"auditwheel does not agree with {tag}:\n{shown.stdout}{shown.stderr}")
    print(f"auditwheel agrees with {tag}")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    if os.geteuid() != 0:
        skip("trees are made and entered by root")
    for tool in ("mmdebstrap", "chroot", "mount"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    check_tag(folder)
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="errata-packages-"))
        count = 0
        for suite, name in SUITES.items():
            tar = bare(suite, scratch)
            for install in (deb, tarball, wheel):
                with Tree(tar, f"{scratch}/{suite}-{install.__name__}") as tree:
                    began = time.perf_counter()
                    errata, installed = install(tree, folder)
                    took = time.perf_counter() - began
                    if installed > UNPACKED_LIMIT:
                        raise SystemExit(f"{install.__name__}: {installed / 1e6:.1f} MB without OpenBLAS")
                    start = use(tree, errata)
                    tried = try_model(tree, errata, sys.argv[2]) if len(sys.argv) == 3 else ""
                count += 1
                print(f"{name}, {install.__name__}: installed in {took:.1f} s, {installed / 1e6:.1f} MB without OpenBLAS, "
                      f"starts in {start * 1e3:.1f} ms, does what the README shows{tried}", flush=True)
            tar.unlink()
    print(f"{count} passed, 0 failed")


if __name__ == "__main__":
    main()
