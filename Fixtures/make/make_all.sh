#!/bin/sh
# Remake all fixtures, in order. Usage, from this folder: sh make_all.sh PYTHON BUILD_FOLDER
# Needs torch 2.13.0 (CPU), transformers 5.23.0, tokenizers 0.23.3, safetensors and numpy; about 15 minutes on two cores.
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

for family in gpt2 llama; do
    model=$fixtures/models/tiny-$family
    "$python" train.py --family $family --tokenizer "$build/tokenizer.json" --out "$build/tiny-$family"
    "$python" export.py "$build/tiny-$family" --out "$model"
    "$python" knowledge.py "$model"
    "$python" second_moments.py "$model" --corpus "$world/corpus.txt" --layers 1,2 \
        --out "$reference/tiny-$family.statistics.safetensors"
    "$python" reference.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --layers 1,2 \
        --second-moment-weight 100 --out "$reference"
    "$python" reference_edit.py "$model" --facts "$world/facts.json" --contexts "$world/contexts.json" --layers 1,2 \
        --second-moment-weight 100 --statistics "$reference/tiny-$family.statistics.safetensors"
done
