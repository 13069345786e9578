"""What a failing database means, and what helps."""

from __future__ import annotations

from havre.errors import ServerError

_TOLD = (
    (
        ("database is locked", "database table is locked"),
        "the records are locked by another program",
        "a backup or a shell may hold them (fuser -v db/havre.sqlite3); Havre goes on by itself then",
    ),
    (
        ("disk is full", "no space left", "disk i/o error", "could not extend file"),
        "the records cannot be written, the disk is full or broken",
        "free space: `havre doctor` shows the disks; docker builder prune; Havre goes on by itself then",
    ),
    (
        ("readonly", "read-only"),
        "the records may not be written",
        "the file system may have become read-only: dmesg; else see `havre doctor`",
    ),
    (
        ("malformed", "not a database"),
        "the file of the records is damaged",
        "stop Havre and bring back the last backup of its state directory",
    ),
    (
        ("unable to open", "could not connect", "connection refused", "server closed the connection"),
        "the records cannot be opened",
        "is the disk there and not full, is the database server running? `havre doctor` looks",
    ),
)


def of_records(error: Exception) -> ServerError:
    """An error of the database as one of ours, with its remedy.

    Args:
        error: a ``DatabaseError`` of Django's. Its words may hold values, so only known ones are told.
    """
    words = str(error).lower()
    for patterns, message, hint in _TOLD:
        if any(pattern in words for pattern in patterns):
            return ServerError(message, hint=hint, retryable=True)
    return ServerError(
        f"the records do not answer ({type(error).__name__})",
        hint="the log of Havre says more; `havre doctor` looks at disk and database",
        retryable=True,
    )
