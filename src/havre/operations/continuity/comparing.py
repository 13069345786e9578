"""Comparing a restored copy with its original, table by table.

A copy made of files and WAL has the same transactions under the same numbers as its original, so the original
itself can tell which of its rows are older than the copy's moment: those that no transaction wrote which the
copy has not seen. All of them have to be in the copy (see :func:`havre.domain.continuity.drilling.compare`).
"""

from __future__ import annotations

from typing import Final

from havre.adapters.swarm.inside import tell_inside
from havre.domain.continuity.drilling import Comparison, Counted, Recovered, compare
from havre.errors import BackupError
from havre.operations.continuity.apart import Apart, psql
from havre.operations.continuity.database import Database

_SEPARATOR: Final = "\x1f"
_XIDS: Final = 2**32
"""Rows name their transaction by its last 32 bits."""
_GENTLY: Final = """\
SET default_transaction_read_only = on;
SET statement_timeout = '60s';
SET lock_timeout = '2s';
SET max_parallel_workers_per_gather = 0;
"""
_TABLES: Final = """
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND c.relpersistence = 'p'
   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 ORDER BY 1
"""
NEXT_TRANSACTION: Final = "SELECT pg_snapshot_xmax(pg_current_snapshot())"


def next_transaction(database: Database) -> int:
    """The number that a database's next transaction gets.

    Raises:
        BackupError: it does not answer.
    """
    return int(database.query(NEXT_TRANSACTION))


def committed_since(database: Database, found: Recovered) -> int:
    """How many transactions the copy has seen begin, and the original has seen commit since."""
    if not found.uncommitted:
        return 0
    listed = ",".join(str(each) for each in found.uncommitted)
    return int(
        database.query(
            f"SELECT count(*) FROM unnest('{{{listed}}}'::xid8[]) AS xid"  # noqa: S608 - numbers
            " WHERE pg_xact_status(xid) = 'committed'"
        )
    )


def compared(apart: Apart, database: Database, found: Recovered) -> Comparison:
    """Count the rows of every table in both, and compare.

    The original is only read, by one process, and no table for more than a minute.

    Raises:
        BackupError: one of them does not answer.
    """
    name = database.name
    listed = _rows(apart.script(name, _counting("count(*)"), separator=_SEPARATOR).out)
    copy = {table: int(rows) for table, rows, *_ in listed}
    was_old = (
        f"age(xmin) > age(''{found.next_xid % _XIDS}''::xid)"
        f" AND xmin::text <> ALL (''{{{','.join(str(each % _XIDS) for each in found.uncommitted)}}}'')"
    )
    counting = f"count(*) FILTER (WHERE {was_old}), count(*) FILTER (WHERE NOT ({was_old}))"
    container = database.container
    if not container:
        raise BackupError(f"{name} does not run")
    command = [*psql(apart.setting(name, "POSTGRES_DB"), _SEPARATOR, stops=False), "--file=-"]
    answer = tell_inside(apart.engine, container, command, _counting(counting).encode())
    original = {table: (int(kept), int(newer)) for table, kept, newer in _rows(answer.out)}
    names = set(_names(apart, database))
    at_rest = next_transaction(database) <= found.next_xid and not committed_since(database, found)
    counts = [Counted(table, copy.get(table), *original[table]) for table in sorted(names & original.keys())]
    skipped = [(table, "it could not be counted in time") for table in sorted(names - original.keys())]
    new = [each for each in counts if each.copy is None and not each.kept]
    return compare([each for each in counts if each not in new], at_rest=at_rest, skipped=skipped)


def _names(apart: Apart, database: Database) -> list[str]:
    """The tables of the original."""
    command = psql(apart.setting(database.name, "POSTGRES_DB"), _SEPARATOR)
    answer = database.ask(*command, "-c", f"SELECT n.nspname || '.' || c.relname {_TABLES}")
    if not answer.is_good:
        raise BackupError(f"{database.name} did not list its tables: {answer.err.strip()[:300]}")
    return answer.out.splitlines()


def _counting(what: str) -> str:
    """A script that answers with a row for each table: its name, and what is counted."""
    return (
        f"{_GENTLY}SELECT format('SELECT %L, {what} FROM ONLY %I.%I',"  # noqa: S608 - of constants and numbers
        f" n.nspname || '.' || c.relname, n.nspname, c.relname) {_TABLES} \\gexec\n"
    )


def _rows(text: str) -> list[list[str]]:
    return [line.split(_SEPARATOR) for line in text.splitlines() if _SEPARATOR in line]
