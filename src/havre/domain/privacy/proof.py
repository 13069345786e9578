"""The proof: nothing that the original held in a protected column is left in any text of the copy.

A column that was replaced is compared value by value. A column that was kept is searched: every run of words
in it, every key and every number of its documents. Only the place of a find is remembered, never the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from havre.domain.privacy import copy_text, documents, forms, tables
from havre.domain.privacy.decisions import Decisions
from havre.domain.privacy.originals import Originals
from havre.domain.privacy.rows import Batch, Seen, split, values_of
from havre.domain.privacy.rules import Rule
from havre.domain.privacy.tables import Column, Table

KEEP: Final = Rule("keep")
_Find = Callable[[bytes], bool]


@dataclass
class Found:
    """What the proof found: rows of each table, and rows in which a column holds an original value."""

    rows: dict[str, int] = field(default_factory=dict)
    leaks: dict[tuple[str, str], int] = field(default_factory=dict)

    def merge(self, other: Found) -> None:
        """Take in what was found elsewhere."""
        for table, count in other.rows.items():
            self.rows[table] = self.rows.get(table, 0) + count
        for place, count in other.leaks.items():
            self.leaks[place] = self.leaks.get(place, 0) + count

    def problems(self, expected: Mapping[str, int]) -> tuple[str, ...]:
        """Why the copy must not be given away, in sentences; none if the proof holds.

        Args:
            expected: rows of each table of the original.
        """
        said = [
            f"{table}.{column}: {count} rows hold a value of a protected column of the original"
            for (table, column), count in sorted(self.leaks.items())
        ]
        for table in sorted(expected.keys() | self.rows.keys()):
            was, now = expected.get(table, 0), self.rows.get(table, 0)
            if was != now:
                said.append(f"{table}: {now} rows instead of {was}")
        return tuple(said)


def searched(table: Table) -> tuple[Column, ...]:
    """The columns of a table that are looked into: all that can hold words, also computed ones."""
    return tuple(
        column
        for column in table.columns
        if not column.enum
        and column.type != "bytea"
        and (column.needs_decision or (column.generated and column.type in tables.TEXTS | tables.DOCUMENTS))
    )


class Searching:
    """Looks through the rows of one table of the copy.

    Args:
        decisions: the rules.
        table: the table; its rows come with a constant in front (so that no line is empty), then the
            columns of :func:`searched`, in that order.
        originals: what must not be there.
        found: where it is noted.
    """

    def __init__(self, decisions: Decisions, table: Table, originals: Originals, found: Found) -> None:
        rules = decisions.of(table)
        written = _written(decisions)
        self._table, self._found = table, found
        found.rows.setdefault(table.shown, 0)
        self._columns: list[tuple[str, _Find, bool, Seen]] = []
        self._originals = originals
        for column in searched(table):
            find, is_whole = _find(rules.get(column.name), column, originals, written)
            self._columns.append((column.name, find, is_whole, Seen()))

    def take(self, batch: Batch) -> None:
        """Look through a batch of rows."""
        self._found.rows[self._table.shown] += batch.count(b"\n") + 1
        if not self._columns:
            return
        columns = split(batch)[1:]
        for (name, find, is_whole, seen), cells in zip(self._columns, columns, strict=True):
            fresh = seen.new(cells)
            values = values_of(fresh)
            bad = {
                value for value in (self._originals.suspects(values) if is_whole else values) if find(value)
            }
            if bad:
                place = (self._table.shown, name)
                count = sum(value in bad for value in values_of(cells))
                self._found.leaks[place] = self._found.leaks.get(place, 0) + count
            else:
                seen.remember(fresh)


def _written(decisions: Decisions) -> frozenset[bytes]:
    """The forms of what stands in the manifest: a constant is no leak, whoever has that name."""
    texts: list[str] = []
    for rules in decisions.by_table.values():
        for rule in rules.values():
            for each in (rule, *(below for _, below in rule.paths)):
                texts += [each.constant, *each.allowed]
    return frozenset(form for text in texts if text for form in forms.of_value(text.encode()))


def _find(
    rule: Rule | None, column: Column, originals: Originals, written: frozenset[bytes]
) -> tuple[_Find, bool]:
    """Whether a value of a column holds an original one; and whether it is looked at as a whole only."""

    def one_of(found: Iterable[bytes]) -> bool:
        return any(form in originals and form not in written for form in found)

    def whole(value: bytes) -> bool:
        return one_of(forms.of_value(value))

    def inside(value: bytes) -> bool:
        return one_of(forms.of_text(value))

    def document(value: bytes) -> bool:
        return any(
            (inside if is_aside or documents.rule_at(rule or KEEP, path).kind == "keep" else whole)(text)
            for path, text, is_aside in documents.leaves(value)
        )

    if column.type in tables.DOCUMENTS:
        one = document
    elif column.generated or (rule is not None and (rule.protects or rule.allowed)):
        one = whole
    else:
        one = inside
    if column.array:
        return (lambda value: any(map(one, copy_text.elements(value)))), False
    return one, one is whole


def text_columns(table: Table) -> Sequence[str]:
    """Names of the columns that :class:`Searching` expects."""
    return [column.name for column in searched(table)]
