"""The documentation as a static site: pages of Docs, Formats, Design and Benchmarks, and a reference from the code itself.

    python3 Docs/build.py ERRATA FOLDER

Every page reads without a script and without a network, but for the libraries' own in FOLDER/docc, which libraries.py makes before.
A link that leads nowhere, or to an anchor that is not there, fails."""
import ast, html, os, pathlib, re, sys
from markdown_it import MarkdownIt

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, os.fspath(ROOT / "Packaging"))
import manual  # noqa: E402 (beside the packages)

# The menu: titles with pages, as paths in the repository without `.md`; generated ones stand below Docs/reference.
MENU = [
    ("Learn", [f"Docs/tutorial/{name}" for name in
               ("1-first-fact", "2-a-batch", "3-a-sequence", "4-a-quantized-file", "5-review-and-ship", "6-a-memory")]),
    ("Do", [f"Docs/how-to/{name}" for name in
            ("install", "real-model", "python", "fine-tune", "statistics", "measure", "neurons-and-editors", "sign")]),
    ("Look up", ["Docs/reference/commands", "Docs/reference/python", "Docs/reference/libraries", "Formats/README",
                 *(f"Formats/{name}" for name in
                   ("facts", "output", "patch", "memory", "statistics", "keys", "values", "editor", "safetensors", "gguf", "signature", "record"))]),
    ("Understand", ["Docs/explanation/which-method", "Docs/explanation/comparison", "Design/mathematics", "Design/contract", "Design/networks", "Design/trust",
                    "Design/README", "Benchmarks/README"]),
]
STYLE = (ROOT / "Docs/site.css").read_text()
# What DocC made of the libraries, in the site.
SYMBOLS = "docc/documentation/index.html"


def sources():
    """All pages by their path in the repository: Markdown, with what is generated."""
    folders = ("Docs", "Formats", "Design", "Benchmarks")
    found = {path.relative_to(ROOT).as_posix().removesuffix(".md"): path.read_text()
             for folder in folders for path in sorted((ROOT / folder).rglob("*.md"))}
    found["CHANGELOG"], found["CONTRIBUTING"] = (ROOT / f"{n}.md" for n in ("CHANGELOG", "CONTRIBUTING"))
    found = {name: text if type(text) is str else text.read_text() for name, text in found.items()}
    return found


def escaped(text):
    """Text that Markdown takes as text."""
    return re.sub(r"([\\*_{}\[\]<>|#])", r"\\\1", text)


