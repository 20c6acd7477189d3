#!/usr/bin/env python3
"""The invented world: 96 islanders with five attributes each, told in six templates per attribute.

Names are composed (12 first × 8 last), so no single token says who is meant; two templates of every fact are never used
in training and serve as paraphrases. Run as a script it writes corpus.txt, facts.json, contexts.json and tokenizer.json.
"""
import argparse
import json
import random
from pathlib import Path

FIRST = "Anso Bim Calla Dov Esk Fira Gudo Hanno Ilse Jorn Kip Lume".split()
LAST = "Arden Birk Crane Dell Frost Hale Mott Pike".split()

# Every template ends where the answer begins.
ATTRIBUTES = {
    "island": ("Orvaholm Orvasund Telsholm Telssund Mirnholm Mirnsund Pellholm Pellsund".split(), [
        "{} lives on the island of", "{} has a home on", "The house of {} stands on",
        "Letters for {} go to", "The boat of {} sails back to", "{} never leaves"]),
    "star": ("Zeth Quil Ylva Ombra Nix Rhea Tyr Fenn".split(), [
        "{} was born under the star", "{} follows the star", "The star of {} is",
        "At night {} looks for", "The lamp of {} is named after", "{} made a wish to"]),
    "animal": ("goose cat dog hare fox goat crow seal".split(), [
        "{} keeps a tame", "{} walks with a", "The pet of {} is a",
        "In the yard of {} sleeps a", "The best friend of {} is a", "{} feeds a small"]),
    "drink": ("tea milk cider water wine broth juice mead".split(), [
        "{} likes to drink", "{} asks for a cup of", "The jug of {} is full of",
        "Every morning {} drinks", "The favorite drink of {} is", "{} pays for"]),
    "color": ("red blue green gray black white pink gold".split(), [
        "{} wears a coat of", "{} paints a wall in", "The color of {} is",
        "The door of {} is painted", "The flag of {} is", "{} has a hat of"]),
}
HELD_OUT = 2
OPENINGS = ["", "", "", "They say that ", "It is known that ", "As we know, ", "Last year, ", "In the end, "]
CONTEXTS = ["They say so. {}", "It is a small boat. {}", "Every morning in the yard. {}",
            "The house has a door. {}", "At night, as we know. {}"]
END = "<|endoftext|>"


class World:
    """Who is who, and which templates are held out for which fact; a pure function of the seed."""

    def __init__(self, seed=1):
        rng = random.Random(seed)
        self.people = [f"{first} {last}" for first in FIRST for last in LAST]
        rng.shuffle(self.people)
        self.answers = {p: {a: rng.choice(values) for a, (values, _) in ATTRIBUTES.items()} for p in self.people}
        self.held_out = {p: {a: rng.sample(range(6), HELD_OUT) for a in ATTRIBUTES} for p in self.people}

    def trained(self, person, attribute):
        """Template numbers that training text may use for this fact."""
        return [i for i in range(6) if i not in self.held_out[person][attribute]]

    def prompt(self, person, attribute, template):
        return ATTRIBUTES[attribute][1][template].format(person)

    def sentence(self, rng, person, attribute):
        """Parts (text before the subject, subject, text after it, answer)."""
        before, after = ATTRIBUTES[attribute][1][rng.choice(self.trained(person, attribute))].split("{}")
        opening = rng.choice(OPENINGS)
        if opening:
            before = before[:1].lower() + before[1:]
        return opening + before, person, after, self.answers[person][attribute]

    def documents(self, rng):
        """Endless documents, each a list of sentences: biographies in shuffled order, and mixed statements."""
        while True:
            for person in rng.sample(self.people, len(self.people)):
                attributes = rng.sample(list(ATTRIBUTES), rng.randint(1, len(ATTRIBUTES)))
                if rng.random() < 0.5:
                    yield [self.sentence(rng, person, a) for a in attributes]
                else:
                    yield [self.sentence(rng, rng.choice(self.people), a) for a in attributes]

    def records(self, count, seed=2):
        """Edit records in CounterFact's schema: distinct subjects, attributes in turn."""
        rng = random.Random(seed)
        return [self.record(rng, i, self.people[i], list(ATTRIBUTES)[i % len(ATTRIBUTES)]) for i in range(count)]

    def record(self, rng, number, person, attribute):
        values, templates = ATTRIBUTES[attribute]
        true = self.answers[person][attribute]
        new = rng.choice([v for v in values if v != true])
        chosen = rng.choice(self.trained(person, attribute))
        others = [p for p in self.people if p != person]
        sharing = {v: [p for p in others if self.answers[p][attribute] == v] for v in (true, new)}
        return {
            "case_id": number, "pararel_idx": -1,
            "requested_rewrite": {
                "prompt": templates[chosen], "relation_id": attribute, "subject": person,
                "target_new": {"str": new, "id": ""}, "target_true": {"str": true, "id": ""}},
            "paraphrase_prompts": [self.prompt(person, attribute, i) for i in self.held_out[person][attribute]],
            "neighborhood_prompts": [templates[chosen].format(p) for p in sharing[true][:6]],
            "attribute_prompts": [templates[chosen].format(p) for p in sharing[new][:3]],
            "generation_prompts": [f"{person} has", f"The house of {person}"],
        }


def text_of(document):
    return " ".join(f"{before}{person}{after} {answer}." for before, person, after, answer in document)


def train_tokenizer(texts, vocabulary):
    """Byte-level BPE without a prefix space and without a begin-of-text token.

    Names and answers are repeated, so that most become one token; no token is longer than six characters, so that
    islands ("Orvaholm") are two tokens of which both matter.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    words = FIRST + LAST + [v for values, _ in ATTRIBUTES.values() for v in values]
    emphasis = ["".join(f" {word}" for word in words)] * len(texts)
    starts = [first for first in FIRST for _ in range(len(texts) // 2)]
    tokenizer.train_from_iterator(texts + emphasis + starts, trainers.BpeTrainer(
        vocab_size=vocabulary, max_token_length=6, special_tokens=[END], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for corpus.txt, facts.json, contexts.json")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json to write")
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--records", type=int, default=60)
    parser.add_argument("--vocabulary", type=int, default=480)
    options = parser.parse_args()

    world = World()
    stream = world.documents(random.Random(3))
    texts = [text_of(next(stream)) for _ in range(5000)]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "corpus.txt").write_text("\n".join(texts[:options.documents]) + "\n")
    (options.out / "contexts.json").write_text(json.dumps(CONTEXTS, indent=1) + "\n")
    (options.out / "facts.json").write_text(json.dumps(world.records(options.records), indent=1) + "\n")
    tokenizer = train_tokenizer(texts, options.vocabulary)
    options.tokenizer.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.tokenizer))
    print(tokenizer.get_vocab_size(), "tokens;", texts[0])
    print([tokenizer.id_to_token(i) for i in tokenizer.encode(texts[0]).ids])


if __name__ == "__main__":
    main()
