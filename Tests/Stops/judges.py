"""What may be left after a stop, by what the command does: a change in place, a new output, a recovery."""
import hashlib, pathlib


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def tree(folder):
    """Every file below, by name."""
    folder = pathlib.Path(folder)
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def is_temporary(name):
    return any(part.startswith(".") and ".errata-" in part for part in pathlib.PurePath(name).parts)


def is_journal(name):
    return name.endswith(".errata-journal") and not is_temporary(name)


class Left:
    """What a stopped run left."""

    def __init__(self, bench, case, home, goal):
        self.bench, self.case, self.home, self.goal = bench, case, home, goal
        self.files = tree(bench.work)
        self.journal, self.temporary = any(map(is_journal, self.files)), any(map(is_temporary, self.files))
        self.state = self.named({name: value for name, value in self.files.items() if not is_temporary(name) and not is_journal(name)})
        self.target = bench.work / case.model

    def named(self, files):
        return "before" if files == self.home else "after" if files == self.goal else "neither"

    def now(self):
        return self.named(tree(self.bench.work))


def in_place(left, is_error, result, draw):
    """A run that changes a model where it stands. Yields what is wrong."""
    status, _, errors = result
    bench, target = left.bench, left.target
    if is_error and status == 0 and left.state != "after":
        yield "success, and not the result"
    if is_error and status != 0 and (status != 1 or errors.count("Error:") != 1):
        yield f"not one clear error: {status}"
    if is_error and status == 1 and "Nothing was changed" in errors and left.state != "before":
        yield "it says that nothing was changed"
    if left.state == "neither" and not left.journal:
        yield "neither before nor after, and no journal"
    if left.temporary or left.journal:
        said = "".join(bench.run(["show", target])[1:])
        if left.temporary and "temporary file" not in said or left.journal and ".errata-journal" not in said and left.state == "neither":
            yield f"what was left is not named: {said[-300:]}"
        if tree(bench.work) != left.files:
            yield "show wrote"
    then = draw.choice(["recover", "recover", "roll back", "again"])
    if then == "again":
        bench.run(left.case.command)
        wanted = "after"
    else:
        status, _, said = bench.run(["recover", target] + (["--roll-back"] if then == "roll back" else []))
        if status != 0:
            yield f"{then}: {said}"
        wanted = {left.state} if not left.journal else {"before" if then == "roll back" else "after"}
        # A journal that is closed, or that was not begun, leads nowhere.
        if left.journal and left.state != "neither":
            wanted.add(left.state)
    bench.run(["recover", target])
    if left.now() not in wanted:
        yield f"{then}: {left.now()} instead of {wanted}: {sorted(set(tree(bench.work)) ^ set(left.home))}"


def new_output(left, is_error, result, draw):
    """A run that makes a new file or folder. Yields what is wrong."""
    status, _, errors = result
    bench = left.bench
    if left.state == "neither":
        yield f"the output is not whole: {sorted(set(left.files) ^ set(left.home))}"
    if is_error and status == 0 and left.state != "after":
        yield "success, and not the result"
    if is_error and status != 0 and (status != 1 or errors.count("Error:") != 1):
        yield f"not one clear error: {status}"
    if is_error and left.temporary and "temporary" not in errors:
        yield "a temporary file stays, and nobody says so"
    if left.state == "before" and draw.random() < 0.5:
        bench.must(*left.case.command)
        bench.run(["recover", left.target])
        if left.now() != "after":
            yield f"the same command again does not lead there: {sorted(set(tree(bench.work)) ^ set(left.goal))}"
        return
    status, _, said = bench.run(["recover", left.target])
    if status != 0 and (left.temporary or left.state == "after"):
        yield f"recover: {said}"
    if left.now() != left.state:
        yield f"recover leaves {sorted(set(tree(bench.work)) ^ set(left.home))}"


def recovery(left, is_error, result, draw):
    """A recovery that is stopped itself: the next one leads to the same end. Yields what is wrong."""
    status, _, errors = result
    if is_error and status not in (0, 1) or status == 1 and errors.count("Error:") != 1:
        yield f"not one clear error: {status}"
    status, _, said = left.bench.run(left.case.command)
    if status != 0:
        yield f"the next one: {said}"
    if left.now() != "after":
        yield f"{left.now()}: {sorted(set(tree(left.bench.work)) ^ set(left.goal))}"
