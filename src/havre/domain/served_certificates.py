"""What a browser would say of the certificate that a host is served with. Times are aware datetimes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SOON: Final = timedelta(days=14)
"""ACME renews 30 days before the end: who has less left was not renewed for two weeks."""


class Standing(StrEnum):
    """How good a certificate is; the worst that is true of it."""

    GOOD = "good"
    ENDS_SOON = "ends soon"
    UNKNOWN_SIGNER = "unknown signer"
    NOT_YET = "not valid yet"
    OTHER_NAME = "other name"
    EXPIRED = "expired"
    NONE = "none"


@dataclass(frozen=True)
class Served:
    """A certificate as it is served for a host.

    Attributes:
        host: that was asked for.
        names: DNS names that it is for, lower case.
        begins, ends: when it is valid.
        issuer: who signed it, in words.
        is_trusted: whether this server's own list of authorities knows who signed it.
        problem: why none could be seen; empty if one was.
    """

    host: str
    names: tuple[str, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    issuer: str = ""
    is_trusted: bool = False
    problem: str = ""


def standing(served: Served, now: datetime) -> Standing:
    """How good it is now."""
    if served.problem or served.begins is None or served.ends is None:
        return Standing.NONE
    if not any(fits(name, served.host) for name in served.names):
        return Standing.OTHER_NAME
    if served.ends <= now:
        return Standing.EXPIRED
    if served.begins > now:
        return Standing.NOT_YET
    if not served.is_trusted:
        return Standing.UNKNOWN_SIGNER
    return Standing.ENDS_SOON if served.ends - now < SOON else Standing.GOOD


def fits(name: str, host: str) -> bool:
    """Whether a name of a certificate is for a host; a star stands for one label (RFC 6125, 6.4.3)."""
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:]
    return name == host
