"""Signatures of whole models by OpenSSF's own model-signing (1.1.1), with keys made for this and thrown away.

    python3 model_signatures.py        writes ../keys/model.CURVE.pem, ../keys/tiny-gpt2.NAME.sig and ../keys/tiny-llama.p256.sig"""
import pathlib, shutil, tempfile

import model_signing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

HERE = pathlib.Path(__file__).resolve().parent
KEYS, MODEL = HERE.parent / "keys", HERE.parent / "models/tiny-gpt2"
CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1(), "k256": ec.SECP256K1()}


def sign(model, key, signature, hashing=None):
    config = model_signing.signing.Config().use_elliptic_key_signer(private_key=key)
    if hashing:
        config.set_hashing_config(hashing)
    config.sign(model, signature)


with tempfile.TemporaryDirectory() as folder:
    place = pathlib.Path(folder)
    model = shutil.copytree(MODEL, place / "tiny-gpt2")
    for name, curve in CURVES.items():
        key = ec.generate_private_key(curve)
        private, public = serialization.PrivateFormat.PKCS8, serialization.PublicFormat.SubjectPublicKeyInfo
        (place / name).write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
        (KEYS / f"model.{name}.pem").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, public))
        # The last curve is none that models are signed on.
        if name != "k256":
            sign(model, place / name, KEYS / f"tiny-gpt2.{name}.sig")
    shards = model_signing.hashing.Config().use_shard_serialization(hashing_algorithm="sha256", shard_size=500_000)
    sign(model, place / "p256", KEYS / "tiny-gpt2.shards.sig", shards)
    blake = model_signing.hashing.Config().use_file_serialization(hashing_algorithm="blake2")
    sign(model, place / "p256", KEYS / "tiny-gpt2.blake2.sig", blake)
    sign(model / "model.safetensors", place / "p256", KEYS / "tiny-gpt2.one-file.sig")
    # What the page on signing shows.
    llama = shutil.copytree(HERE.parent / "models/tiny-llama", place / "llama")
    sign(llama, place / "p256", KEYS / "tiny-llama.p256.sig")
