"""The other side of eval.py: CounterFact's measures with torch and transformers, written from their definitions.

    eval_peer.py make FOLDER RECORDS COUNT [--quick]     a random Llama with the fixtures' tokenizer, and invented records
    eval_peer.py serve FOLDER RECORDS THREADS            answers `published` or `sorted`, one a line
"""
import json
import random
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEIGHBORS, SORTED_BATCH = 10, 96
KINDS = ("efficacy", "paraphrase", "neighborhood")


# What is evaluated

def make(folder, path, count, quick):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(1)
    width, inner, layers = (64, 176, 2) if quick else (256, 704, 6)
    LlamaForCausalLM(LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=8,
        num_key_value_heads=4, vocab_size=480, tie_word_embeddings=False, max_position_embeddings=256,
        bos_token_id=None, eos_token_id=None, initializer_range=0.1)).save_pretrained(folder)
    shutil.copy(ROOT / "Fixtures/models/tiny-llama/tokenizer.json", folder)
    Path(path).write_text(json.dumps(records(count)))


def records(count):
    """As in CounterFact: a relation has one wording and many subjects, and neighbors come again in other records."""
    chance = random.Random(1)

    def name():
        parts = ("ha", "len", "mar", "to", "vi", "sel", "or", "ka", "bri", "und")
        return "".join(chance.choice(parts) for _ in range(2)).capitalize()
    relations = []
    for _ in range(8):
        words = [chance.choice(("lives on", "was born in", "works for", "sails to", "is fond of")) for _ in range(2)]
        relations.append((f"{{}} {words[0]} the {name().lower()} of", f"{{}}, who {words[1]} the {name().lower()}, is from",
                          [name() for _ in range(12)], [f"{name()} {name()}" for _ in range(60)]))
    made = []
    for case in range(count):
        prompt, paraphrase, objects, subjects = relations[case % len(relations)]
        new, true = chance.sample(objects, 2)
        subject = f"{name()} {name()}"
        made.append({
            "case_id": case,
            "requested_rewrite": {"prompt": prompt, "relation_id": str(case % len(relations)), "subject": subject,
                                  "target_new": {"str": new, "id": ""}, "target_true": {"str": true, "id": ""}},
            "paraphrase_prompts": [paraphrase.format(subject), f"{name()} {name()}. " + prompt.format(subject)],
            "neighborhood_prompts": [prompt.format(other) for other in chance.sample(subjects, NEIGHBORS)]})
    return made


# Asking

def questions(record):
    """(kind, prompt) of a record."""
    rewrite = record["requested_rewrite"]
    yield "efficacy", rewrite["prompt"].format(rewrite["subject"])
    for prompt in record["paraphrase_prompts"]:
        yield "paraphrase", prompt
    for prompt in record["neighborhood_prompts"]:
        yield "neighborhood", prompt


class Peer:
    def __init__(self, folder, threads):
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModelForCausalLM
        self.torch = torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")

    def tokens(self, text):
        return self.tokenizer.encode(text).ids

    def padded(self, rows):
        length = max(map(len, rows))
        return self.torch.tensor([row + [0] * (length - len(row)) for row in rows])

    def texts(self, record):
        """(tokens, where the target begins) for each prompt, with the new target, then with the true one."""
        for _, prompt in questions(record):
            first = len(self.tokens(prompt))
            for name in ("target_new", "target_true"):
                yield self.tokens(f"{prompt} {record['requested_rewrite'][name]['str']}"), first

    def published(self, records):
        """A padded batch with the logits of all positions for each record, as ROME's compute_rewrite_quality_counterfact."""
        answers = []
        for record in records:
            texts = list(self.texts(record))
            ids = self.padded([tokens for tokens, _ in texts])
            mask = self.padded([[1] * len(tokens) for tokens, _ in texts])
            logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
            for row, (tokens, first) in zip(logits, texts):
                total, exact = 0.0, True
                for place in range(first, len(tokens)):
                    logs = self.torch.nn.functional.log_softmax(row[place - 1], dim=0)
                    total += logs[tokens[place]].item()
                    exact &= row[place - 1].argmax().item() == tokens[place]
                answers.append((total / (len(tokens) - first), exact))
        return answers

    def sorted(self, records):
        """Batches over all records, of texts of about one length, and logits where a token is looked up."""
        texts = [text for record in records for text in self.texts(record)]
        order = sorted(range(len(texts)), key=lambda index: len(texts[index][0]))
        answers = [None] * len(texts)
        for start in range(0, len(order), SORTED_BATCH):
            batch = order[start:start + SORTED_BATCH]
            hidden = self.model.base_model(input_ids=self.padded([texts[i][0] for i in batch]),
                                           use_cache=False).last_hidden_state
            reads = [(row, place) for row, i in enumerate(batch) for place in range(texts[i][1], len(texts[i][0]))]
            logits = self.model.lm_head(hidden[[row for row, _ in reads], [place - 1 for _, place in reads]])
            wanted = self.torch.tensor([texts[batch[row]][0][place] for row, place in reads])
            logs = logits.log_softmax(-1).gather(1, wanted[:, None])[:, 0].tolist()
            right = (logits.argmax(-1) == wanted).tolist()
            found = iter(zip(logs, right))
            for i in batch:
                own = [next(found) for _ in range(texts[i][1], len(texts[i][0]))]
                answers[i] = (sum(log for log, _ in own) / len(own), all(right for _, right in own))
        return answers

    def measures(self, records, answers):
        """Means over a record's prompts, then over the records, under errata's names."""
        import math
        found, pairs = {}, iter(zip(answers[::2], answers[1::2]))
        for record in records:
            own = {}
            for kind, _ in questions(record):
                (new, new_exact), (true, true_exact) = next(pairs)
                if kind == "neighborhood":
                    new, true, new_exact = true, new, true_exact
                own.setdefault(kind, []).append((new > true, math.exp(new) - math.exp(true), new_exact))
            for kind, values in own.items():
                for statistic, value in zip(("", "Magnitude", "Exact"), zip(*values)):
                    found.setdefault(kind + statistic, []).append(sum(value) / len(value))
        return {name: sum(values) / len(values) for name, values in found.items()}


def serve(folder, data, threads):
    peer, records = Peer(folder, threads), json.loads(Path(data).read_text())
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        result = peer.measures(records, getattr(peer, line.strip())(records))
        print(json.dumps({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "result": result}),
              flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3], int(sys.argv[4]), "--quick" in sys.argv)
    else:
        serve(*sys.argv[2:4], int(sys.argv[4]))
