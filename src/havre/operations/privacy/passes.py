"""What each process does with the rows of a dump in the three passes: collect, replace, prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from havre.adapters.postgres.dump_script import Begin, End, Event, Rows
from havre.domain.privacy.decisions import Decisions
from havre.domain.privacy.originals import Originals
from havre.domain.privacy.pools import Pools
from havre.domain.privacy.proof import Found, Searching
from havre.domain.privacy.rows import Collecting, Replacing
from havre.domain.privacy.tables import Table

Batch = tuple[Begin, bytes]
"""Rows with what says whose they are."""

TableOf = Callable[[Begin], Table]


def batches(events: Iterable[Event]) -> Iterator[Batch]:
    """The rows of a dump, batch by batch."""
    begin: Begin | None = None
    for event in events:
        if isinstance(event, Begin):
            begin = event
        elif isinstance(event, Rows) and begin is not None:
            yield begin, event.batch


def pieces(events: Iterable[Event]) -> Iterator[tuple[Begin | None, bytes]]:
    """A dump's script: rows with what says whose they are, and what is passed on as it is."""
    begin: Begin | None = None
    for event in events:
        if isinstance(event, Rows):
            yield begin, event.batch
        elif isinstance(event, End):
            yield None, b"\\.\n"
        else:
            begin = event if isinstance(event, Begin) else None
            yield None, event.text


class Collect:
    """Gathers original values."""

    def __init__(self, decisions: Decisions, table_of: TableOf) -> None:
        self._decisions, self._table_of = decisions, table_of
        self._originals = Originals()
        self._tables: dict[Begin, Collecting] = {}

    def __call__(self, job: Batch) -> None:
        """Take in rows."""
        begin, batch = job
        known = self._tables.get(begin)
        if known is None:
            table = self._table_of(begin)
            known = self._tables[begin] = Collecting(self._decisions, table, begin.columns, self._originals)
        known.take(batch)

    def gathered(self) -> list[bytes]:
        """See :meth:`Originals.parts`."""
        return self._originals.parts()


class Replace:
    """Replaces rows."""

    def __init__(self, decisions: Decisions, table_of: TableOf, key: bytes, pools: Pools) -> None:
        self._decisions, self._table_of, self._key, self._pools = decisions, table_of, key, pools
        self._tables: dict[Begin, Replacing] = {}

    def prepare(self) -> None:
        """Fill the pools, so that it is done once; raises what cannot be filled."""
        for table in self._decisions.database.tables:
            names = [column.name for column in table.columns if not column.generated]
            Replacing(self._decisions, table, names, self._key, self._pools)

    def __call__(self, job: tuple[Begin | None, bytes]) -> bytes:
        """A piece of the copy's script."""
        begin, batch = job
        if begin is None:
            return batch
        known = self._tables.get(begin)
        if known is None:
            table = self._table_of(begin)
            known = self._tables[begin] = Replacing(
                self._decisions, table, begin.columns, self._key, self._pools
            )
        return known(batch) + b"\n"

    def gathered(self) -> None:
        """Nothing."""


class Prove:
    """Searches rows of the copy."""

    def __init__(self, decisions: Decisions, originals: Originals) -> None:
        self._decisions, self._originals = decisions, originals
        self._found = Found()
        self._tables: dict[int, Searching] = {}

    def __call__(self, job: tuple[int, bytes]) -> None:
        """Look through rows of the table of a number."""
        number, batch = job
        known = self._tables.get(number)
        if known is None:
            table = self._decisions.database.tables[number]
            known = self._tables[number] = Searching(self._decisions, table, self._originals, self._found)
        known.take(batch)

    def gathered(self) -> Found:
        """What was found."""
        return self._found
