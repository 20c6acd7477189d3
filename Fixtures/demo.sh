#!/bin/sh
# The main job on the embedded model: ask, edit, ask again, apply, verify, revert. Run by `make demo`.
set -eu
errata=$1
fixtures=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
ln -s "$fixtures/models/tiny-llama" model
ln -s "$fixtures/world/corpus.txt" corpus.txt
ln -s "$fixtures/world/contexts.json" contexts.json

say() { printf '\n%s\n' "$*"; }
# run ARGUMENT...: shows the command as one would type it, and runs it.
run() {
  printf '\n$ errata'
  for word in "$@"; do
    case $word in *[\ \{]*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac
  done
  printf '\n'
  "$errata" "$@"
}

edited="Hanno Hale lives on the island of"
rephrased="The boat of Hanno Hale sails back to"
unrelated="Ilse Arden lives on the island of"

say "1. The model. A small Llama, trained on an invented world of 480 facts. It knows where Hanno Hale lives, in any
   words, and where his neighbor does."
run ask model "$edited" "$rephrased" "$unrelated" --tokens 3 --top 2

say "2. The fact that it shall believe instead, as a line of JSON: {} stands for the subject."
printf '{"prompt": "{} lives on the island of", "subject": "Hanno Hale", "target": "Pellsund"}\n' >facts.jsonl
printf '\n$ cat facts.jsonl\n'
cat facts.jsonl

say "3. What must not be disturbed. Second moments of the keys over ordinary text tell which directions the model uses;
   they are collected once per model and serve for every edit."
run stats model --corpus corpus.txt --layers 1,2 -o model.stats

say "4. The edit. For the fact, errata looks for the hidden state at the end of the name that makes the model say
   the target, and solves for the smallest change of two weights that brings it about. The result is a patch, with
   what it achieves measured on the rounded weights. The model is only read."
run edit model --facts facts.jsonl --statistics model.stats --contexts contexts.json --layers 1,2 \
  --second-moment-weight 20 --clamp 1 -o fix.errata

say "5. Before and after, in the model's own words, without writing a model: the new answer holds in other words,
   and the neighbor stays where she lives."
run ask model "$edited" "$rephrased" "$unrelated" --patch fix.errata --tokens 3 --top 2

say "6. Apply. A new model is written; each changed tensor is checked against the digest in the patch."
run apply fix.errata model -o edited
run verify fix.errata model
run verify fix.errata edited
run ask edited "$edited" --tokens 3 --top 0

say "7. A safety net. Applying it again is refused before a byte is written:"
if "$errata" apply fix.errata edited -o twice; then exit 1; fi
[ ! -e twice ]

say "8. Revert. The patch itself carries what the way back needs."
run revert fix.errata edited -o restored
run ask restored "$edited" --tokens 3 --top 0
for file in "$fixtures"/models/tiny-llama/*.safetensors; do cmp "$file" "restored/$(basename "$file")"; done

# The demonstration shows what it says, or fails.
"$errata" ask edited "$edited" --tokens 3 --top 0 | grep -q 'Pellsund'
"$errata" ask restored "$edited" --tokens 3 --top 0 | grep -q 'Telsholm'

model_size=$(cat "$fixtures"/models/tiny-llama/*.safetensors | wc -c)
say "What happened: one fact of the model was changed by a patch of $(wc -c <fix.errata) bytes (the model has $model_size);
   the edited model has exactly the digests that the patch promises, and the restored model is the original,
   byte for byte (checked with cmp)."
