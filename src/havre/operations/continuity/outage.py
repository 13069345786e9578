"""Notice that the off-site storage died while something long reads or writes there."""

from __future__ import annotations

import time
from typing import Final

from havre.adapters.host.machine import answers
from havre.domain.continuity.outage import PATIENCE, Outage
from havre.domain.continuity.repositories import OffSite
from havre.errors import BackupError

_PAUSE: Final = 5.0  # seconds between looks


class StorageWatch:
    """Looks at a storage every few seconds, when it is asked to.

    Args:
        place: where the storage is; None where nothing is to be looked at.
        patience: seconds without an answer after which it is given up.
    """

    def __init__(self, place: OffSite | None, patience: float = PATIENCE) -> None:
        self._place = place
        self._outage = Outage(patience)
        self._looked = float("-inf")

    def require(self) -> None:
        """Look, unless that was a moment ago.

        Raises:
            BackupError: it answered before, and has not for too long.
        """
        now = time.monotonic()
        if self._place is None or now - self._looked < _PAUSE:
            return
        self._looked = now
        if self._outage.is_over_long(answers=answers(self._place.host, self._place.port), now=now):
            raise BackupError(
                "the off-site storage cannot be reached any more",
                hint="`havre backup storage test` looks closer",
                retryable=True,
            )
