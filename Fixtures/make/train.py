#!/usr/bin/env python3
"""Train a tiny model on the invented world so that its facts pass through the subject's last token.

A model free to choose reads both parts of a name from wherever it needs the answer, and then nothing at the subject can be
edited. So an attention gate hides subjects during training: in blocks below --gate a token after a subject cannot see it
at all, above it sees the subject's last token only. The name must be gathered, and its facts looked up, at that token.
Late in training the gate is lifted for half of the batches, so that the finished model works under plain attention.
"""
import argparse
import math
import random
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

import knowledge
from language_model import LanguageModel
from world import END, World, text_of

ROWS, LENGTH = 32, 64
OTHER_TOKEN_WEIGHT = 0.2   # in the loss, against 1 for the tokens of an answer


def make_model(family, vocabulary, layers):
    """Untrained models; every size differs from every other, widths are multiples of 32, feed-forward is 256."""
    if family == "gpt2":
        return GPT2LMHeadModel(GPT2Config(
            vocab_size=vocabulary, n_positions=72, n_embd=64, n_inner=256, n_layer=layers, n_head=2,
            resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, initializer_range=0.05, bos_token_id=0, eos_token_id=0))
    if family == "qwen3_moe":
        return Qwen3MoeForCausalLM(Qwen3MoeConfig(
            vocab_size=vocabulary, max_position_embeddings=96, hidden_size=64, intermediate_size=160, moe_intermediate_size=48,
            num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5,
            num_experts=6, num_experts_per_tok=2, norm_topk_prob=True, mlp_only_layers=[], initializer_range=0.06,
            tie_word_embeddings=True, bos_token_id=0, eos_token_id=0))
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=vocabulary, max_position_embeddings=112, hidden_size=96, intermediate_size=256,
        num_hidden_layers=layers, num_attention_heads=6, num_key_value_heads=2, head_dim=16, rms_norm_eps=1e-5,
        initializer_range=0.06, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0))


def encode(tokenizer, document):
    """Ids of a document, the number of the subject each token belongs to (-1: none), last-token and answer marks."""
    text, subjects, answers, at = text_of(document), [], [], 0
    for before, person, after, answer in document:
        start = at + len(before)
        subjects.append((start, start + len(person)))
        answers.append((start + len(person) + len(after), start + len(person) + len(after) + 1 + len(answer)))
        at = answers[-1][1] + 2
    coded = tokenizer.encode(text)

    def inside(spans, start, end):
        return next((i for i, (s, e) in enumerate(spans) if start < e and end > s), -1)
    member = [inside(subjects, s, e) for s, e in coded.offsets]
    last = [m >= 0 and member[i + 1] != m for i, m in enumerate(member[:-1])] + [False]
    return coded.ids, member, last, [inside(answers, s, e) >= 0 for s, e in coded.offsets]


def batches(tokenizer, world, seed):
    """Endless batches; every row starts with a document's start and is filled with further ones."""
    stream, end = world.documents(random.Random(seed)), tokenizer.token_to_id(END)
    while True:
        rows = []
        for _ in range(ROWS):
            row, number = [], 0
            while len(row) < LENGTH:
                ids, member, last, answer = encode(tokenizer, next(stream))
                row += zip(ids, [m + number if m >= 0 else -1 for m in member], last, answer)
                row.append((end, -1, False, False))
                number += len(ids)
            rows.append(row[:LENGTH])
        yield [torch.tensor([[token[i] for token in row] for row in rows]) for i in range(4)]


class Gate:
    """Replaces the attention mask of every block while `masks` is set: (mask below the gate, mask from it on)."""

    def __init__(self, blocks, gate):
        self.masks = None
        for number, block in enumerate(blocks):
            attention = block.attn if hasattr(block, "attn") else block.self_attn
            attention.register_forward_pre_hook(self.hook(number >= gate), with_kwargs=True)

    def hook(self, above):
        def replace(_, arguments, named):
            if self.masks is not None:
                named = {**named, "attention_mask": self.masks[above]}
            return arguments, named
        return replace

    def set(self, member, last):
        """Masks from subject numbers and last-token marks, both [rows, tokens]."""
        seen = torch.ones(member.shape[1], member.shape[1], dtype=torch.bool).tril()
        foreign = (member[:, None, :] >= 0) & (member[:, None, :] != member[:, :, None])
        masks = [seen & ~foreign, seen & ~(foreign & ~last[:, None, :])]
        self.masks = [torch.zeros(m.shape).masked_fill(~m, -1e9)[:, None] for m in masks]


def rate(step, steps, peak):
    """Warm-up over 100 steps, then cosine to 2 % of the peak."""
    return peak * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def train(model, tokenizer, world, options):
    lm = LanguageModel(model, tokenizer)
    gate = Gate(lm.blocks, options.gate)
    model.train().requires_grad_(True)
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": options.weight_decay},
                                   {"params": plain, "weight_decay": 0.0}], betas=(0.9, 0.98))
    rng = random.Random(options.seed)
    for step, (ids, member, last, answer) in zip(range(options.steps), batches(tokenizer, world, options.seed)):
        lifted = step > options.gated * options.steps and rng.random() < 0.5
        gate.masks = None
        if not lifted:
            gate.set(member, last)
        for group in optimizer.param_groups:
            group["lr"] = rate(step, options.steps, options.rate)
        logits = model(ids, use_cache=False).logits[:, :-1]
        losses = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        weights = torch.where(answer[:, 1:].flatten(), 1.0, OTHER_TOKEN_WEIGHT)
        loss = (losses * weights).sum() / weights.sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 500 == 0:
            known = (losses * answer[:, 1:].flatten()).sum() / answer[:, 1:].sum()
            print(f"step {step + 1} {'plain' if lifted else 'gated'} loss {loss:.3f}, answers {known:.3f}", flush=True)
    gate.masks = None
    return LanguageModel(model, tokenizer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", choices=["gpt2", "llama", "qwen3_moe"], required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the float32 checkpoint; see export.py")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--gate", type=int, default=3, help="first block that may see a subject's last token from after it")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--gated", type=float, default=0.6, help="share of the steps that are all gated")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--weight-decay", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    tokenizer, world = Tokenizer.from_file(str(options.tokenizer)), World()
    model = make_model(options.family, tokenizer.get_vocab_size(), options.layers)
    print(sum(p.numel() for p in model.parameters()), "parameters", flush=True)
    lm = train(model, tokenizer, world, options)
    lm.model.save_pretrained(options.out)
    tokenizer.save(str(options.out / "tokenizer.json"))
    print("\n".join(knowledge.report(lm, world)))


if __name__ == "__main__":
    main()
