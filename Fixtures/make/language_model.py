"""A small model with its tokenizer: the few handles that measuring and editing need, the same for GPT-2 and Llama."""
import argparse
import json
from pathlib import Path

import torch
from tokenizers import Tokenizer


class LanguageModel:
    """A transformers model in float32, frozen, with its blocks and edited projections by number."""

    def __init__(self, model, tokenizer):
        self.model = model.float().eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.transposed = model.config.model_type == "gpt2"   # Conv1D stores [input, output]
        self.body = model.transformer if self.transposed else model.model
        self.blocks = self.body.h if self.transposed else self.body.layers
        self.final_norm = self.body.ln_f if self.transposed else self.body.norm
        self.limit = model.config.max_position_embeddings

    @classmethod
    def load(cls, folder):
        from transformers import AutoModelForCausalLM
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
        return cls(model, Tokenizer.from_file(str(Path(folder) / "tokenizer.json")))

    def projection(self, layer):
        """The edited linear map: the feed-forward's second matrix."""
        mlp = self.blocks[layer].mlp
        return mlp.c_proj if self.transposed else mlp.down_proj

    def weight_name(self, layer):
        return f"transformer.h.{layer}.mlp.c_proj.weight" if self.transposed else f"model.layers.{layer}.mlp.down_proj.weight"

    def add_to_weight(self, layer, update):
        """W ← W + update, update [outputWidth, inputWidth] whatever the storage."""
        self.projection(layer).weight.data += (update.T if self.transposed else update).float()

    def ids(self, text):
        return self.tokenizer.encode(text).ids

    def subject_last(self, text, subject):
        """Index of the last token that overlaps the last mention of the subject's last character."""
        end = text.rindex(subject) + len(subject)
        offsets = self.tokenizer.encode(text).offsets
        return max(i for i, (start, _) in enumerate(offsets) if start < end)

    def forward(self, rows):
        """Logits [rows, longest, vocabulary] of right-padded rows under plain causal attention."""
        return self.model(pad(rows), use_cache=False).logits

    def record(self, rows, module, take="output"):
        """Input or output of one module for each row, as [rows, longest, width]."""
        seen = {}

        def hook(_, inputs, output):
            seen["input"] = inputs[0]
            seen["output"] = output[0] if isinstance(output, tuple) else output
        handle = module.register_forward_hook(hook)
        try:
            with torch.no_grad():
                self.body(pad(rows), use_cache=False)
        finally:
            handle.remove()
        return seen[take].detach()


def pad(rows):
    """Right-padded token ids; the padding's id is irrelevant under causal attention."""
    out = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        out[i, :len(row)] = torch.tensor(row)
    return out


def golden_options(description):
    """What scripts of goldens are asked with: the model, records of facts, and the folder for what comes of them. One thread, so that sums do not differ."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--facts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    return LanguageModel.load(options.model), options.model.name, json.loads(options.facts.read_text()), options.out
