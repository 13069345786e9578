"""Sends the newest figures by OTLP every half a minute, where the settings say where to."""

from __future__ import annotations

import logging
import threading
from typing import Final

from havre.adapters.otlp import Receiver
from havre.errors import HavreError
from havre.operations.context import Platform
from havre.operations.metrics import export

log = logging.getLogger(__name__)

_PAUSE: Final = 30.0  # seconds


class FigureExport:
    """One thread of the worker, if there is somewhere to send to."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._told = ""

    def start(self) -> None:
        """Begin; the thread ends with the worker."""
        if self._platform.config.otlp_endpoint:
            threading.Thread(target=self._run, name="otlp", daemon=True).start()

    def _run(self) -> None:
        receiver: Receiver | None = None
        while not self._platform.stopping.wait(_PAUSE):
            try:
                receiver = receiver or export.receiver(self._platform.config)
                export.send(self._platform.config, receiver)
                self._told = ""
            except HavreError as error:
                if error.message != self._told:
                    log.warning("figures by OTLP: %s", error.message)
                self._told = error.message
            except Exception:
                log.exception("figures by OTLP")
