#!/usr/bin/env bash
# Builds the server against the package's products and asks it. test.sh ERRATA [SWIFT-BUILD-OPTION...]
set -euo pipefail
errata=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
fixtures=$here/../../Fixtures
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT

swift build --package-path "$here" "$@"
binary=$(swift build --package-path "$here" "$@" --show-bin-path)/Server

cd "$folder"
printf '{"prompt": "{} lives on the island of", "subject": "Hanno Hale", "target": "Pellsund"}\n' >facts.jsonl
"$errata" stats "$fixtures/models/tiny-llama" --corpus "$fixtures/world/corpus.txt" --layers 1 --tokens 4000 -o stats --quiet
"$errata" edit "$fixtures/models/tiny-llama" --facts facts.jsonl --statistics stats --contexts "$fixtures/world/contexts.json" \
  --layers 1 --second-moment-weight 20 -o fix.errata --quiet

"$binary" "$fixtures/models/tiny-llama" fix.errata >address &
server=$!
for _ in $(seq 100); do [ -s address ] && break; sleep 0.1; done
port=$(cut -d: -f2 <address)
ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf '%s\n' "$1" >&3
  IFS= read -r answer <&3
  exec 3>&-
  printf '%s\n' "$answer"
}
said=$(ask "Hanno Hale lives on the island of")
echo "$said"
grep -q '"before":" Telsholm\.","after":" Pellsund\.' <<<"$said"
neighbor=$(ask "Ilse Arden lives on the island of")
echo "$neighbor"
[ "$(sed 's/.*"before":"\([^"]*\)".*/\1/' <<<"$neighbor")" = "$(sed 's/.*"after":"\([^"]*\)".*/\1/' <<<"$neighbor")" ]

# A patch of another model is refused before anything is served.
! "$binary" "$fixtures/models/tiny-gpt2" fix.errata >refusal
grep -qi 'cannot serve\|another model' refusal
echo "the server answers with the corrected model"
