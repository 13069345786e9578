"""A database's tables, columns and keys, as far as protecting them needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TEXTS: Final = frozenset({"text", "varchar", "bpchar", "citext", "name"})
DOCUMENTS: Final = frozenset({"json", "jsonb"})
DAYS: Final = frozenset({"date", "timestamp", "timestamptz"})
NUMBERS: Final = frozenset({"int2", "int4", "int8", "numeric", "float4", "float8"})
ADDRESSES: Final = frozenset({"inet", "cidr"})

_HARMLESS: Final = (
    DAYS | NUMBERS
    | {"bool", "money", "oid", "time", "timetz", "interval", "uuid", "bit", "varbit"}
    | {"int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange"}
    | {"int4multirange", "int8multirange", "nummultirange"}
    | {"datemultirange", "tsmultirange", "tstzmultirange"}
)  # fmt: skip
"""Types whose values say nothing in words. Every other type needs a decision, also one not known here."""


@dataclass(frozen=True)
class Column:
    """A column; ``type`` is the base type's name behind domains and arrays, as in ``pg_type``."""

    name: str
    type: str
    array: bool = False
    enum: bool = False
    limit: int | None = None
    """Most characters, for ``varchar(n)`` and ``char(n)``."""
    not_null: bool = False
    generated: bool = False
    """Computed by the database: not in a dump, and true again once the others are replaced."""

    @property
    def needs_decision(self) -> bool:
        """Whether it can hold words, so that somebody has to say what becomes of them."""
        return not (self.enum or self.generated or self.type in _HARMLESS)

    @property
    def shown_type(self) -> str:
        """The type for people."""
        return f"{self.type}{f'({self.limit})' if self.limit else ''}{'[]' if self.array else ''}"


def shown_name(schema: str, name: str) -> str:
    """A table's name as a manifest writes it: without the schema ``public``."""
    return name if schema == "public" else f"{schema}.{name}"


@dataclass(frozen=True)
class Table:
    """A table that holds rows."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    whole: str = ""
    """Of a partition, the table that it is a part of; as in :attr:`shown`."""

    @property
    def shown(self) -> str:
        """As a manifest names it."""
        return shown_name(self.schema, self.name)

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


@dataclass(frozen=True)
class Key:
    """Columns that are unique together; ``table`` as in :attr:`Table.shown`."""

    name: str
    table: str
    columns: tuple[str, ...]
    primary: bool = False


@dataclass(frozen=True)
class ForeignKey:
    """Columns that refer to another table's.

    ``on_delete`` is as in ``pg_constraint.confdeltype``: a (no action), r (restrict), c (cascade), n (set
    null), d (set default).
    """

    name: str
    table: str
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    on_delete: str = "a"
    operators: tuple[str, ...] = ()
    """The schema of the operator ``=`` for each pair of columns."""


@dataclass(frozen=True)
class Database:
    """All of it."""

    tables: tuple[Table, ...]
    keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    not_valid: tuple[tuple[str, str], ...] = ()
    """Constraints that PostgreSQL does not vouch for: table and name."""

    def table(self, shown: str) -> Table | None:
        """The table of that name."""
        return next((table for table in self.tables if table.shown == shown), None)
