"""Prints which share of the lines of each module the tests ran.   coverage.py BUILD PROFILES [--files N] [--lines PATTERN]

BUILD: the folder with the tests' program and the command. PROFILES: what these wrote as they ended; broken ones are passed over.
--files: also the files with the most lines that were never run. --lines: each stretch of such lines in files whose name has the pattern."""
import argparse, json, pathlib, shutil, subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def stretches(file):
    """First and last line of each stretch that was never run."""
    found, start = [], None
    for line, _, count, has_count in (segment[:4] for segment in file["segments"]):
        if has_count and count == 0 and start is None:
            start = line
        elif start is not None and has_count and count > 0:
            found.append((start, line))
            start = None
    return found


def row(name, covered, count):
    print(f"{name:14} {covered:6} of {count:6} lines  {100 * covered / max(count, 1):5.1f} %")


def report(build, profiles):
    """What llvm-cov says, by the tools that stand beside swift."""
    tools = pathlib.Path(shutil.which("swift")).resolve().parent
    names = profiles / "names"
    names.write_text("".join(f"{path}\n" for path in sorted(profiles.glob("*.profraw")) if path.stat().st_size))
    merged = profiles / "all.profdata"
    subprocess.run([tools / "llvm-profdata", "merge", "-sparse", "--failure-mode=all", "-f", names, "-o", merged],
                   check=True, stderr=subprocess.DEVNULL)
    found = subprocess.run([tools / "llvm-cov", "export", f"-instr-profile={merged}", build / "errataPackageTests.xctest", "-object", build / "errata"],
                           check=True, capture_output=True)
    return json.loads(found.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("profiles", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--lines")
    options = parser.parse_args()
    files = {}
    for file in report(options.build, options.profiles)["data"][0]["files"]:
        path = pathlib.Path(file["filename"])
        if ROOT / "Sources" in path.parents:
            files[path.relative_to(ROOT / "Sources")] = file
    lines = {name: (file["summary"]["lines"]["covered"], file["summary"]["lines"]["count"]) for name, file in files.items()}
    modules = {}
    for name, (covered, count) in lines.items():
        before = modules.get(name.parts[0], (0, 0))
        modules[name.parts[0]] = before[0] + covered, before[1] + count
    for module, numbers in sorted(modules.items()):
        row(module, *numbers)
    row("all", *(sum(numbers) for numbers in zip(*modules.values())))
    most = sorted(files, key=lambda name: lines[name][0] - lines[name][1])[:options.files]
    for name in most:
        covered, count = lines[name]
        print(f"{count - covered:6} of {count:5} never run  {name}")
    for name in sorted(files) if options.lines is not None else []:
        if options.lines in str(name):
            for first, last in stretches(files[name]):
                print(f"{name}:{first}-{last}")


if __name__ == "__main__":
    main()
