#!/usr/bin/env python3
"""Print the file table of ../README.md: every product with its size and the first 16 digits of its SHA-256."""
import argparse
import hashlib
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", default=["models", "world", "reference"])
    options = parser.parse_args()
    root, total = Path(__file__).resolve().parent.parent, 0
    print("| file | bytes | SHA-256 |\n|---|---:|---|")
    for file in sorted(f for folder in options.folders for f in (root / folder).rglob("*") if f.is_file()):
        data = file.read_bytes()
        total += len(data)
        print(f"| {file.relative_to(root)} | {len(data)} | `{hashlib.sha256(data).hexdigest()[:16]}` |")
    print(f"| all | {total} | |")


if __name__ == "__main__":
    main()
