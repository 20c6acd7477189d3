#!/usr/bin/env python3
"""Small tokenizers of every supported kind, and what huggingface/tokenizers and llama.cpp make of the same texts.

Writes into Fixtures/tokenizers: texts.json; per kind a tokenizer.json or a GGUF file without tensors, and a golden file.
Needs tokenizers, gguf and xllamacpp. Remakes the same bytes.
"""
import json
import re
from collections import Counter
from pathlib import Path

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import tokenizer_texts as texts

FIXTURES = Path(__file__).resolve().parent.parent
OUT = FIXTURES / "tokenizers"
END = "<|endoftext|>"
DRAWN, SEED = 80, 7
ALPHABET = 150
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3, QWEN2 = WORDS + r"|\p{N}{1,3}" + REST, WORDS + r"|\p{N}" + REST
EXTRA = [
    AddedToken("[LEFT]", lstrip=True, normalized=False), AddedToken("[RIGHT]", rstrip=True, normalized=False),
    AddedToken("[BOTH]", lstrip=True, rstrip=True, normalized=False), AddedToken("[WORD]", single_word=True, normalized=False),
    AddedToken("[LONG]", normalized=False), AddedToken("[LONGER]", normalized=False), AddedToken("xéy", normalized=True),
]


def training_lines():
    return texts.TRAINING.splitlines(keepends=True) * 3 + (FIXTURES / "world/corpus.txt").read_text().splitlines()[:300]


def byte_level(vocabulary, pre_tokenizer, normalizer=None, special=(END,), **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizer, decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(training_lines(), trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, special_tokens=list(special), show_progress=False))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_tokens(EXTRA)
    return tokenizer


def gpt2():
    return byte_level(520, pre_tokenizers.ByteLevel(add_prefix_space=False))


def opt():
    """A space before every text, and a token before and after."""
    tokenizer = byte_level(430, pre_tokenizers.ByteLevel(add_prefix_space=True), special=("<s>", "<pad>", "</s>", "<unk>"))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="</s> $A <pad>", special_tokens=[("</s>", 2), ("<pad>", 1)])
    return tokenizer


def llama3():
    """Words that are tokens although no merge makes them."""
    split = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = byte_level(520, split, special=())
    tree = json.loads(tokenizer.to_str())
    tree["model"]["merges"] = [" ".join(pair) for pair in tree["model"]["merges"][:-60]]
    tree["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(tree))
    begin = "<|begin_of_text|>"
    tokenizer.add_special_tokens([begin, "<|end_of_text|>", "<|eot_id|>"])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, tokenizer.token_to_id(begin))])])
    return tokenizer


def qwen2():
    split = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer = byte_level(520, split, normalizers.NFC(), special=())
    tokenizer.add_special_tokens([END, "<|im_start|>", "<|im_end|>"])
    return tokenizer


