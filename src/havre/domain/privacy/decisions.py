"""The rules of a manifest held against a database's columns: which column has which rule, what is wrong.

Nothing is copied while a column that can hold words has no rule, or a rule cannot do what the column needs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from havre.domain.privacy import tables
from havre.domain.privacy.rules import FAKES, Rule
from havre.domain.privacy.tables import Column, Database, ForeignKey, Table
from havre.errors import UsageError

Rules = Mapping[str, Mapping[str, Rule]]
"""By table and column, as a manifest names them."""

SHORTEST_COLUMN: Final = {"email": 27, "username": 16, "iban": 34, "hash": 16}
"""Characters that a column must hold for a value that no other becomes."""

_SHORTEST_UNIQUE: Final = 20
_SHORTEST_FAKE: Final = 4


class Undecided(UsageError):  # noqa: N818 - it is a state of the manifest
    """Columns without a decision, or with one that cannot be carried out."""

    def __init__(self, missing: tuple[str, ...], wrong: tuple[str, ...]) -> None:
        self.missing = missing
        self.wrong = wrong
        said = []
        if wrong:
            said.append(f"{len(wrong)} rules under privacy cannot be carried out")
        if missing:
            said.append(f"{len(missing)} columns can hold words and have no rule under privacy")
        lines = [*wrong, *(f"{name} has no rule" for name in missing)]
        hint = "`havre privacy scan` proposes rules; write keep for what is nobody's business to hide"
        super().__init__(" and ".join(said), hint=hint, detail="\n".join(lines))


@dataclass(frozen=True)
class Decisions:
    """What becomes of each column; a column that has no entry is kept."""

    database: Database
    by_table: Mapping[str, Mapping[str, Rule]]

    def of(self, table: Table) -> Mapping[str, Rule]:
        """Rules by the table's column."""
        return self.by_table.get(table.shown, {})

    @property
    def kept(self) -> tuple[tuple[str, str, str], ...]:
        """Columns that nobody decided on and that are kept: table, column, type."""
        return tuple(
            (table.shown, column.name, column.shown_type)
            for table in self.database.tables
            for column in table.columns
            if column.name not in self.of(table) and not column.generated
        )


def decide(database: Database, rules: Rules) -> Decisions:
    """Every column's rule.

    Raises:
        Undecided: a column that can hold words has none, or a rule cannot be carried out.
    """
    wrong = [*_unknown(database, rules)]
    rules = {table.shown: _given(table, rules) for table in database.tables if _given(table, rules)}
    missing = []
    for table in database.tables:
        given = rules.get(table.shown, {})
        for column in table.columns:
            rule = given.get(column.name)
            if rule is not None:
                wrong += [f"{table.shown}.{column.name}: {why}" for why in _misfits(table, column, rule)]
            elif column.needs_decision:
                missing.append(f"{table.shown}.{column.name} ({column.shown_type})")
    wrong += _keys(database, rules)
    wrong += [why for key in database.foreign_keys for why in _references(key, rules)]
    if wrong or missing:
        raise Undecided(tuple(missing), tuple(wrong))
    return Decisions(database, rules)


def _given(table: Table, rules: Rules) -> Mapping[str, Rule]:
    """A table's rules; a partition without any of its own has those of the whole."""
    return rules.get(table.shown) or rules.get(table.whole) or {}


def _unknown(database: Database, rules: Rules) -> Iterator[str]:
    known_tables = {table.whole: table for table in database.tables if table.whole}
    known_tables |= {table.shown: table for table in database.tables}
    names = list(known_tables)
    for shown, columns in rules.items():
        table = known_tables.get(shown)
        if table is None:
            yield f"{shown}: there is no such table{_close(shown, names)}"
            continue
        for name in columns:
            if table.column(name) is None:
                known = [column.name for column in table.columns]
                yield f"{shown}.{name}: there is no such column{_close(name, known)}"


