#!/usr/bin/env python3
"""Write ../reference/mello.json: what a loop's text becomes, round by round, for generations that are given; by Formats/memory.md alone.

Where every generation has the published form, the text is that of the published loop too, which `published` goes through as
princeton-nlp/MQuAKE `run_mello.ipynb` does; and `cases` says which of them it can finish in its four rounds.
Needs nothing but Python."""
import json
import pathlib

MARKS = dict(subquestion="Subquestion:", answer="Generated answer:", retrieved="Retrieved fact:", final="Final answer:")
FACTS = {"Who wrote Faust?": "Faust was written by Victor Hugo", "What is the capital of Peru?": "The capital of Peru is Cusco.",
         "Who leads Cusco?": "Cusco is led by\nAda"}


def behind(line, mark):
    line = line.lstrip()
    return line[len(MARKS[mark]):].strip() if line.startswith(MARKS[mark]) else None


def round_of(written):
    """Where a round ends."""
    made = ""
    for line in written.splitlines(keepends=True):
        if behind(line, "retrieved") is not None:
            break
        made += line
        if line.endswith("\n") and (behind(line, "answer") is not None or behind(line, "final") is not None):
            break
    return made


def last(lines, mark):
    found = [(place, behind(line, mark)) for place, line in enumerate(lines) if behind(line, mark) is not None]
    return found[-1] if found else (None, None)


def loop(generations, limit):
    """The text behind the prompt after each round, what was asked, the answer, and why it ended."""
    text, texts, asked = "", [], []
    for number, written in enumerate(generations, 1):
        made = round_of(written)
        lines = made.splitlines()
        answer = last(lines, "final")[1]
        if answer is not None:
            return texts + [text + made], asked, answer or None, "answer" if answer else "form"
        questions = [(place, behind(line, "subquestion")) for place, line in enumerate(lines) if behind(line, "subquestion")]
        if not questions:
            return texts + [text], asked, None, "form"
        place, question = questions[-1]
        own = last(lines[place:], "answer")[1] or None
        fact = FACTS.get(question)
        asked.append(dict(subquestion=question, answer=own, fact=fact))
        said = fact or own
        if said is None:
            return texts + [text], asked, None, "form"
        said = " ".join(said.splitlines())
        text += made + ("" if made.endswith("\n") else "\n") + f"{MARKS['retrieved']} {said}" + ("" if said.endswith(".") else ".")
        texts.append(text)
        if number == limit:
            return texts, asked, None, "limit"
    raise ValueError("not enough generations")


def published(generations):
    """The notebook's loop over the same generations, each cut where its one stop word stands; four rounds."""
    text = ""
    for written in generations[:4]:
        made = written.split("Retrieved fact:")[0]
        lines = made.strip().split("\n")
        if lines[-1].startswith("Final answer: "):
            return text + made, lines[-1][len("Final answer: "):]
        question = lines[-2][len("Subquestion: "):]
        text += made + "Retrieved fact: " + (FACTS.get(question) or lines[-1][len("Generated answer: "):].rstrip(".")) + "."
    return text, None


def step(question, answer, before=""):
    return f"{before}Subquestion: {question}\nGenerated answer: {answer}\n"


def then(verdict, answer):
    return f"\nRetrieved fact {verdict} generated answer, so the intermediate answer is: {answer}\n"


TWO = [step("Who wrote Faust?", "Faust was written by Goethe."),
       step("What did Victor Hugo speak?", "Victor Hugo spoke French.", then("contradicts", "Victor Hugo")),
       then("does not contradict", "French") + "Final answer: French"]
FOUR = [step(f"What is step {n}?", f"Step {n} is {n}.", then("does not contradict", n - 1) if n > 1 else "") for n in range(1, 5)]
FOUR += [then("does not contradict", 4) + "Final answer: four"] * 3
CASES = [
    ("two steps, one of them edited", TWO, 6),
    ("what comes behind the answer is not read", TWO[:2] + [TWO[2] + "\n\nQuestion: And what else?\nFinal answer: nothing"], 6),
    ("a round ends with what is retrieved, also where the model makes that up",
     [TWO[0] + "Retrieved fact: Faust was written by Dante.\nFinal answer: Italian"] + TWO[1:], 6),
    ("a round ends behind its first answer", [TWO[0] + TWO[1][1:]] + TWO[1:], 6),
    ("no answer within the rounds", TWO, 2),
    ("four steps never end in four rounds", FOUR, 4),
    ("they do in five", FOUR, 5),
    ("and in six", FOUR, 6),
    ("a fact that ends with a period, and no answer of the model's own", ["Subquestion: What is the capital of Peru?", TWO[2]], 6),
    ("a fact of two lines", ["  Subquestion:  Who leads Cusco? \n Generated answer:\n", TWO[2]], 6),
    ("nothing retrieved and nothing thought", ["Subquestion: Who am I?\n"], 6),
    ("neither asks nor answers", ["The answer is 42.\n"], 6),
    ("an empty answer is none", ["Final answer:\n"], 6),
]


def main():
    cases = []
    for comment, generations, limit in CASES:
        texts, asked, answer, end = loop(generations, limit)
        cases.append(dict(comment=comment, generations=generations, limit=limit, texts=texts, asked=asked, answer=answer, end=end))
    # The published loop comes to the same text where it comes to an end, and to none for four steps.
    assert published(TWO) == (cases[0]["texts"][-1], "French") and published(FOUR)[1] is None
    assert published(FOUR)[0] == cases[5]["texts"][-1]
    out = pathlib.Path(__file__).resolve().parents[1] / "reference/mello.json"
    out.write_text(json.dumps(dict(marks=MARKS, facts=FACTS, cases=cases), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