def sentence_piece(vocabulary, pre_tokenizer):
    """Trained with `pre_tokenizer`; three special tokens, the bytes, then what was learned, as in Llama 2."""
    trained = Tokenizer(models.BPE())
    trained.normalizer, trained.pre_tokenizer = normalizers.Replace(" ", "▁"), pre_tokenizer
    lines = [line.strip() for line in training_lines()]
    # The trainer's own choice of characters is not the same every time.
    counts = Counter("".join(lines))
    alphabet = sorted(counts, key=lambda character: (-counts[character], character))[:ALPHABET]
    rest = re.compile("[^" + re.escape("".join(alphabet)) + "]")
    trained.train_from_iterator(
        (rest.sub("", line) for line in lines),
        trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False, max_token_length=12))
    model = json.loads(trained.to_str())["model"]
    words = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + sorted(model["vocab"], key=model["vocab"].get)
    tokenizer = Tokenizer(models.BPE(
        vocab={word: i for i, word in enumerate(words)}, merges=[tuple(pair) for pair in model["merges"]],
        unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer.add_special_tokens(words[:3])
    tokenizer.add_tokens(EXTRA)
    return tokenizer


def llama2():
    tokenizer = sentence_piece(480, pre_tokenizers.Metaspace(prepend_scheme="always"))
    # As from_pretrained does it: added tokens are normalized by the normalizer that is there when they are added.
    tree = json.loads(tokenizer.to_str())
    tree["normalizer"] = {"type": "Sequence", "normalizers": [
        {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
    return Tokenizer.from_str(json.dumps(tree))


def mistral():
    """Not split at all; trained across words, so that tokens have `▁` inside."""
    tokenizer = sentence_piece(480, pre_tokenizers.Split(Regex(r"[.;\n]"), "isolated"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    return tokenizer


def split_marks():
    """Split at every `▁`; no fallback to bytes, unknown characters apart."""
    tokenizer = sentence_piece(380, pre_tokenizers.Metaspace(prepend_scheme="always"))
    tree = json.loads(tokenizer.to_str())
    tree["model"]["byte_fallback"], tree["model"]["fuse_unk"] = False, False
    tree["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    tree["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    return Tokenizer.from_str(json.dumps(tree))


def gemma():
    """Spaces are marked and none is put in front; line ends, blanks and tags are tokens that are found first."""
    tokenizer = sentence_piece(480, pre_tokenizers.Metaspace(prepend_scheme="always"))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("\n", "\n\n", "▁▁", "▁▁▁", "▁▁▁▁", "<h1>")])
    tree = json.loads(tokenizer.to_str())
    tree["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    tree["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    tree["decoder"]["decoders"].pop()
    return Tokenizer.from_str(json.dumps(tree))


KINDS = {f.__name__: f for f in (gpt2, opt, llama3, qwen2, llama2, mistral, split_marks, gemma)}


def byte_offsets(text, encoding):
    """Offsets in bytes of UTF-8, flat."""
    at = [0]
    for character in text:
        at.append(at[-1] + len(character.encode()))
    return [at[place] for pair in encoding.offsets for place in pair]


def golden(tokenizer):
    named, drawn = texts.NAMED, texts.random_texts(DRAWN, SEED)
    encodings = [tokenizer.encode(text) for text in named + drawn]
    decoded = [[tokenizer.decode(e.ids, skip_special_tokens=skip) for skip in (True, False)] for e in encodings]
    return {
        "tokens": [e.ids for e in encodings],
        "offsets": [byte_offsets(text, e) for text, e in zip(named, encodings)],
        # Only where it is not the text.
        "decoded": [[None if said == text else said for said in pair] for pair, text in zip(decoded, named + drawn)],
    }


# Which tokenizer.json a GGUF file is made from, and the name of its splitting.
GGUF = {"gpt2": ("gpt2", "gpt-2"), "default": ("gpt2", "default"), "smollm": ("gpt2", "smollm"),
        "llama-bpe": ("llama3", "llama-bpe"), "qwen2": ("qwen2", "qwen2"), "llama": ("llama2", None),
        "gemma": ("gemma", None)}


def write_gguf(path, tokenizer, pre, begins=None):
    tree = json.loads(tokenizer.to_str())
    special = {t["id"]: t["special"] for t in tree["added_tokens"]}
    words = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    kind = gguf.TokenType
    kinds = [(kind.CONTROL if special[i] else kind.USER_DEFINED) if i in special else kind.NORMAL for i in range(len(words))]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2" if pre else "llama")
    if pre:
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(words)
        writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in tree["model"]["merges"]])
        begin = next((i for i, w in enumerate(words) if w in (END, "<|begin_of_text|>")), 0)
        writer.add_bos_token_id(begin)
        writer.add_eos_token_id(begin)
        if begins is not None:
            writer.add_add_bos_token(begins)
    else:
        # Scores as a SentencePiece model has them, some equal so that the place decides.
        first = {}
        for rank, pair in enumerate(tree["model"]["merges"]):
            first.setdefault("".join(pair), rank)
        kinds[0] = kind.UNKNOWN
        if tree["normalizer"]["type"] == "Replace":
            # As the converter does it: tokens that are found before spaces are marked have spaces themselves.
            writer.add_add_space_prefix(False)
            words = [word.replace("▁", " ") if kinds[i] == kind.USER_DEFINED else word for i, word in enumerate(words)]
        for byte in range(3, 259):
            kinds[byte] = kind.BYTE
        writer.add_token_list(words)
        writer.add_token_scores([-float(first.get(word, 10 ** 6) // 3) for word in words])
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(0)
    writer.add_token_types(kinds)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def dump(path, tree):
    path.write_text(json.dumps(tree, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    from llama_tokenize import Llama

    OUT.mkdir(exist_ok=True)
    dump(OUT / "texts.json", {"named": texts.NAMED, "random": texts.random_texts(DRAWN, SEED)})
    made = {}
    for name, make in KINDS.items():
        (OUT / f"{name}.tokenizer.json").write_text(make().to_str())
        made[name] = Tokenizer.from_file(str(OUT / f"{name}.tokenizer.json"))
        dump(OUT / f"{name}.golden.json", golden(made[name]))
    for name, (source, pre) in GGUF.items():
        write_gguf(OUT / f"{name}.gguf", made[source], pre)
        llama = Llama(OUT / f"{name}.gguf")
        dump(OUT / f"{name}.gguf.golden.json", {
            "tokens": [llama.encode(text) for text in texts.NAMED + texts.random_texts(DRAWN, SEED)]})


if __name__ == "__main__":
    main()