def _close(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _misfits(table: Table, column: Column, rule: Rule) -> Iterator[str]:
    """Why a rule does not suit a column's type."""
    if column.generated:
        yield "it is computed by the database from other columns; leave it out"
        return
    fitting = _fitting(column)
    if rule.kind not in fitting:
        yield f"{rule.kind} is not possible for {column.shown_type}; possible: {', '.join(fitting)}"
        return
    if rule.kind == "null" and column.not_null:
        yield "null is not possible, for it is NOT NULL; use a constant"
    if rule.kind == "shift":
        yield from _misses_by(table, rule.by)
    if rule.kind == "keep" and rule.allowed and column.type not in tables.TEXTS:
        yield f"keep with a list is for text, and this is {column.shown_type}"
    if rule.kind == "constant" and column.limit and len(rule.constant) > column.limit:
        yield f"the constant is longer than {column.limit} characters"
    least = _least(rule) if column.type in tables.TEXTS else 0
    if column.limit and column.limit < least:
        yield f"{rule.kind} needs {least} characters, and it holds {column.limit}; use constant or null"


def _misses_by(table: Table, name: str) -> Iterator[str]:
    """Why dates cannot be moved by a column."""
    by = table.column(name)
    if by is None:
        yield f"shift is by {name}, which is not a column of {table.shown}"
    elif by.generated:
        yield f"shift is by {name}, which is computed and not in a dump; use another column"


def _least(rule: Rule) -> int:
    if rule.kind in SHORTEST_COLUMN:
        return SHORTEST_COLUMN[rule.kind]
    if rule.unique:
        return {"ip": 39}.get(rule.kind, _SHORTEST_UNIQUE)
    return {"ip": 39}.get(rule.kind, _SHORTEST_FAKE) if rule.kind in FAKES else 0


def _fitting(column: Column) -> tuple[str, ...]:
    """The rules that a column's type can have."""
    always = ("keep", "null", "constant")
    if column.type in tables.TEXTS and not column.enum:
        return (*always, *FAKES, "hash", "scrub")
    if column.type in tables.ADDRESSES:
        return (*always, "ip")
    if column.array:
        return always
    more: tuple[str, ...] = ()
    if column.type in tables.DOCUMENTS:
        more = ("json", "scrub")
    elif column.type in tables.DAYS:
        more = ("shift",)
    elif column.type in tables.NUMBERS:
        more = ("noise",)
    elif column.type in {"uuid", "bytea"}:
        more = ("hash",)
    return (*always, *more)


def _keys(database: Database, rules: Rules) -> Iterator[str]:
    """Rules that would make two rows alike where the database forbids it."""
    for key in database.keys:
        given = rules.get(key.table, {})
        for name in key.columns:
            rule = given.get(name)
            if rule is None or rule.is_injective or rule.kind == "null":
                continue
            if rule.kind == "keep":  # with a list: what is not in it is an error, the rest stays different
                continue
            if rule.kind == "shift" and rule.by in key.columns and rule.by not in given:
                continue
            remedy = f"{{fake: {rule.kind}, unique: true}}" if rule.kind in FAKES else "hash"
            if rule.kind == "postcode":
                remedy = "hash"
            if rule.kind in {"shift", "noise"}:
                remedy = "keep, or shift by a column of the same key" if rule.kind == "shift" else "keep"
            yield (
                f"{key.table}.{name}: {rule.kind} may make two values alike, and {key.name} wants them "
                f"different; use {remedy}"
            )


def _references(key: ForeignKey, rules: Rules) -> Iterator[str]:
    """Rules of the two ends of a foreign key that would part them."""
    here, there = rules.get(key.table, {}), rules.get(key.to_table, {})
    for name, to_name in zip(key.columns, key.to_columns, strict=True):
        rule, other = here.get(name, Rule("keep")), there.get(to_name, Rule("keep"))
        if rule.kind == "null" or _same(rule, other):
            continue
        yield (
            f"{key.table}.{name}: it refers to {key.to_table}.{to_name} ({key.name}), so both need the "
            f"same rule; there it is {other.written}, here {rule.written}"
        )


def _same(rule: Rule, other: Rule) -> bool:
    return rule == other or (rule.kind == other.kind == "keep")
