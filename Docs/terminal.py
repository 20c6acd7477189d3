"""The README's first session as a picture of a terminal, from a real run.

    python3 Docs/terminal.py ERRATA OUT.svg"""
import html, os, pathlib, sys, tempfile
import sessions

WIDTH, LINE, LONGEST = 980, 19, 118
STYLE = """text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #d7dde4; white-space: pre; }
.prompt { fill: #7ab3f5; } .typed { fill: #ffffff; font-weight: 600; } .new { fill: #7fd6a3; font-weight: 600; }"""


def lines(text):
    """Shell lines, as long as the picture is wide, each with what kind it is."""
    for line in text.split("\n"):
        kind = "typed" if line.startswith("$ ") else "printed"
        while len(line) > LONGEST:
            cut = line.rfind(" ", 0, LONGEST - 2)
            yield kind, line[:cut] + (" \\" if kind == "typed" else "")
            line = "    " + line[cut + 1:]
        yield kind, line


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    readme = (sessions.ROOT / "README.md").read_text()
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder, "page.md")
        page.write_text(sessions.BLOCK.search(readme)[0])
        _, recorded = sessions.run(page, os.path.abspath(sys.argv[1]), True)
    rows = list(lines(sessions.BLOCK.search(recorded)[1].rstrip("\n")))
    height = 56 + LINE * len(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
           "<title>A fact is edited, asked for and applied in a terminal</title>", f"<style>{STYLE}</style>",
           f'<rect width="{WIDTH}" height="{height}" rx="9" fill="#161b22"/>']
    out += [f'<circle cx="{22 + 20 * i}" cy="20" r="6" fill="{color}"/>' for i, color in
            enumerate(("#ff5f57", "#febc2e", "#28c840"))]
    for number, (kind, line) in enumerate(rows):
        y, text = 52 + LINE * number, html.escape(line, quote=False)
        if kind == "typed":
            text = f'<tspan class="prompt">$</tspan><tspan class="typed">{text[1:]}</tspan>' if line[0] == "$" else \
                f'<tspan class="typed">{text}</tspan>'
        else:
            text = text.replace("Pellsund", '<tspan class="new">Pellsund</tspan>')
        out.append(f'<text x="18" y="{y}" xml:space="preserve">{text}</text>')
    pathlib.Path(sys.argv[2]).write_text("\n".join([*out, "</svg>", ""]))


if __name__ == "__main__":
    main()
