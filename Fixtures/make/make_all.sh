#!/bin/sh
# Remake all fixtures, in order. Usage, from this folder: sh make_all.sh PYTHON BUILD_FOLDER
# Needs torch 2.13.0 (CPU), transformers 5.23.0, tokenizers 0.23.3, safetensors and numpy; about 20 minutes on one core.
# Same versions, processor and thread count give the same bytes; elsewhere training may round differently.
set -eu
python=$1
build=$2
fixtures=..
world=$fixtures/world
reference=$fixtures/reference
export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1

"$python" world.py --out "$world" --tokenizer "$build/tokenizer.json"
"$python" solver.py --out "$reference/solver.safetensors"

# make_model FAMILY λ CLAMP ROME_LAYER ROME_CLAMP LEARNING_RATE (of values.py)  CLAMP LEARNING_RATE TRAINING_RATE BOUND (of methods.py)
make_model() {
    name=tiny-$1
    model=$fixtures/models/$name
    statistics=$reference/$name.statistics.safetensors
    "$python" train.py --family "$1" --tokenizer "$build/tokenizer.json" --out "$build/$name"
    "$python" export.py "$build/$name" --out "$model"
    "$python" knowledge.py "$model"
    "$python" second_moments.py "$model" --corpus "$world/corpus.txt" --layers 1,2 --out "$statistics"
    "$python" reference.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --layers 1,2 \
        --second-moment-weight "$2" --clamp "$3" --out "$reference"
    "$python" values.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --clamp "$3" \
        --rome-clamp "$5" --learning-rate "$6" --out "$reference"
    "$python" methods.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --clamp "$7" \
        --learning-rate "$8" --training-rate "$9" --bound "${10}" --out "$reference"
    "$python" ft_m.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" neurons.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" mend.py "$model" --facts "$world/facts.json" --out "$reference"
    test "$1" != gpt2 || "$python" published_mend.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" memory.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" wise.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" trace.py "$model" --facts "$world/facts.json" --out "$reference"
    "$python" reference_edit.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --layers 1,2 \
        --second-moment-weight "$2" --clamp "$3" --rome-layer "$4" --rome-clamp "$5" --statistics "$statistics"
}
make_model gpt2 100 0.75 1 4 0.1  2 0.2 1e-3 1e-2
make_model llama 20 1.0 2 6 0.5  4 0.5 1e-2 2e-2
"$python" train.py --family qwen3_moe --tokenizer "$build/tokenizer.json" --out "$build/tiny-moe"
"$python" export.py "$build/tiny-moe" --out "$fixtures/models/tiny-moe"
# These also need gguf and xllamacpp.
"$python" gguf_models.py
rm "$fixtures/models/tiny-llama-f16.gguf"
"$python" imatrix.py
"$python" ke.py --out "$reference"
"$python" mello.py
"$python" gguf_blocks.py --out "$reference/blocks.safetensors"
"$python" families.py
"$python" families_reference.py
"$python" families_gguf.py
"$python" packed.py
"$python" experts.py
"$python" tokenizer_fixtures.py
"$python" splitting_fixtures.py
"$python" chat_fixtures.py
# This needs nltk and scikit-learn.
"$python" texts.py
"$python" listing.py
"$python" scaled.py ../../.build/release/errata
