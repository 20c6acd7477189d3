"""What is installed, and where: the command, its manual, its completions, and its papers."""
import os, pathlib, re, shutil, subprocess
import manual

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAPERS = ["README.md", "CHANGELOG.md", "LICENSE"]
COMPLETIONS = {"bash": "bash-completion/completions/errata", "fish": "fish/vendor_completions.d/errata.fish",
               "zsh": "zsh/site-functions/_errata"}
# Where the command looks for libraries that came with it, before the system's; its run path says the same (Makefile).
LIBRARIES = "lib/errata"
# Sums over all that was compiled, names of folders in the debugging information too: they tell two places of building apart.
PLACED = [".note.gnu.build-id", ".swift_modhash"]
# Of the C library there is one in a process, and it is the system's.
SYSTEM = re.compile(r"(linux-vdso|ld-linux.*|libc|libm|libdl|libpthread|librt|libresolv)\.so.*")


def output(*words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


def version(errata):
    return output(errata, "--version").strip()


def make(errata, folder, time):
    """A folder with bin and share, as every package installs them."""
    folder = pathlib.Path(folder)
    program = folder / "bin" / "errata"
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", *(f"--remove-section={name}" for name in PLACED), "-o", program, errata], check=True)
    program.chmod(0o755)
    share = folder / "share"
    for name, text in manual.man_pages(errata, version(errata), time).items():
        write(share / "man/man1" / name, text)
    for shell, place in COMPLETIONS.items():
        write(share / place, output(errata, "--generate-completion-script", shell))
    for name in PAPERS:
        write(share / "doc/errata" / name, (ROOT / name).read_text())


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def needed(path):
    """Libraries that a program or library loads at its start, by name, with the file that is loaded."""
    pairs = re.findall(r"^\s*(\S+) => (/\S+)", output("ldd", path), re.M)
    return {name: file for name, file in pairs if not SYSTEM.fullmatch(name)}


def open_blas():
    """The system's OpenBLAS, which the command loads by name and so is in no list."""
    found = re.search(r"libopenblas\.so\.0 .*=> (/\S+)", output("/sbin/ldconfig", "-p"))
    if not found:
        raise SystemExit("libopenblas.so.0 is not on this machine; `make libraries` installs it")
    return found[1]


def bundle(folder):
    """Adds every library that the command loads, each told to look for its own beside itself, and their licenses."""
    folder = pathlib.Path(folder)
    place = folder / LIBRARIES
    place.mkdir(parents=True)
    blas = open_blas()
    libraries = needed(folder / "bin/errata") | needed(blas) | {"libopenblas.so.0": blas}
    for name, file in sorted(libraries.items()):
        shutil.copyfile(os.path.realpath(file), place / name)
        subprocess.run(["strip", "--strip-unneeded", place / name], check=True)
        subprocess.run(["patchelf", "--set-rpath", "$ORIGIN", place / name], check=True)
        (place / name).chmod(0o755)
        package = owner(file)
        terms = pathlib.Path("/usr/share/doc", package.split(":")[0], "copyright")
        write(folder / "share/doc/errata/libraries" / package.split(":")[0], terms.read_text())


def owner(file):
    """The Debian package that a file is of; by its real place, or by the one before /usr was joined to /."""
    real = os.path.realpath(file)
    for path in (file, real, real.removeprefix("/usr"), "/usr" + real):
        found = subprocess.run(["dpkg", "-S", path], check=False, capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout.split(": ")[0].split(",")[0]
    raise SystemExit(f"no package is known to have brought {file}, so its license cannot be passed on")
