"""The recovery kit of this server: made of the off-site storage, and tried before anybody relies on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from havre.config import Config
from havre.domain.continuity import kit as kits
from havre.domain.continuity.archive import Snapshot
from havre.domain.continuity.kit import Kit
from havre.errors import UsageError
from havre.operations.server.rebuild import read_with
from havre.records.opening import open_records


@dataclass(frozen=True)
class Made:
    """A kit that opens the archive, as text; and the newest state that it led to."""

    kit: Kit
    text: str
    state: Snapshot
    made_at: datetime

    def __repr__(self) -> str:
        return f"Made({self.kit!r})"


def make(config: Config, *, actor: str, report: Callable[[str], None]) -> Made:
    """Make the kit, read it back from its own text, and read the archive with exactly that.

    That ``actor`` read it is in the audit log before anything of it is told.

    Raises:
        UsageError: no storage is set, or this account may not open its keys.
        BackupError: the archive cannot be read, or holds no state yet.
    """
    open_records(config)
    from havre.operations.continuity.storage import Storage  # noqa: PLC0415 - after Django is set up
    from havre.records import audit_log, continuity  # noqa: PLC0415

    row = continuity.newest_storage()
    if row is None:
        raise UsageError("no off-site storage is set", hint="set one: havre backup storage set")
    if not os.access(config.paths.private_key, os.R_OK):
        raise UsageError("this account may not open the keys", hint="run it as root on the server")
    storage = Storage.opened(config, row)
    now = datetime.now(UTC)
    audit_log.record(audit_log.By(actor, "socket"), "read the recovery kit", details={"version": row.version})
    written = kits.text(
        Kit(storage.place, storage.keys, storage.ca), server=socket.gethostname(), made_at=now
    )
    kit = kits.parse(written)
    return Made(kit, written, read_with(config, kit, report=report), now)


def record_stored(*, actor: str) -> None:
    """Remember that the kit is kept elsewhere, until a key changes; the records are open."""
    from havre.records import continuity  # noqa: PLC0415 - after Django is set up

    row = continuity.newest_storage()
    if row:
        continuity.record_kit_stored(row, actor=actor)
