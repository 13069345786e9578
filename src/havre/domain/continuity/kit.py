"""The recovery kit: the little that a rebuild needs, as a text that a person can keep and a program read.

The format is this project's own: comments after ``#``, lines ``name: value``, the authority in PEM, and at
the end a check over everything before, so that what was copied wrongly is found before it is needed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from havre.domain.continuity.repositories import Keys, OffSite
from havre.errors import UsageError

_FIRST: Final = "havre-recovery-kit: 1"
_NAMES: Final = (
    "endpoint",
    "bucket",
    "region",
    "prefix",
    "style",
    "access-key",
    "secret-key",
    "passphrase",
)
_OPTIONAL: Final = frozenset({"prefix"})
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_CHECK_DIGITS: Final = 12


@dataclass(frozen=True)
class Kit:
    """Where the copies are, and what opens them; it prints without anything secret."""

    place: OffSite
    keys: Keys
    ca: str = ""

    def __repr__(self) -> str:
        return f"Kit({self.place.place})"

    @property
    def mark(self) -> str:
        """Tells two kits apart, and nothing about their content."""
        return hashlib.sha256(core(self).encode()).hexdigest()[:_CHECK_DIGITS]


def core(kit: Kit) -> str:
    """The kit without comments and check: what the QR code holds too."""
    place, keys = kit.place, kit.keys
    values = (
        place.endpoint,
        place.bucket,
        place.region,
        place.prefix,
        place.style,
        keys.key,
        keys.secret,
        keys.passphrase,
    )
    lines = [_FIRST, *(f"{name}: {value}" for name, value in zip(_NAMES, values, strict=True) if value)]
    certificates = [_plain(found) for found in _PEM.findall(kit.ca)]
    return "\n".join([*lines, *certificates]) + "\n"


def code(kit: Kit) -> str:
    """The same with its check: a whole kit without comments."""
    return f"{core(kit)}check: {kit.mark}\n"


def text(kit: Kit, *, server: str, made_at: datetime) -> str:
    """The kit as a page of text.

    Args:
        kit: what it holds.
        server: its name, for people.
        made_at: the moment, with its zone.
    """
    head = (
        f"# Recovery kit of the Havre on {server}, made {made_at:%Y-%m-%d %H:%M %Z}.",
        "#",
        "# Whoever has this page can read every copy of the data. Keep it where this server's loss does not",
        "# reach it: on paper in a safe, or in a password manager.",
        "#",
        "# On a new server:  havre server install   then   havre rebuild --kit THIS-FILE",
        "",
    )
    return "\n".join(head) + "\n" + code(kit)


def parse(written: str) -> Kit:
    """Read a kit, also one that was typed or scanned: blank lines, indents and comments do not count.

    Raises:
        UsageError: it is none, or something in it is missing or was copied wrongly. No value is told.
    """
    certificates = [_plain(found) for found in _PEM.findall(written)]
    lines = [line.strip() for line in _PEM.sub("", written).splitlines()]
    found = dict(_pair(line) for line in lines if line and not line.startswith("#"))
    name, value = _FIRST.split(": ")
    if found.pop(name, "") != value:
        raise UsageError(
            "this is no recovery kit that this version reads", hint="one begins with " + repr(_FIRST)
        )
    check = found.pop("check", "")
    unknown = sorted(found.keys() - set(_NAMES))
    missing = sorted(set(_NAMES) - _OPTIONAL - found.keys())
    if unknown or missing:
        told = [f"missing: {', '.join(missing)}"] * bool(missing)
        told += [f"unknown: {', '.join(unknown)}"] * bool(unknown)
        raise UsageError(f"the recovery kit is not whole ({'; '.join(told)})")
    ca = "\n".join(certificates) + "\n" if certificates else ""
    place = OffSite(
        endpoint=found["endpoint"],
        bucket=found["bucket"],
        region=found["region"],
        prefix=found.get("prefix", ""),
        style=found["style"],
        has_ca=bool(ca),
    )
    kit = Kit(place, Keys(found["access-key"], found["secret-key"], found["passphrase"]), ca)
    if kit.mark != check:
        raise UsageError(
            "the recovery kit was not copied rightly: its check does not fit",
            hint="compare it with the original, letter by letter; or scan its QR code",
        )
    return kit


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip(), value.strip()


def _plain(certificate: str) -> str:
    return "\n".join(line.strip() for line in certificate.splitlines() if line.strip())
