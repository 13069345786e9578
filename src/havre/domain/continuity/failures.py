"""Why pgBackRest failed: the cause in plain words, and the remedy.

Its errors are lines such as ``P00  ERROR: [032]: what happened``, with more lines below
(https://pgbackrest.org/command.html). Nothing of them is shown that could hold a secret: pgBackRest
itself leaves keys and passphrases out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ERROR: Final = re.compile(r"ERROR: \[(\d+)\]: (.*)")
_FATAL: Final = re.compile(r"(?:FATAL|PANIC):\s+(.*)")  # PostgreSQL's own, as it replays WAL
_LONGEST: Final = 300


@dataclass(frozen=True)
class Cause:
    """What went wrong, and what helps."""

    message: str
    hint: str = ""


_LOCKED: Final = re.compile(r"\[050\]|unable to acquire lock")
_STORAGE: Final = "`havre backup storage test` looks closer"
_DISKS: Final = "`havre doctor` looks at the disks"
_KNOWN: Final[tuple[tuple[str, str, str], ...]] = (
    (
        # The last one: it was deciphered, to nonsense.
        r"cipher header invalid|unable to flush|CryptoError|\[029\].*(?:cipher|decrypt)|key/value found out",
        "the passphrase does not open the repository",
        "give the one that the repository was made with: havre backup storage set --passphrase-file FILE",
    ),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|\b403\b|AccessDenied|Forbidden",
        "the off-site storage refused the keys",
        f"set valid ones by `havre backup storage set`; {_STORAGE}",
    ),
    (
        r"NoSuchBucket|\b404 \(Not Found\)",
        "the off-site storage has no such bucket",
        "make the bucket, or name another one: havre backup storage set --bucket NAME",
    ),
    (
        r"certificate|unable to verify",
        "the certificate of the off-site storage is not trusted",
        "name the file of its authority: havre backup storage set --ca FILE",
    ),
    (
        r"unable to get address|unable to connect|timeout .*connect|HostConnectError|Connection refused",
        "the off-site storage cannot be reached",
        _STORAGE,
    ),
    (r"No space left on device", "the disk is full", _DISKS),
    # All that pgBackRest (2.55) says of a disk that is full.
    (r"unable to write '/", "a file could not be written: the disk is full, or it fails", _DISKS),
    (
        _LOCKED.pattern,
        "another backup of this database runs",
        "wait for it: havre operations list",
    ),
    (
        r"new backup label .* is not later than latest",
        "the newest backup there has a date that is still to come: it was made while the clock was wrong",
        "back up again when that date is past; or remove that backup: pgbackrest expire --set=LABEL",
    ),
    (
        r"\[082\]|WAL segment .* was not archived",
        "the WAL of the backup did not reach the repository in time",
        f"is the off-site storage slow or away? {_STORAGE}",
    ),
    (
        r"\[028\].*do(?:es)? not match",
        "the repository holds backups of another database cluster",
        "restore from it, or keep it elsewhere by another prefix",
    ),
    (
        r"recovery ended before configured recovery target was reached",
        "the archive ends before the wanted moment",
        "choose an earlier one, or restore to the latest",
    ),
    (
        r"is not a child of this server's history",
        "the wanted moment is on a history that was left by an earlier restore",
        "choose a moment before that restore, or after it",
    ),
    (
        r"the WAL could not be read to its end",
        "the WAL could not be read to its end: what was written last would be missing",
        f"try again; {_STORAGE}; or choose a time before that: havre restore --to TIME",
    ),
    (r"\[055\]|missing .*file|unable to load info file", "the repository is empty or damaged", _STORAGE),
)


def is_locked(log: str) -> bool:
    """Whether it failed because another one was at work."""
    return bool(_LOCKED.search(log))


def waits_for_wal(log: str) -> bool:
    """Whether it failed because WAL did not come: why it did not, others know."""
    return "[082]" in log


def errors(log: str) -> list[str]:
    """The lines of a log that tell errors, without what is before the message."""
    return [f"[{found.group(1)}] {found.group(2).strip()}" for found in _ERROR.finditer(log)]


def cause(log: str) -> Cause:
    """The cause that a log tells; its own words where it is none of the known ones."""
    for pattern, message, hint in _KNOWN:
        if re.search(pattern, log):
            return Cause(message, hint)
    told = errors(log) or _FATAL.findall(log)
    if told:
        return Cause(told[0][:_LONGEST])
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return Cause(lines[-1][:_LONGEST] if lines else "it ended without a word")
