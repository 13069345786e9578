"""Look at everything in turn, and take what was seen to the records."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from havre.domain.alerting.checks import KINDS, Look
from havre.errors import HavreError
from havre.operations import read_logs
from havre.operations.alerting import hooks, looks, wording
from havre.operations.context import Platform
from havre.records import alerting
from havre.records.models import Incident

log = logging.getLogger(__name__)

_LINES: Final = 20
_LONGEST: Final = 500
"""Characters of a line of a log that are told."""


@dataclass(frozen=True)
class Source:
    """Of looks.

    Attributes:
        kinds: of the looks that it gives.
        every: seconds between two looks.
        look: gives all there are.
    """

    kinds: frozenset[str]
    every: float
    look: Callable[[Platform], Collection[Look]]


SOURCES: Final = (
    Source(frozenset({"engine"}), 15, looks.engine),
    Source(frozenset({"http"}), 15, looks.routes),
    Source(frozenset({"tcp"}), 15, looks.ports),
    Source(frozenset({"restarts", "oom"}), 15, looks.running),
    Source(frozenset({"node"}), 15, looks.nodes),
    Source(frozenset({"deployment"}), 15, looks.deployments),
    Source(frozenset({"backup", "archive"}), 5, looks.backups),
    Source(frozenset({"errors", "latency", "container-memory"}), 30, looks.services),
    Source(frozenset({"memory", "disk", "disk-full", "disk-forecast"}), 30, looks.server),
    Source(frozenset({"clock"}), 60, looks.clocks),
    Source(frozenset({"rpo", "rto"}), 60, looks.objectives),
    Source(frozenset({"certificate"}), 600, looks.certificates),
)
"""All of them; together they give every kind of ``domain.alerting.checks.KINDS``."""


class Watcher:
    """Remembers when each source was looked at.

    Args:
        platform: what is looked at.
        sources: where to look.
    """

    def __init__(self, platform: Platform, sources: Collection[Source] = SOURCES) -> None:
        self._platform = platform
        self._due = dict.fromkeys(sources, 0.0)

    def watch(self) -> None:
        """Look at what is due, and queue what people have to be told."""
        for source, due in list(self._due.items()):
            now = time.monotonic()
            if now < due or self._platform.stopping.is_set():
                continue
            self._due[source] = now + source.every
            self._look(source)
        alerting.tell(timezone.now(), is_named=hooks.is_named)

    def _look(self, source: Source) -> None:
        try:
            seen = source.look(self._platform)
        except HavreError as error:
            log.debug("checks of %s: %s", ", ".join(sorted(source.kinds)), error.message)
            return  # unknown: nothing changes
        except Exception:
            log.exception("checks of %s", ", ".join(sorted(source.kinds)))
            return
        for incident in alerting.observe(seen, source.kinds, timezone.now(), lines=self._lines):
            _log(incident)

    def _lines(self, seen: Look) -> list[str]:
        """The last lines of the log of a service, as they are kept: without secrets.

        Of a deployment that failed, the errors of all services while it ran.
        """
        project, _, name = seen.place.partition("/")
        if name and seen.service:
            asked = read_logs.Asked(project, name, services=[seen.service])
        elif name and seen.kind == "deployment":
            since = float(seen.facts.get("since") or time.time())
            asked = read_logs.Asked(project, name, since=since, level="error")
        else:
            return []
        try:
            found = read_logs.page(self._platform.config.paths.logs, asked, limit=_LINES)
        except (HavreError, OSError) as error:
            log.debug("the log of %s/%s: %s", seen.place, seen.service, error)
            return []
        return [_shown(row, of_many=not seen.service)[:_LONGEST] for row in found["lines"]]


def _shown(row: Mapping[str, Any], *, of_many: bool) -> str:
    text = str(row["message"] or row["line"])
    return f"{row['service']}: {text}" if of_many and row["service"] else text


def _log(incident: Incident) -> None:
    is_over = incident.over_at is not None
    log.log(
        logging.INFO if is_over else logging.WARNING,
        "%s: %s: %s", "over" if is_over else "alert", incident.place,
        wording.message(incident.kind, incident.subject, incident.facts, "en"),
    )  # fmt: skip


def unwatched() -> frozenset[str]:
    """Kinds that no source gives; there has to be none."""
    return frozenset(KINDS) - frozenset().union(*(source.kinds for source in SOURCES))
