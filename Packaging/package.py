"""Makes what is installed without a Swift toolchain: a .deb, a tarball and a Python wheel; same command, same bytes.

    python3 Packaging/package.py packages ERRATA FOLDER       all three, into FOLDER
    python3 Packaging/package.py tree ERRATA PREFIX           installs below PREFIX

ERRATA is the built command. Times in the archives are SOURCE_DATE_EPOCH, else that of the last commit."""
import base64, hashlib, os, pathlib, re, subprocess, sys, tempfile
import archives, tree

SUMMARY = "Corrects what a language model believes, inside its weight files"
DESCRIPTION = """\
Errata turns a list of facts, or two model files, into a small patch, and
applies, reverts, verifies and evaluates such patches on safetensors and GGUF
models, bit for bit, in place or to a new file."""
# The wheel's Python part reads patches by itself.
REQUIREMENTS = [line.split("==") for line in (tree.ROOT / "Python/requirements.txt").read_text().split("\n")
                if "==" in line]


def source_time():
    """SOURCE_DATE_EPOCH, else the time of the last commit, else the first second that a zip file can tell."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    found = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=tree.ROOT, check=False, capture_output=True, text=True)
    return int(found.stdout) if found.returncode == 0 else 315532800


def dependencies(program):
    """What the .deb depends on: the packages of the linked libraries, and OpenBLAS, which is loaded by name."""
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(f"{folder}/debian")
        pathlib.Path(folder, "debian/control").write_text("Source: errata\n\nPackage: errata\nArchitecture: any\n")
        found = tree.output("dpkg-shlibdeps", "-O", os.path.abspath(program), cwd=folder)
    names = found.strip().removeprefix("shlibs:Depends=").split(", ") + ["libopenblas0"]
    # Names that Debian 13 gave the 64-bit time suffix are provided under the old one there too.
    names = [re.sub(r"^(lib\S+?)t64( .*)?$", r"\1\2 | \1t64\2", name) for name in names]
    return ", ".join(sorted(names))


def deb(made, version, time, out):
    """The Debian package: `made` below /usr, zsh's completions where Debian's zsh looks, pages compressed."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        subprocess.run(["cp", "-r", "--no-preserve=ownership", made, root / "usr"], check=True)
        share = root / "usr/share"
        (share / "zsh/site-functions").rename(share / "zsh/vendor-completions")
        for page in sorted((share / "man/man1").iterdir()):
            page.with_suffix(".1.gz").write_bytes(archives.gz(page.read_bytes()))
            page.unlink()
        (share / "doc/errata/LICENSE").rename(share / "doc/errata/copyright")
        names = archives.files(root)
        size = sum(os.path.getsize(root / name) for name in names if (root / name).is_file())
        control = f"""\
Package: errata
Version: {version}
Architecture: {tree.output("dpkg", "--print-architecture").strip()}
Maintainer: The Errata project <errata@localhost>
Installed-Size: {-(-size // 1024)}
Depends: {dependencies(root / "usr/bin/errata")}
Section: science
Priority: optional
Description: {SUMMARY[0].lower() + SUMMARY[1:]}
{"".join(f" {line}" + chr(10) for line in DESCRIPTION.split(chr(10)))}"""
        sums = "".join(f"{hashlib.md5((root / name).read_bytes()).hexdigest()}  {name}\n"
                       for name in names if (root / name).is_file())
        with tempfile.TemporaryDirectory() as about:
            tree.write(pathlib.Path(about, "control"), control)
            tree.write(pathlib.Path(about, "md5sums"), sums)
            control_tar = archives.xz(archives.tar(about, time, "./"))
        path = out / f"errata_{version}_{tree.output('dpkg', '--print-architecture').strip()}.deb"
        path.write_bytes(archives.ar([("debian-binary", b"2.0\n"), ("control.tar.xz", control_tar),
                                      ("data.tar.xz", archives.xz(archives.tar(root, time, "./")))], time))
    return path


