"""Deploy keys: pairs by which a private repository is read over SSH."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def make(comment: str) -> tuple[str, str]:
    """A new Ed25519 pair: the private key in OpenSSH's form, and the line of the public one.

    Args:
        comment: what stands behind the public key, for people.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return private.decode(), f"{_line(key)} {comment}"


def public_of(private: str) -> str:
    """The line of the public key that belongs to a private one; empty if that cannot be read."""
    content = private.encode()
    for load in (serialization.load_ssh_private_key, serialization.load_pem_private_key):
        try:
            return _line(load(content, password=None))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
    return ""


def _line(key: object) -> str:
    public: bytes = key.public_key().public_bytes(  # type: ignore[attr-defined] # every kind of key has it
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return public.decode()
