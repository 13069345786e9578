"""The report in words: every row and figure as text, once for the page and for the document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from havre.domain.continuity.report import Copies, Drilled, Event, Plot, Protected, Report, plot
from havre.interfaces.report.texts import Texts

_YEAR: Final = timedelta(days=365)
MOST_DRILLS: Final = 13
"""In the table; the plot has :data:`MOST_MARKS`."""
MOST_MARKS: Final = 53
MOST_EVENTS: Final = 40
_DASH: Final = "\u2013"


@dataclass(frozen=True)
class Key:
    """A figure that stands out."""

    label: str
    value: str
    text: str
    objective: str = ""
    is_bad: bool = False


@dataclass(frozen=True)
class DatabaseRow:
    """A database in words."""

    service: str
    environment: str
    here: str
    here_problem: str
    elsewhere: str
    elsewhere_problem: str
    verified: str
    at_risk: str
    objective: str
    is_late: bool


@dataclass(frozen=True)
class DrillRow:
    """A drill in words."""

    at: str
    environment: str
    outcome: str
    is_good: bool
    rto: str
    rpo: str
    rows: str
    problem: str


@dataclass(frozen=True)
class EventRow:
    """Who did what, in words; ``style`` is ``ok``, ``no`` or nothing."""

    at: str
    actor: str
    kind: str
    place: str
    state: str
    style: str


def _is_unknown(each: Protected) -> bool:
    """Whether nobody knows what of it would be lost; else, without a copy elsewhere, all of it would be."""
    return bool(each.problem) or each.copy("offsite") is not None


class Wording:
    """A report in one language.

    Args:
        report: what is told.
        language: one of :data:`havre.interfaces.report.texts.LANGUAGES`.
    """

    def __init__(self, report: Report, language: str) -> None:
        self.report = report
        self.t = Texts(language)

    @property
    def findings(self) -> list[str]:
        """What there is to look at, in sentences."""
        return [
            self.t.say(f"find_{each.code}", name=each.name, detail=each.detail.rstrip("."))
            for each in self.report.findings
        ]

    @property
    def plot(self) -> Plot:
        """The drills of the plot."""
        return plot(sorted(self.report.drills, key=lambda each: each.at)[-MOST_MARKS:])

    @property
    def objective(self) -> str:
        """The objective for recovery times; empty without a drill."""
        found = [each.objective_rto for each in self.report.latest]
        return self.t.span(min(found)) if found else ""

    @property
    def keys(self) -> list[Key]:
        """The three figures that stand out."""
        return [self._rto(), self._rpo(), self._drills()]

    @property
    def protected_text(self) -> str:
        """How copies are made, and where elsewhere is."""
        if not self.report.storage:
            return self.t["no_place"]
        return f"{self.t['protected_text']} {self.t.say('elsewhere_at', place=self.report.storage)}"

    @property
    def databases(self) -> list[DatabaseRow]:
        """The databases."""
        return [self._database(each) for each in self.report.databases]

    @property
    def drills(self) -> list[DrillRow]:
        """The newest drills, the newest first."""
        newest = sorted(self.report.drills, key=lambda each: each.at, reverse=True)[:MOST_DRILLS]
        return [self._drill(each) for each in newest]

    @property
    def events(self) -> list[EventRow]:
        """The newest events, the newest first."""
        return [self._event(each) for each in self.report.events[:MOST_EVENTS]]

    def _rto(self) -> Key:
        measured = [each for each in self.report.latest if each.rto is not None]
        label, text = self.t["key_rto"], self.t["key_rto_text"]
        if not measured:
            return Key(label, _DASH, text, is_bad=True)
        worst = max(measured, key=lambda each: each.rto or 0.0)
        objective = self.t.say("objective", span=self.t.span(worst.objective_rto))
        return Key(label, self._span(worst.rto), text, objective, (worst.rto or 0) > worst.objective_rto)

    def _rpo(self) -> Key:
        label, text = self.t["key_rpo"], self.t["key_rpo_text"]
        if not self.report.databases:
            return Key(label, _DASH, text)
        objective = min(each.objective_rpo for each in self.report.databases)
        told = self.t.say("objective", span=self.t.span(objective))
        if any(each.at_risk is None for each in self.report.databases):
            unknown = any(_is_unknown(each) for each in self.report.databases if each.at_risk is None)
            return Key(label, self.t["unknown" if unknown else "everything"], text, told, is_bad=True)
        worst = max(each.at_risk or 0.0 for each in self.report.databases)
        late = any((each.at_risk or 0) > each.objective_rpo for each in self.report.databases)
        return Key(label, self._span(worst), text, told, late)

    def _drills(self) -> Key:
        recent = [each for each in self.report.drills if self.report.made_at - each.at <= _YEAR]
        good = sum(each.is_good for each in recent)
        value = f"{good} / {len(recent)}" if recent else _DASH
        return Key(self.t["key_drills"], value, self.t["key_drills_text"], is_bad=not good)

    def _database(self, each: Protected) -> DatabaseRow:
        here, there = each.copy("local"), each.copy("offsite")
        problems = {copy.where: copy.problem for copy in each.copies}
        unknown = self.t["unknown" if _is_unknown(each) else "everything"]
        return DatabaseRow(
            service=each.service,
            environment=each.environment,
            here=self._copies(here),
            here_problem=each.problem or problems.get("local", ""),
            elsewhere=self._copies(there),
            elsewhere_problem=problems.get("offsite", ""),
            verified=self.t.short(there.verified) if there and there.verified else self.t["never"],
            at_risk=unknown if each.at_risk is None else self._span(each.at_risk),
            objective=self.t.say("objective", span=self.t.span(each.objective_rpo)),
            is_late=each.at_risk is None or each.at_risk > each.objective_rpo,
        )

    def _copies(self, copies: Copies | None) -> str:
        if copies is None or copies.newest is None:
            return self.t["none"]
        unbroken = self.t.short(copies.newest).replace(" ", "\u00a0").replace("-", "\u2011")
        return self.t.counted("copies", copies.count, date=unbroken)

    def _drill(self, each: Drilled) -> DrillRow:
        return DrillRow(
            at=self.t.short(each.at),
            environment=each.environment,
            outcome=self.t["succeeded" if each.is_good else "failed"],
            is_good=each.is_good,
            rto=self._span(each.rto),
            rpo=self._span(each.rpo),
            rows=_DASH if each.rows is None else self.t.number(each.rows),
            problem=each.problem,
        )

    def _event(self, each: Event) -> EventRow:
        style = {"succeeded": "ok", "failed": "no"}.get(each.state, "")
        return EventRow(
            self.t.short(each.at),
            each.actor,
            self.t.kind(each.kind),
            each.place,
            self.t[f"state_{each.state}"],
            style,
        )

    def _span(self, seconds: float | None) -> str:
        return _DASH if seconds is None else self.t.span(seconds)
