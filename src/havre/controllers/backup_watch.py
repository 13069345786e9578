"""Watches over the backups: WAL that is not archived, backups that failed, and those that never ran."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from django.db import close_old_connections

from havre.errors import HavreError
from havre.operations.context import Platform
from havre.operations.continuity import watch
from havre.records.models import Environment

log = logging.getLogger(__name__)

_PAUSE: Final = 15.0
"""Seconds between looks: with the patience for WAL, what stands still is seen within a minute."""


class BackupWatch:
    """One thread of the worker.

    Args:
        platform: tells when the worker stops.
        wake: called when operations were queued.
    """

    def __init__(self, platform: Platform, wake: Callable[[], None]) -> None:
        self._platform = platform
        self._wake = wake

    def start(self) -> threading.Thread:
        """Begin to watch."""
        thread = threading.Thread(target=self._watch, name="backup-watch", daemon=True)
        thread.start()
        return thread

    def _watch(self) -> None:
        while not self._platform.stopping.wait(_PAUSE):
            close_old_connections()
            if self.look():
                self._wake()

    def look(self) -> bool:
        """Look at every environment; whether a backup was queued."""
        queued = False
        for environment in Environment.objects.select_related("project", "current_release"):
            if self._platform.stopping.is_set():
                break
            try:
                queued |= watch.look(self._platform, environment)
            except HavreError as error:
                log.warning("backups of %s: %s", environment, error.message)
            except Environment.DoesNotExist:
                continue  # destroyed a moment ago
            except Exception:
                log.exception("backups of %s", environment)
        return queued
