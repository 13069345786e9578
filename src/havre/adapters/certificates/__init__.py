"""X.509 certificates: reading files, and a local authority that signs for names of its own only.

The authority's certificate carries critical name constraints (RFC 5280, 4.2.1.10): whoever steals
its key can pretend to be ``shop.test``, but no site of the internet, on machines that trust it.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from havre.domain.certificates import AUTHORITY_LIFE, LEAF_LIFE, Certificate

AUTHORITY: Final = "local-ca.pem"
AUTHORITY_KEY: Final = "local-ca.key"
_SKEW: Final = timedelta(hours=1)  # clocks of clients may be behind
_LONGEST_NAME: Final = 64  # RFC 5280: upper bound of a common name
_ANY_ADDRESS: Final = ("0.0.0.0/0", "::/0")


def read(file: Path, key: Path | None = None) -> Certificate:
    """What a PEM file says; ``key`` is the file of its private key, to see whether it fits."""
    try:
        first = x509.load_pem_x509_certificates(file.read_bytes())[0]
        fits = True
        if key is not None:
            private = serialization.load_pem_private_key(key.read_bytes(), password=None)
            fits = _public(private.public_key()) == _public(first.public_key())
    except OSError as error:
        return Certificate(str(file), problem=f"{error.strerror}: {error.filename}")
    except (ValueError, TypeError, IndexError):
        return Certificate(str(file), problem="not a PEM certificate, or its key is not PEM without password")
    return Certificate(str(file), _names(first), first.not_valid_before_utc, first.not_valid_after_utc, fits)


def _public(key: object) -> bytes:
    encoded: bytes = key.public_bytes(  # type: ignore[attr-defined] # every kind of public key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def fingerprint(file: Path) -> str:
    """The SHA-256 fingerprint of a certificate, as browsers show it."""
    digest = x509.load_pem_x509_certificates(file.read_bytes())[0].fingerprint(hashes.SHA256())
    return digest.hex(":").upper()


def permitted(authority: Path) -> tuple[str, ...]:
    """The names below which an authority may sign."""
    certificate = x509.load_pem_x509_certificates(authority.read_bytes())[0]
    found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return tuple(name.value for name in found.permitted_subtrees or () if isinstance(name, x509.DNSName))


def make_authority(folder: Path, names: Sequence[str], *, owner: str, now: datetime) -> None:
    """Make an authority that may sign below these names: ``local-ca.pem`` and, closed, its key.

    Args:
        folder: where both go.
        names: DNS names, lower case.
        owner: in words, for people who look at the certificate: this server's name.
        now: when.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"Havre local CA of {owner}"[:_LONGEST_NAME]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Havre"),
        ]
    )
    constraints = x509.NameConstraints(
        permitted_subtrees=[x509.DNSName(name) for name in names],
        excluded_subtrees=[x509.IPAddress(ipaddress.ip_network(network)) for network in _ANY_ADDRESS],
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(constraints, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    write(folder / AUTHORITY_KEY, _pem(key), mode=0o600)
    write(folder / AUTHORITY, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)


def issue(folder: Path, host: str, *, now: datetime) -> tuple[bytes, bytes]:
    """A certificate for one host, signed by the authority of a folder, and its key; both PEM.

    Raises:
        OSError: the authority cannot be read.
    """
    issuer = x509.load_pem_x509_certificates((folder / AUTHORITY).read_bytes())[0]
    signer = serialization.load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise OSError(f"{folder / AUTHORITY_KEY} is not the key of a local authority")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:_LONGEST_NAME])]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(min(now + LEAF_LIFE, issuer.not_valid_after_utc))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_identifier), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(file: Path, content: bytes, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Write a file at one moment, never open to others meanwhile."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    if owner is not None:
        os.chown(draft, *owner)
    draft.chmod(mode)
    draft.rename(file)
