"""What ``pgbackrest verify --verbose`` found.

It ends with code 0 whatever it found (2.55), so only its report counts, and only what the report says is
good is good: silence is no answer. Format, as seen of 2.55::

    stanza: main
    status: error
      archiveId: 17-1, total WAL checked: 2, total valid WAL: 2
        missing: 0, checksum invalid: 0, size invalid: 0, other: 0
      backup: 20261130-112031F, status: invalid, total files checked: 966, total valid files: 965
        missing: 0, checksum invalid: 1, size invalid: 0, other: 0

Lines such as ``invalid checksum '20261130-112031F/bundle/2'`` come before it.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

_STATUS: Final = re.compile(r"^\s*status: (\w+)", re.MULTILINE)
_BACKUP: Final = re.compile(r"^\s*backup: (\S+), status: ([^,]+)", re.MULTILINE)
_WAL: Final = re.compile(
    r"^\s*archiveId: \S+, total WAL checked: (\d+), total valid WAL: (\d+)", re.MULTILINE
)
_DAMAGE: Final = re.compile(
    r"ERROR|error|status: (?!ok|valid)|(?:missing|invalid|other): [1-9]|invalid \w+ '"
)


@dataclass(frozen=True)
class Verification:
    """The report of one repository.

    Attributes:
        is_complete: whether there is a report at all.
        valid: the backups of which every file is as it was saved.
        invalid: those of which one is not.
        wal_checked: segments of WAL that were read.
        wal_valid: how many of them are as they were saved.
        damage: the lines that tell what is wrong.
        cause: why it was not read to its end.
    """

    is_complete: bool
    valid: frozenset[str] = frozenset()
    invalid: frozenset[str] = frozenset()
    wal_checked: int = 0
    wal_valid: int = 0
    damage: tuple[str, ...] = ()
    cause: str = ""

    def problem(self, expected: Collection[str]) -> str:
        """What is wrong, in words; empty if every expected backup and all WAL were found good.

        Args:
            expected: the labels that the repository lists.
        """
        if not self.is_complete:
            return self.cause or "it was not read to its end"
        if self.invalid or self.wal_valid != self.wal_checked:
            bad = [
                *sorted(self.invalid),
                *([f"{self.wal_checked - self.wal_valid} of {self.wal_checked} segments of WAL"]
                  if self.wal_valid != self.wal_checked else ()),
            ]  # fmt: skip
            return f"files are damaged or missing: {', '.join(bad)}"
        unread = sorted(set(expected) - self.valid)
        return f"not read back: {', '.join(unread)}" if unread else ""


def parse(log: str) -> Verification:
    """Read what it wrote."""
    statuses = dict(_BACKUP.findall(log))
    wal = [(int(checked), int(valid)) for checked, valid in _WAL.findall(log)]
    return Verification(
        is_complete=bool(_STATUS.search(log)),
        valid=frozenset(label for label, status in statuses.items() if status == "valid"),
        invalid=frozenset(label for label, status in statuses.items() if status != "valid"),
        wal_checked=sum(checked for checked, _ in wal),
        wal_valid=sum(valid for _, valid in wal),
        damage=tuple(line.strip() for line in log.splitlines() if _DAMAGE.search(line)),
    )
