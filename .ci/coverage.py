"""Prints which share of the lines of each module the tests ran, from llvm-cov's JSON.   coverage.py CODECOV.json [--lines]

--lines: also each stretch of lines that was never run, by file."""
import json, pathlib, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
report = json.loads(pathlib.Path(sys.argv[1]).read_text())["data"][0]
modules, stretches = {}, []
for file in report["files"]:
    path = pathlib.Path(file["filename"])
    if ROOT / "Sources" not in path.parents:
        continue
    name = path.relative_to(ROOT / "Sources")
    whole = modules.setdefault(name.parts[0], [0, 0])
    lines = file["summary"]["lines"]
    whole[0] += lines["covered"]
    whole[1] += lines["count"]
    start = None
    for line, _, count, has_count, _, _ in (segment[:6] for segment in file["segments"]):
        if has_count and count == 0 and start is None:
            start = line
        elif start is not None and has_count and count > 0:
            stretches.append((str(name), start, line))
            start = None
for module, (covered, count) in sorted(modules.items()):
    print(f"{module:14} {covered:6} of {count:6} lines  {100 * covered / max(count, 1):5.1f} %")
covered, count = (sum(numbers) for numbers in zip(*modules.values()))
print(f"{'all':14} {covered:6} of {count:6} lines  {100 * covered / max(count, 1):5.1f} %")
if "--lines" in sys.argv:
    for name, first, last in stretches:
        print(f"{name}:{first}-{last}")
