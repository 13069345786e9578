"""When backups go by themselves: as pgBackRest keeps them, by time.

https://pgbackrest.org/configuration.html#section-repository/option-repo-retention-full-type: a full backup
goes when a newer one is itself as old as the retention says, and with it whatever is based on it, and the
WAL from before the oldest that stays. That is looked at after each backup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from havre.domain.continuity.info import BackupSet


@dataclass(frozen=True)
class Expiring:
    """A backup, and when the first backup after which it is gone is due; None: not while nothing is made."""

    backup: BackupSet
    at: datetime | None


def holding(
    backups: Sequence[BackupSet], moment: datetime, *, keep: timedelta, next_full: datetime | None
) -> tuple[Expiring, ...]:
    """The backups of one repository that hold what was there before a moment, the oldest first.

    Args:
        backups: of one repository, the oldest first.
        moment: what was removed then is in all that began before it.
        keep: how long full backups are kept.
        next_full: when the next full backup is made.
    """
    fulls = [each for each in backups if each.kind == "full"]
    after = {full.label: newer.stopped for full, newer in pairwise(fulls)}
    found = []
    for each in backups:
        if each.started >= moment and each.kind == "full":
            break  # and what is based on it
        newer = after.get(each.label.partition("_")[0], next_full)
        found.append(Expiring(each, newer + keep if newer else None))
    return tuple(found)
