"""Watches everything that can fail, and tells people: two threads, for a channel may be slow."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from django.db import close_old_connections
from django.utils import timezone

from havre.operations.alerting.deliver import Heart, deliver
from havre.operations.alerting.watch import Watcher
from havre.operations.context import Platform
from havre.records import alerting

log = logging.getLogger(__name__)

_LOOK: Final = 5.0  # seconds
_DELIVER: Final = 2.0  # seconds
_SILENT: Final = 180.0
"""Seconds without a look after which no sign of life is given: who watches stands still."""
_DAY: Final = 86_400.0


class AlertWatch:
    """Two threads of the worker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._watcher = Watcher(platform)
        self._heart = Heart(platform.config)
        self._looked = time.monotonic()
        self._tidied = 0.0

    def start(self) -> None:
        """Begin; the threads end with the worker."""
        for target, name in ((self._watch, "alerts"), (self._deliver, "channels")):
            threading.Thread(target=target, name=name, daemon=True).start()

    def _watch(self) -> None:
        while not self._platform.stopping.wait(_LOOK):
            close_old_connections()
            try:
                self._watcher.watch()
                self._looked = time.monotonic()
                if self._looked - self._tidied > _DAY:
                    self._tidied = self._looked
                    alerting.forget_old(timezone.now())
            except Exception:
                log.exception("alerts")

    def _deliver(self) -> None:
        while not self._platform.stopping.wait(_DELIVER):
            close_old_connections()
            try:
                if time.monotonic() - self._looked < _SILENT:
                    self._heart.beat()
                deliver(self._platform.config)
            except Exception:
                log.exception("channels")
