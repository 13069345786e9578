"""Secrets at rest: libsodium sealed boxes (X25519, XSalsa20-Poly1305).

Who holds the public key can seal; only the worker, who holds the private key, can open. Format and
algorithm: https://doc.libsodium.org/public-key_cryptography/sealed_boxes
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from nacl.encoding import Base64Encoder
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from havre.domain.fields import HIDDEN
from havre.errors import SecretError


def make_keys(private: Path, public: Path) -> None:
    """Write a new key pair, the private key readable by its owner only; keep an existing one."""
    if not private.exists():
        key = PrivateKey.generate()
        draft = private.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(key.encode(Base64Encoder))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(private)
    key = _private(private)
    public.write_bytes(key.public_key.encode(Base64Encoder))
    public.chmod(0o644)


def seal(public: Path, value: bytes) -> bytes:
    """Seal a value for the worker.

    Raises:
        SecretError: the public key is missing or not a key.
    """
    try:
        key = PublicKey(public.read_bytes(), Base64Encoder)
    except (OSError, ValueError, CryptoError) as error:
        raise SecretError(
            f"the key that seals secrets cannot be read: {public}", hint="start Havre once: havre serve"
        ) from error
    return SealedBox(key).encrypt(value)


def unseal(private: Path, sealed: bytes) -> bytes:
    """Open a sealed value.

    Raises:
        SecretError: the private key cannot be read, or is not the one it was sealed for.
    """
    try:
        return SealedBox(_private(private)).decrypt(sealed)
    except CryptoError as error:
        raise SecretError(
            "a secret cannot be opened with this server's key",
            hint="set it again with `havre secrets set`, or bring back the key it was sealed for",
        ) from error


def own_key(private: Path, purpose: str) -> bytes:
    """32 bytes that only who holds the private key can know, and others for each purpose.

    Raises:
        SecretError: the private key cannot be read.
    """
    return hashlib.sha256(f"havre {purpose}".encode() + _private(private).encode()).digest()


def disguise(private: Path, value: str) -> str:
    """What stands for a value where it must not be seen: equal for equal values, and no key to it.

    Keyed by the private key, so that nobody who sees it can try out likely values.

    Raises:
        SecretError: the private key cannot be read.
    """
    key = own_key(private, "disguise")
    return HIDDEN + hashlib.blake2b(value.encode(), key=key, digest_size=8).hexdigest()


def _private(path: Path) -> PrivateKey:
    try:
        return PrivateKey(path.read_bytes(), Base64Encoder)
    except (OSError, ValueError, CryptoError) as error:
        raise SecretError(
            f"the key that opens secrets cannot be read: {path}", hint="only the worker, as root, may read it"
        ) from error
