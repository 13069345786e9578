"""Sends the log by OTLP as it is stored, where the settings say where to."""

from __future__ import annotations

import logging
import threading
from typing import Final

from havre.adapters.logs.writer import Stored
from havre.adapters.otlp.logs import LogReceiver
from havre.errors import HavreError
from havre.operations import send_logs
from havre.operations.context import Platform
from havre.operations.live_log import Following, LiveLog

log = logging.getLogger(__name__)

_PAUSE: Final = 1.0
"""Seconds in which lines gather for a request."""
_RETRY: Final = 5.0  # seconds after a failure


class LogExport:
    """One thread of the worker, if there is somewhere to send to.

    While the receiver is away, as many lines wait as one who follows may be behind; then the oldest are
    left out, and that is said. The log itself has them.
    """

    def __init__(self, platform: Platform, live: LiveLog) -> None:
        self._platform = platform
        self._live = live
        self._told = ""
        self._waiting: list[Stored] = []

    def start(self) -> None:
        """Begin; the thread ends with the worker."""
        if self._platform.config.otlp_logs_endpoint:
            threading.Thread(target=self._run, name="otlp-logs", daemon=True).start()

    def _run(self) -> None:
        receiver: LogReceiver | None = None
        with self._live.following(lambda _source: True) as following:
            while not self._platform.stopping.is_set():
                try:
                    receiver = receiver or send_logs.receiver(self._platform.config)
                    self._send(receiver, following)
                    self._told = ""
                except HavreError as error:
                    if error.message != self._told:
                        log.warning("logs by OTLP: %s", error.message)
                    self._told = error.message
                    self._platform.stopping.wait(_RETRY)
                except Exception:
                    log.exception("logs by OTLP")
                    self._waiting = []  # whatever is in it, it is not met again
                    self._platform.stopping.wait(_RETRY)

    def _send(self, receiver: LogReceiver, following: Following) -> None:
        """Send what waits, or what came."""
        if not self._waiting:
            self._waiting, missed = following.take(_PAUSE)
            if missed:
                log.warning(
                    "logs by OTLP: %d lines came faster than they were taken, and were left out", missed
                )
        if self._waiting:
            self._waiting = self._waiting[send_logs.send(receiver, self._waiting) :]
            if not self._waiting:
                self._platform.stopping.wait(_PAUSE)
