"""The libraries' documentation as DocC makes it: every public symbol with its comment, and the catalogs.

    python3 Docs/libraries.py BUILD FOLDER      BUILD: where `swift build` put the modules (its --show-bin-path)

FOLDER becomes a static site that any web server shows, at whatever address; DocC's pages are drawn by a script, so a file that is
opened by itself stays empty. A link of a catalog that leads nowhere fails."""
import os, pathlib, re, shutil, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Each product, with the modules that it passes on as its own.
PRODUCTS = {"ErrataModels": ["LinearAlgebra", "ModelFiles", "Transformer"], "ErrataPatches": ["Floor", "Patches", "ModelFiles"],
            "ErrataEditing": ["Editing", "Evaluation"]}
BASE = "docc-base"


def run(*words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{words[0]}: {done.stdout}{done.stderr}")
    return done.stderr


def tool(name):
    """A tool of the toolchain that `swift` is of."""
    return shutil.which(name, path=os.path.dirname(os.path.realpath(shutil.which("swift") or "")) or None)


def symbols(product, build, folder):
    """Writes the graph of what a program sees that imports the product."""
    maps = [*(ROOT / "Sources").glob("C*/module.modulemap"), *(ROOT / "Sources").glob("C*/include/module.modulemap"),
            *build.glob("*.build/module.modulemap")]
    # Kernels and COpenBLAS have headers only; theirs are made by the build.
    target = re.search(r'"triple": "([^"]+)"', subprocess.run(
        ["swift", "-print-target-info"], check=True, capture_output=True, text=True).stdout)[1]
    run(tool("swift-symbolgraph-extract"), "-module-name", product, "-I", build / "Modules", "-target", target,
        "-minimum-access-level", "public", "-skip-synthesized-members", "-output-dir", folder,
        "-experimental-allowed-reexported-modules=" + ",".join(PRODUCTS[product]),
        *(word for path in maps for word in ("-Xcc", f"-fmodule-map-file={path}")))


def archive(product, graph, folder):
    """A product's pages."""
    said = run(tool("docc"), "convert", ROOT / f"Sources/{product}/{product}.docc", "--additional-symbol-graph-dir", graph,
               "--output-dir", folder, "--fallback-display-name", product, "--fallback-bundle-identifier", product,
               "--transform-for-static-hosting", "--hosting-base-path", BASE)
    if "warning:" in said:
        raise SystemExit(f"{product}: {said}")


def place_anywhere(folder):
    """Makes pages find their parts from where they are, not from the address of the site."""
    count = 0
    for path in folder.rglob("index.html"):
        up = "../" * len(path.relative_to(folder).parts[:-1]) or "./"
        text = path.read_text().replace(f'var baseUrl = "/{BASE}/"', f'var baseUrl = new URL("{up}", document.baseURI).pathname')
        text = text.replace(f'"/{BASE}/', f'"{up}')
        if BASE in text:
            raise SystemExit(f"{path}: an address is left that leads out of the site")
        path.write_text(text)
        count += 1
    return count


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    build, folder = map(pathlib.Path, sys.argv[1:])
    if not tool("docc"):
        print("the libraries' pages by DocC were left out: this Swift has no docc")
        return
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        archives = []
        for product in PRODUCTS:
            graph = scratch / product
            graph.mkdir()
            symbols(product, build, graph)
            archives.append(scratch / f"{product}.doccarchive")
            archive(product, graph, archives[-1])
        merged = scratch / "all.doccarchive"
        run(tool("docc"), "merge", *archives, "--synthesized-landing-page-name", "Errata", "-o", merged)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(merged, folder)
    print(f"{place_anywhere(folder)} pages by DocC in {folder}")


if __name__ == "__main__":
    main()