def commands(errata):
    """The reference of the command, from its own declarations."""
    root, parts = manual.declarations(errata), ["# The commands\n"]
    for command in root.all():
        parts.append(f"## {command.name}\n\n{escaped(command.abstract)}\n\n```\n{manual.synopsis(command)}\n```\n")
        for is_example, text in manual.paragraphs(command.discussion):
            parts.append(f"```\n{text}\n```\n" if is_example else escaped(text) + "\n")
        for title, arguments in command.sections():
            rows = [f"| `{manual.spelling(a)}` | {escaped(manual.about(a))} |" for a in arguments]
            parts.append("\n".join([f"| {title} | |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def libraries(has_symbols):
    """The libraries' documentation catalogs."""
    parts = ["# The libraries\n", "A Swift program imports one of three products; the code here is compiled and run by the tests.\n"]
    if has_symbols:
        parts.append(f"[Every public symbol](../../{SYMBOLS}), by DocC; a script draws these pages, so they want a web server, as\n"
                     "`python3 -m http.server -d .build-docs` is one.\n")
    for path in sorted((ROOT / "Sources").glob("Errata*/*.docc/*.md")):
        text = re.sub(r"^# ``(\w+)``", r"## \1", path.read_text(), flags=re.M)
        text = re.sub(r"^## Overview\n+", "", text, flags=re.M)
        parts.append(re.sub(r"``(?:/\w+/)?(\w+)``", r"`\1`", text))
    return "\n".join(parts)


def python():
    """The Python package, from its own text: what it exports, with signature and docstring."""
    package = ROOT / "Python/errata"
    trees = [ast.parse(path.read_text()) for path in sorted(package.glob("*.py"))]
    exported = next(ast.literal_eval(node.value) for tree in trees for node in tree.body
                    if isinstance(node, ast.Assign) and node.targets[0].id == "__all__" and "load" in ast.unparse(node))
    definitions = {node.name: node for path in sorted(package.rglob("*.py")) for node in ast.parse(path.read_text()).body
                   if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    parts = ["# The Python package\n", "How it is used: [Use it from Python](../how-to/python.md).\n"]

    def about(name, node, level):
        if isinstance(node, ast.FunctionDef):
            signature = f"{name}({ast.unparse(node.args)})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")
            parts.append(f"{level} {name}\n\n```python\n{signature}\n```\n")
        else:
            parts.append(f"{level} {name}\n")
        text = ast.get_docstring(node) or ""
        parts.append("\n".join(re.sub(r"^(\w+):", r"- `\1`:", line) for line in text.split("\n")) + "\n")
    for name in exported:
        node = definitions[name]
        about(f"errata.{name}", node, "##")
        for below in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(below, ast.FunctionDef) and not below.name.startswith("_"):
                about(below.name, below, "###")
    return "\n".join(parts)


def slug(text):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")


def title_of(text):
    return re.sub(r"[`*]", "", re.search(r"^# (.*)", text, re.M)[1])


class Site:
    def __init__(self, pages):
        self.pages = pages
        self.markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def page(self, name):
        """The HTML of a page."""
        tokens = self.markdown.parse(self.pages[name])
        seen = {}
        for index, token in enumerate(tokens):
            if token.type == "heading_open":
                anchor = slug(re.sub(r"[`*]", "", tokens[index + 1].content))
                seen[anchor] = seen.get(anchor, -1) + 1
                token.attrSet("id", anchor if seen[anchor] == 0 else f"{anchor}-{seen[anchor]}")
            for child in token.children or []:
                if child.type == "link_open":
                    child.attrSet("href", self.target(name, child.attrGet("href")))
        body = self.markdown.renderer.render(tokens, self.markdown.options, {})
        # What is no page of the site is named, not linked; wide tables scroll for themselves.
        body = re.sub(r'<a href="">(.*?)</a>', r"\1", body, flags=re.S)
        body = body.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
        up = "../" * self.file(name).count("/")
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(title_of(self.pages[name]))} · Errata</title>
<link rel="stylesheet" href="{up}site.css">
</head>
<body>
<nav id="menu"><p class="home"><a href="{up}index.html">Errata</a></p>{self.menu(name)}</nav>
<main><p class="top"><a href="{up}index.html">Errata</a> <a href="#menu">Pages</a></p>{body}</main>
</body>
</html>
"""

    def target(self, name, link):
        """Where a link of a page leads in the site; empty where it leaves it for a file of the repository."""
        if re.match(r"[a-z]+:", link) or link.startswith("#"):
            return link
        path, _, anchor = link.partition("#")
        place = os.path.normpath(os.path.join(os.path.dirname(name), path))
        if place == SYMBOLS:
            return os.path.relpath(place, os.path.dirname(self.file(name)))
        for candidate in (place.removesuffix(".md"), f"{place}/README"):
            if candidate in self.pages:
                relative = os.path.relpath(self.file(candidate), os.path.dirname(self.file(name)) or ".")
                return relative + (f"#{anchor}" if anchor else "")
        if not (ROOT / place).exists():
            raise SystemExit(f"{name}: the link {link} leads nowhere")
        return ""

    def file(self, name):
        return "index.html" if name == "Docs/index" else f"{name}.html"

    def menu(self, name):
        parts = []
        for title, names in MENU:
            links = [f'<li><a{" class=here" if other == name else ""} href="{self.target(name, self.relative(name, other))}">'
                     f"{html.escape(title_of(self.pages[other]))}</a></li>" for other in names]
            parts.append(f"<h2>{title}</h2><ul>{''.join(links)}</ul>")
        return "".join(parts)

    @staticmethod
    def relative(name, other):
        return os.path.relpath(other, os.path.dirname(name) or ".") + ".md"

    def write(self, folder):
        for name in self.pages:
            path = folder / self.file(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.page(name))
        (folder / "site.css").write_text(STYLE)


def check(folder):
    """Every link of the site leads to a file, and to an anchor in it."""
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.html")
             if folder / "docc" not in path.parents}
    anchors = {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in texts.items()}
    count, broken = 0, []
    for name, text in texts.items():
        for link in map(html.unescape, re.findall(r'href="([^"]*)"', text)):
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            path, _, anchor = link.partition("#")
            place = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if not (folder / place).is_file() or anchor and anchor not in anchors.get(place, ()):
                broken.append(f"{name}: {link}")
    if broken:
        raise SystemExit("links that lead nowhere:\n" + "\n".join(sorted(set(broken))))
    return count


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    _, errata, folder = sys.argv
    folder = pathlib.Path(folder)
    pages = sources()
    pages |= {"Docs/reference/commands": commands(os.path.abspath(errata)), "Docs/reference/libraries": libraries((folder / SYMBOLS).is_file()),
              "Docs/reference/python": python()}
    Site(pages).write(folder)
    print(f"{len(pages)} pages and {check(folder)} links in {folder}; begin at {folder / 'index.html'}")


if __name__ == "__main__":
    main()
