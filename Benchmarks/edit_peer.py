"""The other side of edit.py: the reference editor in plain PyTorch, Fixtures/make/reference_edit.py, one fact at a time as the
published code works.

    edit_peer.py make FOLDER [--quick]          a random Llama with the fixtures' tokenizer
    edit_peer.py run FOLDER FACTS CONTEXTS CORPUS COUNT LAYERS    prints seconds of each phase as JSON
"""
import json
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Fixtures/make"))


def make(folder, quick):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(1)
    width, inner, layers = (128, 352, 6) if quick else (512, 1408, 12)
    config = LlamaConfig(
        hidden_size=width, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=8,
        num_key_value_heads=4, vocab_size=480, tie_word_embeddings=False, max_position_embeddings=256,
        bos_token_id=None, eos_token_id=None)
    LlamaForCausalLM(config).save_pretrained(folder)
    shutil.copy(ROOT / "Fixtures/models/tiny-llama/tokenizer.json", folder)


def run(folder, facts, contexts, corpus, count, layers):
    import torch

    import reference_edit
    from language_model import LanguageModel
    from second_moments import second_moments
    torch.set_num_threads(1)
    lm = LanguageModel.load(folder)
    records = [reference_edit.fact(r) for r in json.loads(Path(facts).read_text())[:count]]
    contexts, layers = json.loads(Path(contexts).read_text()), [int(l) for l in layers.split(",")]
    seconds = {}

    def phase(name, begin):
        seconds[name] = time.process_time() - begin
    begin = time.process_time()
    sums, tokens = second_moments(lm, Path(corpus).read_text().splitlines(), layers)
    phase("statistics", begin)
    moments = {l: (s / tokens).numpy() for l, s in sums.items()}

    begin = time.process_time()
    values = {}
    for i, fact in enumerate(records):
        values[i] = reference_edit.optimize_value(lm, fact, contexts, lm.blocks[layers[-1]], reference_edit.SETTINGS)
    phase("values", begin)

    begin, found = time.process_time(), iter(values[i] for i in range(len(records)))
    original, reference_edit.optimize_value = reference_edit.optimize_value, lambda *_: next(found)
    reference_edit.memit(lm, records, contexts, layers, moments, 15000, reference_edit.SETTINGS)
    reference_edit.optimize_value = original
    phase("keys and solve", begin)
    print(json.dumps(seconds))


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], "--quick" in sys.argv)
    else:
        run(*sys.argv[2:6], int(sys.argv[6]), sys.argv[7])