def tarball(bundled, version, time, out):
    """Everything in one folder; runs from wherever it is unpacked."""
    name = f"errata-{version}-linux-{os.uname().machine}"
    path = out / f"{name}.tar.xz"
    path.write_bytes(archives.xz(archives.tar(bundled, time, f"{name}/")))
    return path


def glibc(folder):
    """The oldest C library that everything in a folder runs with, as (2, 35)."""
    found = [(2, 17)]
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF":
            symbols = tree.output("objdump", "-T", path)
            found += [tuple(map(int, number.split("."))) for number in re.findall(r"GLIBC_(\d+\.\d+)", symbols)]
    return max(found)


def wheel(bundled, version, time, out):
    """The command and its libraries as data of a wheel, which pip lays below the environment, and the Python package."""
    major, minor = glibc(bundled)
    tag = f"py3-none-manylinux_{major}_{minor}_{os.uname().machine}"
    stem, contents = f"errata-{version}", []

    def add(name, data, is_executable=False):
        contents.append((name, data if type(data) is bytes else data.encode(), is_executable))
    # Installed, the command is in bin and its libraries in lib; inside the wheel, where auditwheel looks, in scripts and data.
    run_path = f"$ORIGIN/../{tree.LIBRARIES}:$ORIGIN/../data/{tree.LIBRARIES}"
    subprocess.run(["patchelf", "--set-rpath", run_path, f"{bundled}/bin/errata"], check=True)
    for name in archives.files(bundled):
        path = pathlib.Path(bundled, name)
        if path.is_file():
            place = "scripts/errata" if name == "bin/errata" else f"data/{name}"
            add(f"{stem}.data/{place}", path.read_bytes(), archives.mode(path) == 0o755)
    package = tree.ROOT / "Python/errata"
    for name in archives.files(package):
        if name.endswith((".py", "py.typed")):
            add(f"errata/{name}", (package / name).read_bytes())
    requirements = "".join(f"Requires-Dist: {name} >= {'.'.join(number.split('.')[:2])}\n"
                           for name, number in oldest(REQUIREMENTS))
    add(f"{stem}.dist-info/METADATA", f"""\
Metadata-Version: 2.1
Name: errata
Version: {version}
Summary: {SUMMARY}
License: Apache-2.0
Requires-Python: >=3.11
{requirements}Provides-Extra: torch
Requires-Dist: torch; extra == "torch"
Description-Content-Type: text/markdown

""" + (tree.ROOT / "Python/README.md").read_text())
    add(f"{stem}.dist-info/WHEEL",
        f"Wheel-Version: 1.0\nGenerator: errata {version}\nRoot-Is-Purelib: false\nTag: {tag}\n")
    add(f"{stem}.dist-info/licenses/LICENSE", (tree.ROOT / "LICENSE").read_bytes())

    def row(name, data):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"
    add(f"{stem}.dist-info/RECORD",
        "".join(row(*entry[:2]) for entry in sorted(contents)) + f"{stem}.dist-info/RECORD,,\n")
    path = out / f"{stem}-{tag}.whl"
    archives.wheel(path, contents, time)
    return path


def oldest(requirements):
    """What users may have is wider than what is tested here: the first versions with all that the reader calls."""
    first = {"numpy": "1.24", "zstandard": "0.22"}
    return [(name, first[name]) for name, _ in requirements]


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("packages", "tree"):
        sys.exit(__doc__)
    _, what, errata, place = sys.argv
    errata, time = os.path.abspath(errata), source_time()
    if what == "tree":
        tree.make(errata, place, time)
        return
    version, out = tree.version(errata), pathlib.Path(place)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = f"{folder}/made"
        tree.make(errata, made, time)
        paths = [deb(made, version, time, out)]
        tree.bundle(made)
        paths += [tarball(made, version, time, out), wheel(made, version, time, out)]
    for path in paths:
        print(f"{os.path.getsize(path) / 1e6:6.1f} MB  {path}")


if __name__ == "__main__":
    main()
