"""Whose data a database holds, and what becomes of it when the person is erased: decided per table.

From the row of the person foreign keys lead to the rows that are the person's too, and on from those that
go with them. What becomes of the rows of a table is said by the manifest, else by the foreign key's own
``ON DELETE``; where neither says anything, somebody has to decide. Rows of other persons are never removed:
they only lose what points to this one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from havre.domain.privacy import tables
from havre.domain.privacy.decisions import Rules
from havre.domain.privacy.rules import Rule
from havre.domain.privacy.tables import Column, Database, ForeignKey, Table
from havre.errors import UsageError


class Fate(StrEnum):
    """What becomes of rows."""

    DELETE = "delete"
    EMPTY = "empty"
    """They stay, without what is personal, and point to the person no more."""
    UNLINK = "unlink"
    """They stay, and only point to the person no more."""


@dataclass(frozen=True)
class Subject:
    """What a manifest says about persons; see its section ``privacy.subject``.

    Attributes:
        table: has one row for each person.
        by: its columns by which somebody can be named.
        rows: what becomes of the rows of a table.
        also: ``TABLE.COLUMN`` that holds, without a foreign key, the same as a column of the person's row.
    """

    table: str
    by: tuple[str, ...]
    rows: Mapping[str, Fate] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """A foreign key to rows of the person. ``columns``: those of it that may be null."""

    key: ForeignKey
    fate: Fate
    columns: tuple[str, ...] = ()

    @property
    def to_default(self) -> bool:
        """Whether its columns get their default instead of null."""
        return self.key.on_delete == "d"


@dataclass(frozen=True)
class Also:
    """Rows of a table that hold the same value as the person's."""

    table: str
    column: str
    of: str
    fate: Fate


class Filler(StrEnum):
    """What comes into a column that is emptied."""

    NULL = "null"
    TEXT = "text"
    RANDOM = "random"
    """Hexadecimal digits that no other row has."""
    UUID = "uuid"


@dataclass(frozen=True)
class Blank:
    """A column that is emptied: ``text`` for all rows, or put behind what is random."""

    column: str
    filler: Filler
    text: str = ""
    limit: int | None = None


@dataclass(frozen=True)
class Reach:
    """All that is the person's in one database."""

    database: Database
    subject: Subject
    table: Table
    identity: tuple[str, ...]
    """Columns of the person's row that tell it from all others for good."""
    edges: tuple[Edge, ...]
    also: tuple[Also, ...]
    blanks: Mapping[str, tuple[Blank, ...]]
    """By table, what is emptied in rows that stay."""

    @property
    def is_emptied(self) -> bool:
        """Whether the person's row stays, emptied."""
        return self.subject.rows.get(self.table.shown) is Fate.EMPTY

    @property
    def deleted(self) -> tuple[str, ...]:
        """Tables whose rows may go."""
        own = () if self.is_emptied else (self.table.shown,)
        ways = [*(e.key.table for e in self.edges if e.fate is Fate.DELETE),
                *(a.table for a in self.also if a.fate is Fate.DELETE)]  # fmt: skip
        return tuple(dict.fromkeys([*own, *ways]))

    @property
    def emptied(self) -> tuple[str, ...]:
        """Tables whose rows may stay emptied, but the person's own."""
        ways = [*(e.key.table for e in self.edges if e.fate is Fate.EMPTY),
                *(a.table for a in self.also if a.fate is Fate.EMPTY)]  # fmt: skip
        return tuple(dict.fromkeys(ways))


def reach(database: Database, subject: Subject, rules: Rules, *, to_erase: bool = True) -> Reach:
    """Decide it for every table.

    Args:
        database: the tables.
        subject: what the manifest says about persons.
        rules: its rules of columns, by which rows are emptied.
        to_erase: whether it has to be decided what becomes of all rows; else it only matters whose they are.

    Raises:
        UsageError: a name is not one, or somebody has to decide something first.
    """
    table = database.table(subject.table)
    if table is None:
        raise _unknown(f"there is no table {subject.table}", subject.table, _names(database))
    for name in subject.by:
        if table.column(name) is None:
            raise _unknown(f"{table.shown} has no column {name}", name, [c.name for c in table.columns])
    for name in subject.rows:
        if not any(name in {each.shown, each.whole} for each in database.tables):
            raise _unknown(f"there is no table {name}", name, _names(database))
    also = tuple(_also(database, subject, table))
    walk = _Walk(database, subject, also)
    problems = [*walk.problems]
    found = Reach(database, subject, table, _identity(database, table), tuple(walk.edges), also, {})
    blanks = {}
    for name in (*found.emptied, *((table.shown,) if found.is_emptied else ())):
        made, wrong = _blanks(database, name, rules)
        blanks[name] = made
        problems += wrong
    if problems and to_erase:
        raise UsageError(
            "it is not decided what becomes of every row of a person",
            hint="say it in havre.yaml under privacy.subject.rows, such as {payment: empty, visit: delete}, "
            "and deploy",
            detail="\n".join(problems),
        )
    return Reach(database, subject, table, found.identity, found.edges, also, blanks)


_ON_DELETE: Final = {"c": Fate.DELETE, "n": Fate.UNLINK, "d": Fate.UNLINK}


