"""Triggers by which a database itself refuses to change or remove rows of a table.

SQLite: https://www.sqlite.org/lang_createtrigger.html; PostgreSQL:
https://www.postgresql.org/docs/current/plpgsql-trigger.html
"""

from __future__ import annotations

from typing import Final

_REFUSAL: Final = "{table} is append-only"


def closing(vendor: str, table: str) -> list[str]:
    """The statements that close a table to changes; ``table`` is a name of ours.

    Raises:
        ValueError: the database is of a kind that Havre does not know.
    """
    told = _REFUSAL.format(table=table)
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{what} BEFORE {what.upper()} ON {table}"
            f" BEGIN SELECT RAISE(ABORT, '{told}'); END"
            for what in ("update", "delete")
        ]
    if vendor == "postgresql":
        body = f"$$ BEGIN RAISE EXCEPTION '{told}'; END $$"
        when = "BEFORE UPDATE OR DELETE OR TRUNCATE"
        each = f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
        return [
            f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS {body}",
            f"CREATE TRIGGER {table}_append_only {when} ON {table} {each}",
        ]
    raise ValueError(f"no triggers are known for {vendor}")


def opening(vendor: str, table: str) -> list[str]:
    """The statements that undo :func:`closing`; also where it was not done."""
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {table}_no_{what}" for what in ("update", "delete")]
    return [
        f"DROP TRIGGER IF EXISTS {table}_append_only ON {table}",
        f"DROP FUNCTION IF EXISTS {table}_refuse()",
    ]
