#!/bin/sh
# Keys for tests of signatures, and signatures of the patch vector accept-rank-one by OpenSSH's own ssh-keygen (9.2).
# Run in Fixtures/keys, with the vector's bytes as rank-one.errata in /tmp. The keys are for tests; nobody trusts them.
set -eu
for name in ada eve; do ssh-keygen -q -t ed25519 -N "" -C "$name@example.org" -f "$name"; done
ssh-keygen -q -t ed25519 -N "a passphrase" -C locked@example.org -f locked
ssh-keygen -q -t rsa -b 1024 -N "" -C rsa@example.org -f rsa
printf 'ada@example.org %s\n' "$(cat ada.pub)" >allowed_signers
for name in ada eve rsa; do ssh-keygen -q -Y sign -n errata-patch -f "$name" </tmp/rank-one.errata >"rank-one.$name.sig"; done
ssh-keygen -q -Y sign -n file -f ada </tmp/rank-one.errata >rank-one.file.sig
ssh-keygen -q -Y sign -O hashalg=sha256 -n errata-patch -f ada </tmp/rank-one.errata >rank-one.sha256.sig