class _Walk:
    """The way from the person's row along foreign keys."""

    def __init__(self, database: Database, subject: Subject, also: tuple[Also, ...]) -> None:
        self._database, self._subject = database, subject
        self.edges: list[Edge] = []
        self.problems: list[str] = []
        seen = dict.fromkeys([subject.table, *(a.table for a in also if a.fate is Fate.DELETE)])
        waiting = list(seen)
        while waiting:
            parent = waiting.pop(0)
            for key in database.foreign_keys:
                if key.to_table != parent:
                    continue
                edge = self._edge(key)
                if edge is None:
                    continue
                self.edges.append(edge)
                if edge.fate is Fate.DELETE and key.table not in seen:
                    seen[key.table] = None
                    waiting.append(key.table)

    def _edge(self, key: ForeignKey) -> Edge | None:
        child = self._database.table(key.table)
        assert child is not None  # noqa: S101 - the catalogue names both ends
        free = tuple(n for n in key.columns if (c := child.column(n)) is not None and not c.not_null)
        fate, why = self._fate(key, child, free)
        if why:
            self.problems.append(f"{key.table} refers to {key.to_table} ({key.name}): {why}")
            # Whose they are is known anyway.
            return None if key.table == self._subject.table else Edge(key, Fate.UNLINK)
        return Edge(key, fate, free) if fate else None

    def _fate(self, key: ForeignKey, child: Table, free: tuple[str, ...]) -> tuple[Fate | None, str]:
        """What becomes of the rows that refer, or why that is not known."""
        wanted = self._subject.rows
        stays = key.to_table == self._subject.table and wanted.get(key.to_table) is Fate.EMPTY
        if key.table == self._subject.table:  # other persons
            if free:
                return Fate.UNLINK, ""
            return None, "" if stays else "rows of other persons refer to it, and must refer to something"
        said = wanted.get(child.shown) or wanted.get(child.whole)
        if said is Fate.EMPTY and not free and not stays:
            return None, f"its rows cannot stay, for {', '.join(key.columns)} must not be null"
        fate = said or _ON_DELETE.get(key.on_delete)
        why = f"its ON DELETE does not say what becomes of its rows; write {child.shown}: delete, or empty"
        return fate, "" if fate else why


def _also(database: Database, subject: Subject, own: Table) -> Iterator[Also]:
    for written, of in subject.also.items():
        name, _, column = written.rpartition(".")
        table = database.table(name)
        if table is None or table.column(column) is None:
            raise UsageError(
                f"privacy.subject.also names {written}, which is no column",
                hint="write TABLE.COLUMN: COLUMN of the person's table",
            )
        if own.column(of) is None:
            raise _unknown(f"{own.shown} has no column {of}", of, [c.name for c in own.columns])
        if table == own:
            raise UsageError(
                f"privacy.subject.also names {written}: those are rows of other persons",
                hint="name columns of other tables",
            )
        yield Also(name, column, of, subject.rows.get(name, Fate.DELETE))


def _identity(database: Database, table: Table) -> tuple[str, ...]:
    for key in database.keys:
        if key.table == table.shown and key.primary:
            return key.columns
    raise UsageError(f"{table.shown} has no primary key", hint="give it one: a person has to be one row")


_EMPTY: Final = {
    **dict.fromkeys(tables.NUMBERS, "0"),
    **dict.fromkeys(tables.DAYS, "1970-01-01"),
    **dict.fromkeys(tables.DOCUMENTS, "{}"),
    **dict.fromkeys(tables.ADDRESSES, "0.0.0.0"),  # noqa: S104 - a value, no listener
    **dict.fromkeys(tables.TEXTS, ""),
    "bool": "f",
    "bytea": "",
}
"""By type, what stands for nothing where null may not."""


def _blanks(database: Database, name: str, rules: Rules) -> tuple[tuple[Blank, ...], list[str]]:
    """The columns that are emptied in rows of a table that stay, and what is not decided about them."""
    table = database.table(name)
    assert table is not None  # noqa: S101 - it was found before
    ruled = rules.get(table.shown) or rules.get(table.whole) or {}
    referring = {c for key in database.foreign_keys if key.table == name for c in key.columns}
    unique = {c for key in database.keys if key.table == name for c in key.columns}
    made, problems = [], []
    for column in table.columns:
        rule = ruled.get(column.name)
        if column.generated or column.name in referring or (rule and rule.kind == "keep"):
            continue
        if rule is None:
            if column.needs_decision:
                problems.append(
                    f"{name}.{column.name} has no rule under privacy.tables, so its rows cannot be emptied"
                )
            continue
        blank = _blank(column, rule, is_unique=column.name in unique)
        if blank is None:
            problems.append(
                f"{name}.{column.name} must not be null, and {column.shown_type} has no empty value"
            )
        else:
            made.append(blank)
    return tuple(made), problems


def _blank(column: Column, rule: Rule, *, is_unique: bool) -> Blank | None:
    if rule.kind == "constant":
        return Blank(column.name, Filler.TEXT, rule.constant)
    if not column.not_null:
        return Blank(column.name, Filler.NULL)
    if column.type == "uuid" and not column.array:
        return Blank(column.name, Filler.UUID)
    if column.type in tables.TEXTS and not column.array and (is_unique or rule.is_injective):
        return Blank(column.name, Filler.RANDOM, "@example.org" if rule.kind == "email" else "", column.limit)
    empty = "{}" if column.array else _EMPTY.get(column.type)
    return None if is_unique or empty is None else Blank(column.name, Filler.TEXT, empty)


def _names(database: Database) -> list[str]:
    return [table.shown for table in database.tables]


def _unknown(message: str, name: str, known: list[str]) -> UsageError:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known[:10])}"
    return UsageError(f"privacy.subject: {message}", hint=hint)
