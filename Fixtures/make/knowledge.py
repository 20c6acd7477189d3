#!/usr/bin/env python3
"""Does a model know the world, and where? Recall of every fact, and the swap test, both under plain causal attention.

Swap test: the hidden state at a subject's last token (or at all its tokens) after block b is replaced by that of another
subject in the same template. Where the answer turns into the other's, the block's output at that token carries the fact.
"""
import argparse
import random

import torch

from language_model import LanguageModel, pad
from world import ATTRIBUTES, World


@torch.no_grad()
def recall(lm, world, templates):
    """Share of (fact, template) pairs whose whole answer is the greedy continuation. templates(person, attribute) → numbers."""
    cases = []
    for person in world.people:
        for attribute in ATTRIBUTES:
            for template in templates(person, attribute):
                prompt = world.prompt(person, attribute, template)
                cases.append((lm.ids(prompt), lm.ids(prompt + " " + world.answers[person][attribute])))
    right = 0
    for start in range(0, len(cases), 256):
        part = cases[start:start + 256]
        best = lm.forward([full for _, full in part]).argmax(-1)
        right += sum(best[i, len(p) - 1:len(f) - 1].tolist() == f[len(p):] for i, (p, f) in enumerate(part))
    return right / len(cases)


def swap_cases(lm, world, count, seed):
    """Pairs of prompts in one trained template whose subjects have equally many tokens and different answers."""
    rng, cases = random.Random(seed), []
    while len(cases) < count:
        one, other = rng.sample(world.people, 2)
        attribute = rng.choice(list(ATTRIBUTES))
        template = rng.choice(world.trained(one, attribute))
        rows = [lm.ids(world.prompt(p, attribute, template)) for p in (one, other)]
        first = [lm.ids(" " + world.answers[p][attribute])[0] for p in (one, other)]
        if len(rows[0]) != len(rows[1]) or first[0] == first[1]:
            continue
        last = lm.subject_last(world.prompt(one, attribute, template), one)
        differing = [i for i in range(len(rows[0])) if rows[0][i] != rows[1][i]]
        cases.append((rows[0], rows[1], last, range(min(differing), last + 1), first))
    return cases


@torch.no_grad()
def swap(lm, cases, block, whole):
    """Shares of the answers' first tokens (other subject's, unchanged) after swapping the output of one block."""
    rows, others = pad([c[0] for c in cases]), [c[1] for c in cases]
    donor = lm.record(others, lm.blocks[block])

    def hook(_, __, output):
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        for i, (_, _, last, span, _) in enumerate(cases):
            where = list(span) if whole else [last]
            hidden[i, where] = donor[i, where]
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden
    handle = lm.blocks[block].register_forward_hook(hook)
    best = lm.model(rows, use_cache=False).logits.argmax(-1)
    handle.remove()
    answers = [best[i, len(c[0]) - 1].item() for i, c in enumerate(cases)]
    turned = sum(a == c[4][1] for a, c in zip(answers, cases)) / len(cases)
    return turned, sum(a == c[4][0] for a, c in zip(answers, cases)) / len(cases)


def report(lm, world, count=300):
    """Everything as text lines."""
    yield f"recall trained templates {recall(lm, world, world.trained):.3f}"
    yield f"recall held-out templates {recall(lm, world, lambda p, a: world.held_out[p][a]):.3f}"
    cases = swap_cases(lm, world, count, seed=7)
    for block in range(len(lm.blocks)):
        last, whole = swap(lm, cases, block, False), swap(lm, cases, block, True)
        yield (f"swap after block {block}: last token → other {last[0]:.3f} unchanged {last[1]:.3f}; "
               f"whole name → other {whole[0]:.3f} unchanged {whole[1]:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="model folder")
    options = parser.parse_args()
    torch.set_num_threads(2)
    print("\n".join(report(LanguageModel.load(options.model), World())))


if __name__ == "__main__":
    main()
