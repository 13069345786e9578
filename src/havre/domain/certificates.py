"""Certificates: which hosts the local authority may vouch for, when one is renewed, what doctor says.

Times are aware datetimes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from havre.domain.doctor import Level, Verdict
from havre.errors import UsageError

LOCAL_SUFFIXES: Final = ("localhost", "test", "internal", "local", "home.arpa")
"""Names that no public authority signs: RFC 6761, RFC 6762, RFC 8375, and ICANN's ``internal``."""

AUTHORITY_LIFE: Final = timedelta(days=5 * 365)
LEAF_LIFE: Final = timedelta(days=30)
RENEWED_BEFORE: Final = timedelta(days=10)
_WARNED_BEFORE: Final = timedelta(days=14)


@dataclass(frozen=True)
class Certificate:
    """What a certificate file says.

    Attributes:
        path: the file.
        names: DNS names that it is for, lower case; ``*.example.org`` for one level below.
        begins, ends: when it is valid.
        fits: whether the key beside it is its own.
        problem: why it cannot be used; empty if it can.
    """

    path: str
    names: tuple[str, ...] = ()
    begins: datetime | None = None
    ends: datetime | None = None
    fits: bool = True
    problem: str = ""


_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def zone(text: str) -> str:
    """A name below which the local authority may sign, besides the reserved ones.

    Raises:
        UsageError: it is no DNS name, or a single label: ``com`` would be everybody's.
    """
    name = text.strip().strip(".").lower()
    labels = name.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(labels) < 2:  # noqa: PLR2004 - a.b
        raise UsageError(
            f"{text!r} is no domain of your own", hint="name one with two labels at least: lan.example.org"
        )
    return name


def is_below(host: str, suffixes: Collection[str]) -> bool:
    """Whether a host is one of these names or below one of them, as name constraints have it."""
    return any(host == suffix or host.endswith(f".{suffix}") for suffix in suffixes)


def must_renew(certificate: Certificate, now: datetime) -> bool:
    """Whether a certificate of the local authority is to be made anew."""
    if certificate.problem or not certificate.fits or certificate.ends is None or certificate.begins is None:
        return True
    return not certificate.begins <= now < certificate.ends - RENEWED_BEFORE


def usable(certificates: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """Those that a router can serve; of what is expired, browsers say more than a wrong certificate."""
    return tuple(each for each in certificates if not each.problem and each.fits)


def verdict(certificate: Certificate, now: datetime) -> Verdict:
    """How good one of the administrator's certificate files is."""
    name = "Certificate"
    place = certificate.path
    if certificate.problem:
        return Verdict(name, Level.FAILED, f"{place}: {certificate.problem}", "put a PEM certificate there")
    if not certificate.fits:
        remedy = "put the key that it was made with beside it"
        return Verdict(name, Level.FAILED, f"{place}: the key is not its own", remedy)
    if certificate.ends is None or certificate.begins is None:
        return Verdict(name, Level.SKIPPED, f"{place}: its dates could not be read")
    seen = f"{', '.join(certificate.names) or 'no name'} until {certificate.ends:%Y-%m-%d} ({place})"
    level, before, remedy = _validity(certificate.begins, certificate.ends, now)
    return Verdict(name, level, f"{before}{seen}", remedy)


def _validity(begins: datetime, ends: datetime, now: datetime) -> tuple[Level, str, str]:
    """How good the dates are, in words that go before the rest, and the remedy."""
    renew = "renew it; Havre takes the new file by itself"
    if ends <= now:
        return Level.FAILED, "expired: ", renew
    if begins > now:
        return Level.FAILED, "not valid yet: ", "is the clock right?"
    if ends - now < _WARNED_BEFORE:
        return Level.WARNING, f"{(ends - now).days} days left: ", renew
    return Level.OK, "", ""
