"""What is watched: how bad each kind is, how long it has to last, and at which figure it begins and ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from havre.domain.alerting.machine import Patience, is_beyond
from havre.domain.alerting.telling import Severity
from havre.domain.continuity.objectives import Objectives
from havre.domain.continuity.watching import ASKED

SERVER: Final = "server"
"""The place of what concerns the whole server."""
_NOTHING: Final = timedelta()
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Kind:
    """Of checks.

    Attributes:
        severity: how bad it is.
        patience: how long it has to last.
        enter: figure at which it becomes bad; None: it is bad or good by itself.
        leave: figure below which it is good again.
    """

    severity: Severity
    patience: Patience
    enter: float | None = None
    leave: float | None = None


def _kind(
    severity: Severity,
    bad: timedelta = _NOTHING,
    good: timedelta = _NOTHING,
    *,
    enter: float | None = None,
    leave: float | None = None,
) -> Kind:
    return Kind(severity, Patience(bad, good), enter, leave)


def _each_time(severity: Severity) -> Kind:
    """Told at once and every time: who finds it is patient enough, or it is an event."""
    return Kind(severity, Patience(is_doubled=False))


_C, _W = Severity.CRITICAL, Severity.WARNING
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "http": _kind(_C, _MINUTE, _MINUTE),
        "tcp": _kind(_C, _MINUTE, _MINUTE),
        "certificate": _kind(_W, _NOTHING, _NOTHING),
        "disk": _kind(_W, _MINUTE, 5 * _MINUTE, enter=0.85, leave=0.8),
        "disk-full": _kind(_C, _MINUTE, 5 * _MINUTE, enter=0.95, leave=0.92),
        "disk-forecast": _kind(_W, 60 * _MINUTE, 60 * _MINUTE),
        "memory": _kind(_W, 10 * _MINUTE, 10 * _MINUTE, enter=0.92, leave=0.88),
        "container-memory": _kind(_W, 10 * _MINUTE, 10 * _MINUTE, enter=0.92, leave=0.85),
        "restarts": _kind(_W, _NOTHING, 15 * _MINUTE, enter=3.0, leave=1.0),
        "oom": _kind(_C, _NOTHING, 15 * _MINUTE),
        "errors": _kind(_C, 2 * _MINUTE, 5 * _MINUTE, enter=0.05, leave=0.02),
        "latency": _kind(_W, 5 * _MINUTE, 5 * _MINUTE, enter=2.0, leave=1.5),
        "deployment": _each_time(_W),
        "backup": _each_time(_C),
        "archive": _each_time(_C),
        "rpo": _kind(_C, 2 * _MINUTE, 2 * _MINUTE),
        "rto": _kind(_W),
        "node": _kind(_C, _MINUTE, 2 * _MINUTE),
        "clock": _kind(_W, 5 * _MINUTE, 5 * _MINUTE, enter=2.0, leave=1.0),
        "engine": _kind(_C, _MINUTE, _MINUTE),
    }
)
"""By name; the names are those that silences match."""


@dataclass(frozen=True)
class Look:
    """What one check saw.

    Attributes:
        kind: of ``KINDS``.
        place: ``PROJECT/ENVIRONMENT``, or ``server``.
        subject: what of it: a service, a host, a disk; may be empty.
        is_bad: whether it is; None if it is unknown, or decided by ``value``.
        value: the figure, for kinds that have limits.
        facts: for the words.
        service: whose log tells more; may be empty.
    """

    kind: str
    place: str
    subject: str = ""
    is_bad: bool | None = None
    value: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is a look at."""
        return (self.kind, self.place, self.subject)

    def verdict(self, *, was: bool) -> bool | None:
        """Whether it is bad, by the kind's limits where it has them.

        Args:
            was: whether it was bad before.
        """
        limits = KINDS[self.kind]
        if limits.enter is None or limits.leave is None:
            return self.is_bad
        return is_beyond(self.value, enter=limits.enter, leave=limits.leave, was=was)


