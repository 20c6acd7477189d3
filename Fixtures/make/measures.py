"""CounterFact's success rates: efficacy, paraphrase, neighborhood, and how many of the wanted answers come out greedily."""
import torch
import torch.nn.functional as F


@torch.no_grad()
def answer_losses(lm, prompts, answers):
    """Mean negative log-likelihood per answer token, and whether the answer is the greedy continuation."""
    heads = [lm.ids(p) for p in prompts]
    rows = [lm.ids(f"{p} {a}") for p, a in zip(prompts, answers)]
    logits = F.log_softmax(lm.forward(rows), -1)
    results = []
    for i, (head, row) in enumerate(zip(heads, rows)):
        assert row[:len(head)] == head, f"a token crosses the end of the prompt: {prompts[i]!r}"
        part, target = logits[i, len(head) - 1:len(row) - 1], torch.tensor(row[len(head):])
        loss = -part.gather(1, target[:, None]).mean().item()
        results.append((loss, bool((part.argmax(-1) == target).all())))
    return results


def measure(lm, record):
    """Per record: efficacy, paraphrase, neighborhood (shares of prompts), and `says`: new answer greedily on the edit prompt."""
    rewrite = record["requested_rewrite"]
    new, true = rewrite["target_new"]["str"], rewrite["target_true"]["str"]
    prompts = {"efficacy": [rewrite["prompt"].format(rewrite["subject"])],
               "paraphrase": record["paraphrase_prompts"], "neighborhood": record["neighborhood_prompts"]}
    result = {}
    for name, texts in prompts.items():
        for_new, for_true = (answer_losses(lm, texts, [a] * len(texts)) for a in (new, true))
        wanted, other = (for_true, for_new) if name == "neighborhood" else (for_new, for_true)
        result[name] = sum(w[0] < o[0] for w, o in zip(wanted, other)) / len(texts)
        result[name + "_says"] = sum(w[1] for w in wanted) / len(texts)
    return result


def mean(results):
    return {name: sum(r[name] for r in results) / len(results) for name in results[0]}


def line(result):
    """One line: success rate, and in brackets the share of prompts whose greedy continuation is the wanted answer."""
    return "  ".join(f"{name} {100 * result[name]:5.1f} ({100 * result[name + '_says']:5.1f})"
                     for name in ("efficacy", "paraphrase", "neighborhood"))
