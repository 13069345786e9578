"""The local authority: certificates for development and closed networks, trusted on request only."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from havre.adapters import certificates as x509
from havre.adapters import debian
from havre.config import Config
from havre.domain.certificates import LOCAL_SUFFIXES, zone
from havre.errors import ConflictError, HavreError, UsageError

TRUSTED: Final = debian.AUTHORITIES / "havre-local-ca.crt"
"""The authority's certificate where this machine trusts it."""


@dataclass(frozen=True)
class Authority:
    """The authority of this server, as people see it."""

    file: str
    names: tuple[str, ...]
    ends: str
    fingerprint: str
    is_trusted_here: bool


def create(config: Config, also: Sequence[str]) -> Authority:
    """Make the authority; from then on, hosts below its names get certificates from it.

    Args:
        config: the settings of this server.
        also: names of the administrator's own, besides the reserved ones.

    Raises:
        ConflictError: there is one already.
        UsageError: a name is not one, or is a whole public suffix.
    """
    folder = _folder(config)
    if (folder / x509.AUTHORITY).exists():
        raise ConflictError(
            "there is a local authority already",
            hint="see it: havre server local-ca show; a new one: havre server local-ca remove, then create",
            retryable=False,
        )
    names = [*LOCAL_SUFFIXES, *(zone(name) for name in also)]
    x509.make_authority(folder, names, owner=socket.gethostname(), now=datetime.now(UTC))
    return show(config)


def show(config: Config) -> Authority:
    """What there is.

    Raises:
        UsageError: there is none.
    """
    file = _folder(config) / x509.AUTHORITY
    try:
        found = x509.read(file)
        if found.problem and not file.exists():
            raise UsageError(
                "this server has no local authority", hint="make one: havre server local-ca create"
            )
        return Authority(
            str(file),
            x509.permitted(file),
            f"{found.ends:%Y-%m-%d}",
            x509.fingerprint(file),
            TRUSTED.exists() and TRUSTED.read_bytes() == file.read_bytes(),
        )
    except PermissionError as error:
        raise UsageError(
            f"{file} cannot be read", hint="run it as root, or as a member of the group havre"
        ) from error


def trust(config: Config) -> Authority:
    """Have this machine trust the authority: its programs, and builds.

    Raises:
        HavreError: it could not be written.
    """
    _require_root()
    show(config)
    TRUSTED.parent.mkdir(parents=True, exist_ok=True)
    x509.write(TRUSTED, (_folder(config) / x509.AUTHORITY).read_bytes(), mode=0o644)
    debian.refresh_authorities()
    return show(config)


def untrust() -> bool:
    """Have this machine trust it no more; whether it did.

    Raises:
        HavreError: it could not be removed.
    """
    _require_root()
    if not TRUSTED.exists():
        return False
    TRUSTED.unlink()
    debian.refresh_authorities()
    return True


def remove(config: Config) -> None:
    """Remove the authority, its key and what it signed; this machine trusts it no more.

    Raises:
        UsageError: there is none.
    """
    _require_root()
    show(config)
    untrust()
    folder = _folder(config)
    issued = folder / "issued"
    files = [folder / x509.AUTHORITY, folder / x509.AUTHORITY_KEY]
    for file in [*files, *(issued.iterdir() if issued.is_dir() else ())]:
        file.unlink(missing_ok=True)


def _folder(config: Config) -> Path:
    return config.paths.certificates


def _require_root() -> None:
    if os.geteuid() != 0:
        raise UsageError("only root can change what this machine trusts", hint="run it by sudo")


def require_state(config: Config) -> None:
    """Refuse a server that was never set up.

    Raises:
        HavreError: its state directory is not there.
    """
    if not _folder(config).is_dir():
        raise HavreError(
            f"{config.state} is not set up", hint="havre server install, or start havre serve once"
        )