def machine(figures: Mapping[str, float], *, full_in: Mapping[str, float | None]) -> Iterator[Look]:
    """The server's own.

    Args:
        figures: newest values of its series, by name; what is not known lacks.
        full_in: seconds until a disk is full, by its name; None: not within a year.
    """
    yield Look(
        "memory", SERVER, value=figures.get("memory.used_share"), facts=_share(figures, "memory.used_share")
    )
    for name, seconds in full_in.items():
        share = figures.get(f"disk.{name}.used_share")
        facts = _share(figures, f"disk.{name}.used_share")
        yield Look("disk", SERVER, name, value=share, facts=facts)
        yield Look("disk-full", SERVER, name, value=share, facts=facts)
        is_soon = seconds is not None and seconds < timedelta(days=7).total_seconds()
        days = None if seconds is None else round(seconds / 86_400, 1)
        yield Look(
            "disk-forecast", SERVER, name, is_bad=is_soon if share is not None else None, facts={"days": days}
        )


def engine_clock(skew: float | None) -> Look:
    """How far the engine's clock is away, in seconds; None if it is unknown."""
    value = None if skew is None else abs(skew)
    return Look("clock", SERVER, "engine", value=value, facts={"seconds": value and round(value, 1)})


def _share(figures: Mapping[str, float], name: str) -> dict[str, Any]:
    return {"percent": round(figures[name] * 100)} if name in figures else {}


def service(place: str, name: str, figures: Mapping[str, float], *, fewest: float = 0.2) -> Iterator[Look]:
    """A service's figures of the last minutes.

    Args:
        place: its environment.
        name: of the service.
        figures: means of some minutes, by the name of the series.
        fewest: requests a second below which a share of errors or a percentile says nothing.
    """
    is_asked = figures.get("requests", 0.0) >= fewest
    errors = figures.get("errors_share", 0.0) if is_asked else 0.0
    latency = figures.get("latency.p95", 0.0) if is_asked else 0.0
    if "requests" in figures:
        yield Look(
            "errors", place, name, value=errors, facts={"percent": round(errors * 100, 1)}, service=name
        )
        yield Look("latency", place, name, value=latency, facts={"seconds": round(latency, 2)}, service=name)
    if "memory_share" in figures:
        share = figures["memory_share"]
        yield Look(
            "container-memory", place, name, value=share, facts={"percent": round(share * 100)}, service=name
        )


def answer(place: str, host: str, name: str, *, status: int | None, error: str, seconds: float) -> Look:
    """What a probe through the public route got: bad without an answer, and from 500 on."""
    is_bad = status is None or status >= 500  # noqa: PLR2004 - HTTP
    facts = {"status": status, "error": error or f"status {status}", "seconds": round(seconds, 2)}
    return Look("http", place, host, is_bad=is_bad, facts=facts, service=name)


def certificate(place: str, host: str, ends: datetime | None, now: datetime) -> Look:
    """When the certificate that is served ends; all are renewed at least 20 days before."""
    left = None if ends is None else (ends - now).total_seconds() / 86_400
    is_bad = None if left is None else left < 14  # noqa: PLR2004 - days
    return Look(
        "certificate", place, host, is_bad=is_bad, facts={"days": None if left is None else int(left)}
    )


def backups(place: str, subject: str, problems: Mapping[str, str]) -> Iterator[Look]:
    """Problems that the backups' own watch found.

    Args:
        place: the environment.
        subject: the database; empty for what is saved beside them.
        problems: by kind, in words.
    """
    for problem, cause in sorted(problems.items()):
        kind = "archive" if problem in ASKED else "backup"
        what = f"{subject} {problem}".strip()
        facts = {"cause": cause, "problem": problem}
        yield Look(kind, place, what, is_bad=True, facts=facts, service=subject)


def objectives(
    place: str, wanted: Objectives, *, rto: float | None, losses: Mapping[str, float | None]
) -> Iterator[Look]:
    """RTO of the newest drill and RPO now, against what is wanted.

    Args:
        place: the environment.
        wanted: its objectives, in seconds.
        rto: what the newest drill took; None without one.
        losses: seconds that would be lost now, by database; None: all.
    """
    if rto is not None:
        took = {"seconds": round(rto), "objective": round(wanted.rto)}
        yield Look("rto", place, is_bad=rto > wanted.rto, facts=took)
    for name, seconds in losses.items():
        facts = {"seconds": None if seconds is None else round(seconds), "objective": round(wanted.rpo)}
        yield Look(
            "rpo", place, name, is_bad=seconds is None or seconds > wanted.rpo, facts=facts, service=name
        )
