"""Watches for what is changed in the engine by hand: soon after the engine's events, and each minute.

It only looks and records: `havre plan --drift` shows it, `havre adopt` or `havre apply` settles it.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from django.db import close_old_connections

from havre.domain.drift import Drift
from havre.errors import HavreError
from havre.operations import drift
from havre.operations.context import Platform
from havre.records import drifts
from havre.records.models import Environment

log = logging.getLogger(__name__)

_QUIET: Final = 60.0  # seconds between looks when nothing happens
_AGAIN: Final = 5.0  # seconds until another look where an operation was in the way
_SETTLED: Final = 3.0  # seconds without an event before what it left behind is looked at


class DriftWatch:
    """One thread that looks at every environment."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._heard = threading.Event()

    def start(self) -> threading.Thread:
        """Begin to watch."""
        thread = threading.Thread(target=self._watch, name="drift-watch", daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        """Something happened in the engine, or the worker stops."""
        self._heard.set()

    def _watch(self) -> None:
        is_done = True
        while not self._platform.stopping.is_set():
            if self._heard.wait(_QUIET if is_done else _AGAIN):
                self._heard.clear()
                while self._heard.wait(_SETTLED) and not self._platform.stopping.is_set():
                    self._heard.clear()
            if not self._platform.stopping.is_set():
                close_old_connections()
                is_done = self.look()

    def look(self) -> bool:
        """Record the drift of each environment that no operation is in the way of; whether that was each."""
        done = []
        for environment in Environment.objects.select_related("project", "current_release"):
            if self._platform.stopping.is_set():
                break
            try:
                done.append(self._look_at(environment))
            except HavreError as error:
                log.warning("drift of %s: %s", environment, error.message)
            except Environment.DoesNotExist:
                continue  # destroyed a moment ago
            except Exception:
                log.exception("drift of %s", environment)
        return all(done)

    def _look_at(self, environment: Environment) -> bool:
        found = drift.look_beside(self._platform, environment)
        if found is None:
            return False
        if drifts.record(environment, [each.as_data() for each in found]):
            log.info("drift of %s: %s", environment, _told(found))
        return True


def _told(found: tuple[Drift, ...]) -> str:
    return ", ".join(f"{each.kind} {each.name} {each.state}" for each in found) or "none any more"
