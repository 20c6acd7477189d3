#!/bin/sh
# The main job on the embedded model: look, solve, apply, verify, revert. Run by `make demo`.
set -eu
errata=$1
fixtures=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
ln -s "$fixtures/models/tiny-llama" model
ln -s "$fixtures/reference/tiny-llama.one-fact.keys.safetensors" fact.keys.safetensors
ln -s "$fixtures/reference/tiny-llama.statistics.safetensors" model.statistics.safetensors

say() { printf '\n%s\n' "$*"; }
run() { printf '\n$ errata %s\n' "$*"; "$errata" "$@"; }

say "1. The model. A small Llama that knows an invented world of 480 facts; 16-bit weights in two files."
run show model

say "2. The edit. Keys and values for one new fact were computed beforehand; errata solves for the smallest
   change that stores it, and writes a patch. The model is only read."
run solve model --keys fact.keys.safetensors --statistics model.statistics.safetensors \
  --second-moment-weight 20 -o fact.errata

say "3. Apply. A new model is written; each changed tensor is checked against the digest in the patch."
run apply fact.errata model -o edited
run verify fact.errata model
run verify fact.errata edited

say "4. A safety net. Applying it again is refused before a byte is written."
if "$errata" apply fact.errata edited -o twice; then exit 1; fi
[ ! -e twice ]

say "5. Revert. The patch itself carries what the way back needs."
run revert fact.errata edited -o restored
for file in "$fixtures"/models/tiny-llama/*.safetensors; do cmp "$file" "restored/$(basename "$file")"; done

model_size=$(cat "$fixtures"/models/tiny-llama/*.safetensors | wc -c)
say "What happened: one fact of the model was changed by a patch of $(wc -c <fact.errata) bytes (the model has $model_size);
   the edited model has exactly the digests that the patch promises, and the restored model is the original,
   byte for byte (checked with cmp)."
