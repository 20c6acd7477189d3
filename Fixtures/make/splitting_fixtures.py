#!/usr/bin/env python3
"""How text is split before byte-pair merges: by the patterns of published tokenizers and by the names that llama.cpp knows.

Writes into Fixtures/tokenizers: splitting.tokenizer.json, a byte-level vocabulary whose merges run across words, so that every cut shows;
splitting.gguf, the same for llama.cpp; splitting.golden.json, the tokens of tokenizer_texts.py without any cut, and for each pattern and
each name those of the texts that come out otherwise. Needs tokenizers, gguf and xllamacpp. Remakes the same bytes.
"""
import json
import re
import tempfile
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

import tokenizer_fixtures as fixtures
import tokenizer_texts as texts

OUT = fixtures.OUT
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
LEAD, SUFFIX = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
BLANKS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
ASCII_SIGNS = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"


def cased(suffix, numbers):
    return (f"{LEAD}{UPPER}*{LOWER}+{suffix}|{LEAD}{UPPER}+{LOWER}*{suffix}|{numbers}"
            r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + BLANKS)


# Patterns as the files have them, one after another.
PATTERNS = {
    "tekken": [cased("", r"\p{N}")],
    "o200k": [cased(SUFFIX + "?", r"\p{N}{1,3}")],
    "qwen35": [SUFFIX + rf"|{LEAD}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*" + BLANKS],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
                    ASCII_SIGNS + r"[A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*" + BLANKS],
    "cl100k": [r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s"],
    "bailing": [r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"],
    "exaone-moe": [SUFFIX + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    "thousands": [r"\d{1,3}(?=(?:\d{3})*\b)", cased(SUFFIX + "?", r"\p{N}{1,3}")],
    "digits-from-the-right": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
}
# One name for each way to split that llama.cpp has.
NAMES = [
    "default", "gpt-2", "smollm", "llama-bpe", "glm4", "chatglm-bpe", "dbrx", "qwen2", "qwen35", "tekken", "gpt-4o",
    "deepseek-v3", "falcon", "minicpm5", "jais-2", "poro-chat", "viking", "superbpe", "bailingmoe", "seed-coder",
    "exaone-moe", "laguna", "ufakzeka", "spark2_5",
]


def splitting():
    """Trained on whole lines; no merge makes a word of English, so that whole tokens count where merges are ignored."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), decoders.ByteLevel()
    tokenizer.train_from_iterator(fixtures.training_lines() + 30 * texts.NAMED, trainers.BpeTrainer(
        vocab_size=1300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[fixtures.END], show_progress=False,
        max_token_length=5))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tree = json.loads(tokenizer.to_str())
    merges = [(pair, "".join(pair)) for pair in tree["model"]["merges"]]
    tree["model"]["merges"] = [" ".join(pair) for pair, whole in merges if not re.fullmatch("Ġ?[a-z]{3,5}", whole)]
    return Tokenizer.from_str(json.dumps(tree))


class Goldens:
    """Tokens by name, each written as what is different from the nearest of those before it."""

    def __init__(self, base):
        self.found, self.written = {"": base}, {}

    def add(self, name, tokens, **more):
        changes = {like: {str(i): a for i, (a, b) in enumerate(zip(tokens, other)) if a != b} for like, other in self.found.items()}
        like = min(changes, key=lambda key: len(json.dumps(changes[key])))
        self.found[name] = tokens
        self.written[name] = {"like": like, "tokens": changes[like], **more}


def main():
    from llama_tokenize import Llama

    every = texts.NAMED + texts.random_texts(fixtures.DRAWN, fixtures.SEED)
    (OUT / "splitting.tokenizer.json").write_text(splitting().to_str())
    tokenizer = Tokenizer.from_file(str(OUT / "splitting.tokenizer.json"))
    goldens = Goldens([tokenizer.encode(text).ids for text in every])
    fixtures.write_gguf(OUT / "splitting.gguf", tokenizer, "gpt-2", begins=False)
    with tempfile.TemporaryDirectory() as folder:
        for name in NAMES:
            path = Path(folder) / f"{name}.gguf"
            fixtures.write_gguf(path, tokenizer, name, begins=False)
            llama = Llama(path)
            goldens.add(name, [llama.encode(text) for text in every])
    for name, regexes in PATTERNS.items():
        parts = [pre_tokenizers.Split(Regex(regex), "isolated") for regex in regexes]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            parts + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
        goldens.add(name + ".json", [tokenizer.encode(text).ids for text in every], regexes=regexes)
    fixtures.dump(OUT / "splitting.golden.json", {"tokens": goldens.found[""], "names": goldens.written})


if __name__ == "__main__":
    main()
