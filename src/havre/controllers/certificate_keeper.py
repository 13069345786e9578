"""Gives the router new certificate files soon after they changed, and renews those of the local authority."""

from __future__ import annotations

import logging
import threading
from typing import Final

from django.db import close_old_connections

from havre.errors import HavreError
from havre.operations.certificates import Certificates

log = logging.getLogger(__name__)

_EVERY: Final = 20.0  # seconds


def keep(certificates: Certificates, stopping: threading.Event) -> None:
    """Look again and again, until the worker stops."""
    while not stopping.is_set():
        close_old_connections()
        try:
            if certificates.refresh():
                log.info("certificates were published")
        except HavreError as error:
            log.warning("certificates: %s", error.message)
        except Exception:
            log.exception("certificates")
        stopping.wait(_EVERY)
