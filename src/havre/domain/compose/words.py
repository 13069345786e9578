"""The words of a Compose file as those of a manifest: names, durations, sizes, ports, commands, volumes."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Final

from havre.domain.compose.tree import Node

LONGEST_NAME: Final = 30
_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DURATION: Final = re.compile(r"(?:[0-9.]+(?:ns|us|µs|ms|s|m|h))+")
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)
_POWERS: Final = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_PORT: Final = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:]+\]|[0-9]+(?:\.[0-9]+){3}):)?(?:(?P<published>[0-9]*(?:-[0-9]+)?):)?"
    r"(?P<target>[0-9]+)(?P<range>-[0-9]+)?(?:/(?P<protocol>[a-z]+))?"
)


def name_of(text: str, *, taken: frozenset[str] = frozenset()) -> str:
    """A name of a manifest that is close to a text, and none of those taken."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    name = re.sub(r"^[0-9-]+", "", name)[:LONGEST_NAME].strip("-") or "app"
    if re.search(r"-(?:r[0-9]+|release|tasks|alias)$", name):
        name = name[: LONGEST_NAME - 4].strip("-") + "-app"
    unique, number = name, 2
    while unique in taken:
        unique = f"{name[: LONGEST_NAME - 1 - len(str(number))]}-{number}"
        number += 1
    return unique


def seconds_of(text: str) -> float | None:
    """Seconds of a Compose duration such as ``1m30s``; None if it is none."""
    if not _DURATION.fullmatch(text):
        return None
    parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", text)
    try:
        return sum(float(number) * _NANOSECONDS[unit] for number, unit in parts) / 10**9
    except ValueError:
        return None


def duration(seconds: float) -> str:
    """A duration as a manifest says it, in whole milliseconds."""
    milliseconds = max(1, round(seconds * 1000))
    for unit, factor in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds % factor == 0:
            return f"{milliseconds // factor}{unit}"
    return f"{milliseconds}ms"


def size(text: str) -> str | None:
    """A size as a manifest says it: whole numbers in steps of 1024; None if it is none."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        return None
    count = round(float(match[1]) * 1024 ** _POWERS[match[2].lower()])
    if count <= 0:
        return None
    for unit, power in (("G", 3), ("M", 2), ("K", 1)):
        if count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return f"{count}B"


def cpus(text: str) -> float | None:
    """Processors as a number with a decimal point; None if it is none, or all of them (0)."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number <= 1024 else None  # noqa: PLR2004 - the most a manifest takes


@dataclass(frozen=True)
class PublishedPort:
    """A port of a container, and where it was to be seen; ``published`` is empty if nowhere for certain."""

    target: int
    published: str = ""
    address: str = ""
    protocol: str = "tcp"
    is_range: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only the machine itself was to reach it."""
        return self.address.strip("[]") in {"127.0.0.1", "::1", "localhost"}


def port_of(node: Node) -> PublishedPort | None:
    """A port in its short or its long form; None if it is not understood."""
    if node.map:
        target = node.map.get("target")
        if target is None or not target.text.isdigit():
            return None

        def text(key: str) -> str:
            found = node.get(key)
            return found.text if found else ""

        return PublishedPort(int(target.text), text("published"), text("host_ip"), text("protocol") or "tcp")
    match = _PORT.fullmatch(node.text)
    if not match or not 0 < int(match["target"]) < 65536:  # noqa: PLR2004 - ports there are
        return None
    return PublishedPort(
        int(match["target"]),
        match["published"] or "",
        match["address"] or "",
        match["protocol"] or "tcp",
        bool(match["range"]),
    )


def command_of(node: Node) -> list[str] | None:
    """The words of a command: a list as it is, a text as Compose splits it; None if it cannot be split."""
    if node.items:
        return [item.text for item in node.items]
    try:
        return shlex.split(node.text)
    except ValueError:
        return None


@dataclass(frozen=True)
class Mount:
    """One entry of ``volumes``: kind is ``volume``, ``bind``, ``tmpfs`` or another word of the file."""

    kind: str
    source: str
    target: str
    options: str = ""


def mount_of(node: Node) -> Mount | None:
    """A volume in its short or its long form; None if it is not understood."""
    if node.map:

        def text(key: str) -> str:
            found = node.get(key)
            return found.text if found else ""

        read_only = node.get("read_only")
        options = "ro" if read_only and read_only.is_true else ""
        return (
            Mount(text("type") or "volume", text("source"), text("target"), options)
            if text("target")
            else None
        )
    parts = node.text.split(":")
    if len(parts) == 1:
        return Mount("volume", "", parts[0]) if parts[0].startswith("/") else None
    source, target, options = parts[0], parts[1], ":".join(parts[2:])
    is_path = source.startswith((".", "/", "~")) or "/" in source or not source
    return Mount("bind" if is_path else "volume", source, target, options)
