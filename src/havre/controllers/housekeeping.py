"""Keeps the disk from filling: after each operation that may leave something, and once a day.

Beside the operations, so that none of them takes longer for it or fails by it.
"""

from __future__ import annotations

import logging
import threading
from typing import Final

from django.db import close_old_connections

from havre.adapters.swarm import image_store
from havre.errors import HavreError
from havre.operations import prune
from havre.operations.context import Platform

log = logging.getLogger(__name__)

_DAY: Final = 24 * 3600.0  # seconds
_SETTLE: Final = 2.0  # seconds, for operations that end together
_AGAIN: Final = 5.0  # seconds until the containers of what was taken away are gone
_LOOKS: Final = 24


class Housekeeping:
    """One thread that prunes images and the build cache."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._wanted = threading.Event()
        self._wanted.set()  # an earlier worker may have died before it came to it

    def nudge(self) -> None:
        """Something ended that may have left something."""
        self._wanted.set()

    def start(self) -> threading.Thread:
        """Begin; the thread ends with the worker."""
        thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        looks = 0
        while not self._platform.stopping.is_set():
            is_new = self._wanted.wait(_AGAIN if looks else _DAY)
            looks = _LOOKS if is_new else looks
            self._platform.stopping.wait(_SETTLE if is_new else 0)
            self._wanted.clear()
            if self._platform.stopping.is_set():
                return
            close_old_connections()
            try:
                is_done = self.look()
            except HavreError as error:
                log.warning("housekeeping: %s", error.message)
                is_done = False
            except Exception:
                log.exception("housekeeping")
                is_done = True
            looks = 0 if is_done else max(looks - 1, 0)

    def look(self) -> bool:
        """Prune once; False if something will be free soon."""
        platform = self._platform
        pruned = prune.prune_images(platform.config, platform.engine)
        freed = image_store.prune_cache(platform.engine, platform.config.build_cache)
        if freed:
            log.info("build cache: %.1f MB removed", freed / 1e6)
        return not pruned.left
