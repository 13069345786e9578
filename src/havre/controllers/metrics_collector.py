"""Collects figures every ten seconds, at multiples of them, so that each falls into a bucket of its own."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from django.db import close_old_connections

from havre.domain.metrics.rollup import LEVELS
from havre.operations.context import Platform
from havre.operations.metrics.collect import Collector

log = logging.getLogger(__name__)

_PAUSE: Final = LEVELS[0].step
_TIDY: Final = 360
"""Looks between two at what was destroyed: an hour."""


class MetricsCollector:
    """One thread of the worker."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._collector = Collector(platform)

    def start(self) -> threading.Thread:
        """Begin to collect; the thread ends with the worker."""
        thread = threading.Thread(target=self._run, name="metrics", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        looks, is_trouble_told = 0, False
        while not self._platform.stopping.wait(_PAUSE - time.time() % _PAUSE):
            close_old_connections()
            try:
                if looks % _TIDY == 0:
                    self._collector.forget_destroyed()
                self._collector.collect()
                is_trouble_told = False
            except OSError as error:
                if not is_trouble_told:
                    log.warning("metrics cannot be stored: %s", error.strerror)
                is_trouble_told = True
            except Exception:
                log.exception("metrics")
            looks += 1
