"""Man pages from the command's own declarations (`errata --experimental-dump-help`), one a command."""
import datetime, json, re, subprocess


class Command:
    """One command with what is declared of it."""
    def __init__(self, declared, path=()):
        self.path = (*path, declared["commandName"])
        self.abstract = declared.get("abstract", "")
        self.discussion = declared.get("discussion", "")
        self.arguments = [a for a in declared.get("arguments", []) if a.get("shouldDisplay", True)]
        self.default = declared.get("defaultSubcommand")
        self.commands = [Command(c, self.path) for c in declared.get("subcommands", [])
                         if c.get("shouldDisplay", True) and c["commandName"] != "help"]

    @property
    def name(self):
        return " ".join(self.path)

    @property
    def page(self):
        """`errata-stats-merge`, as git names its pages."""
        return "-".join(self.path)

    def all(self):
        """This command and those below it, in their order."""
        return [self] + [below for c in self.commands for below in c.all()]

    def sections(self):
        """Arguments under their titles: positional ones first, those without a title last."""
        groups = {}
        for argument in self.arguments:
            positional = argument["kind"] == "positional"
            groups.setdefault("Arguments" if positional else argument.get("sectionTitle", ""), []).append(argument)
        order = ["Arguments", *(title for title in groups if title not in ("Arguments", "")), ""]
        return [(title or "Options", groups[title]) for title in order if title in groups]


def declarations(errata):
    """The whole command, as the program at this path declares itself."""
    dump = subprocess.run([errata, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    return Command(json.loads(dump)["command"])


def spelling(argument):
    """`-o, --output <output>`; `<model>`."""
    value = f"<{argument['valueName']}>"
    if argument["kind"] == "positional":
        return value + (" ..." if argument.get("isRepeating") else "")
    names = sorted(argument["names"], key=lambda n: n["kind"] == "long")
    text = ", ".join(("--" if n["kind"] == "long" else "-") + n["name"] for n in names)
    return text if argument["kind"] == "flag" else f"{text} {value}"


def synopsis(command):
    """The usage line: what must be given, and that there are options."""
    if command.commands and not any(a["kind"] == "positional" for a in command.arguments):
        return f"{command.name} <subcommand>"
    positional = [spelling(a) if not a["isOptional"] else f"[{spelling(a)}]"
                  for a in command.arguments if a["kind"] == "positional"]
    needed = [spelling(a).split(", ")[-1] for a in command.arguments
              if a["kind"] == "option" and not a["isOptional"]]
    return " ".join([command.name, *positional, *needed, "[<options>]"])


def about(argument):
    """Help of an argument, with its default and values where the text does not say them."""
    text = argument.get("abstract", "")
    default, values = argument.get("defaultValue"), argument.get("allValues")
    if default and "default:" not in text and argument["kind"] != "flag":
        text += f" Default: {default}."
    return text + (f" Values: {', '.join(values)}." if values else "")


def paragraphs(discussion):
    """The discussion's parts as (is example, text): lines that are set in stand for themselves."""
    parts = []
    for block in discussion.split("\n\n"):
        text, shown = [], []
        for line in block.split("\n"):
            (shown if line.startswith("  ") else text).append(line.strip())
        parts += [(False, " ".join(text))] if text else []
        parts += [(True, "\n".join(shown))] if shown else []
    return parts


def roff(text):
    """Text that troff takes as text."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def man_page(command, root, version, time):
    """The page as man(7) source."""
    date = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime("%Y-%m-%d")
    out = [f'.TH "{command.page.upper()}" 1 "{date}" "errata {version}" "Errata"', ".SH NAME",
           f"{roff(command.page)} \\- {roff(command.abstract[:1].lower() + command.abstract[1:].rstrip('.'))}",
           ".SH SYNOPSIS", f".B {roff(synopsis(command))}"]
    if command.discussion:
        out.append(".SH DESCRIPTION")
        for number, (is_example, text) in enumerate(paragraphs(command.discussion)):
            out += [".PP"] * (number > 0)
            out += [".nf", ".RS 4", roff(text), ".RE", ".fi"] if is_example else [roff(text)]
    for title, arguments in command.sections():
        out.append(f".SH {title.upper()}")
        for argument in arguments:
            out += [".TP", f".B {roff(spelling(argument))}", roff(about(argument))]
    if command.commands:
        out.append(".SH COMMANDS")
        for below in command.commands:
            is_default = " (what is done without a subcommand)" if below.path[-1] == command.default else ""
            out += [".TP", f".BR {roff(below.page)} (1)", roff(below.abstract + is_default)]
    out += [".SH EXIT STATUS", "0 done or yes, 1 failed and nothing changed, 2 the answer is no, 64 wrong usage.",
            ".SH SEE ALSO"]
    out.append(",\n".join(f".BR {roff(c.page)} (1)" for c in root.all() if c.page != command.page))
    return "\n".join(out) + "\n"


def man_pages(errata, version, time):
    """All pages, by file name."""
    root = declarations(errata)
    return {f"{command.page}.1": man_page(command, root, version, time) for command in root.all()}
