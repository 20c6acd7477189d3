#!/bin/sh
# What foreign tools say of errata's files: `ssh-keygen -Y verify` of a signature, CycloneDX's validator of a bill of materials.
#
#     foreign.sh ERRATA PYTHON
#
# A tool that is not there is named, and its check left out.
set -eu
errata=$1 python=$(command -v "$2") here=$(cd "$(dirname "$0")" && pwd)
case $errata in /*) ;; *) errata=$PWD/$errata ;; esac
case $python in /*) ;; *) python=$PWD/$python ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cp "$here/../keys/ada" key && chmod 600 key && cp "$here/../keys/allowed_signers" signers
"$errata" solve "$here/../models/tiny-gpt2" --keys "$here/../reference/tiny-gpt2.ten-facts.keys.safetensors" --no-second-moment -o fix.errata --quiet
"$errata" sign fix.errata --key key --quiet
if command -v ssh-keygen >/dev/null; then
  ssh-keygen -Y verify -f signers -I ada@example.org -n errata-patch -s fix.errata.sig <fix.errata
else
  echo "left out: there is no ssh-keygen"
fi
"$errata" show fix.errata --bom bill.json --base-model owner/name --quiet
"$python" "$here/check_bill.py" bill.json || [ $? = 77 ]
