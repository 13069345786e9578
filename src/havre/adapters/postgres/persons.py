"""What is a person's in a database, as scripts for psql: counted, erased or read, in one transaction.

A script is given to psql by its standard input, so nothing of it is seen in an argument. It answers with
lines of JSON:

=================================================  ======================================================
line                                               says
=================================================  ======================================================
``{"found": 1, "token": "…", "identity": "…"}``    rows of persons that were meant; keyed hashes
``{"table": "t", "fate": "deleted", "rows": 3}``   what became of rows: also ``emptied``, ``unlinked``
``{"table": "t", "row": {…}}``                     a row, of a reading
``{"done": true}``                                 it was committed
=================================================  ======================================================

Rows are marked by ``ctid``, which stands still as long as they are locked. The rows of all tables go in one
statement: PostgreSQL checks foreign keys at its end, so no order is needed and circles do not matter.

The administrator runs it in a database that belongs to somebody else. Functions that take any type are named
with their schema, and so are operators: else one that the owner made for a type of their own would be called.
"""

# ruff: noqa: S608 - names are quoted and texts are hexadecimal, see quoted and _literal

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from havre.adapters.postgres.dump_script import quoted
from havre.domain.privacy.persons import Also, Blank, Edge, Fate, Filler, Reach
from havre.domain.privacy.tables import Table

_HEAD: Final = """\
SET log_statement = none;
SET log_min_error_statement = panic;
SET log_min_duration_statement = -1;
SET client_min_messages = error;
SET lock_timeout = '30s';
SET statement_timeout = '30min';
BEGIN;
CREATE TEMPORARY TABLE havre_gone (rel oid, tid tid, PRIMARY KEY (rel, tid)) ON COMMIT DROP;
CREATE TEMPORARY TABLE havre_kept (rel oid, tid tid, PRIMARY KEY (rel, tid)) ON COMMIT DROP;
"""
STAYED: Final = "havre: rows stayed in table"
"""How the error begins that says that a trigger or a policy kept rows; their table's number follows."""


class Act(Enum):
    """What a script does."""

    TRY = auto()
    """Erase, and take it back."""
    ERASE = auto()
    READ = auto()


@dataclass(frozen=True)
class Named:
    """How somebody is named: a value of a column, or the keyed hash of the columns that tell them apart."""

    key: bytes
    """Of the hashes."""
    column: str = ""
    value: str = ""
    identity: str = ""

    def __repr__(self) -> str:
        return f"Named({self.column or 'by its identity'})"


def script(reach: Reach, named: Named, act: Act) -> str:
    """The script."""
    own, tag = reach.table, f"$havre{secrets.token_hex(8)}$"
    lock = "" if act is Act.READ else " FOR UPDATE"
    meant = f"FROM ONLY {_table(own)} t WHERE {_meant(reach, named)}{lock}"
    parts = [
        _HEAD,
        f"INSERT INTO havre_gone SELECT t.tableoid, t.ctid {meant};\n",
        _found(reach, named),
        "SELECT count(*) = 1 AS one FROM havre_gone \\gset\n\\if :one\n",
        *(_also(reach, each, lock) for each in reach.also if each.fate is Fate.DELETE),
        _closure(reach, lock, tag),
        *(_also(reach, each, lock) for each in reach.also if each.fate is not Fate.DELETE),
        *(
            _insert("havre_kept", reach, edge, lock)
            for edge in reach.edges
            if edge.fate is Fate.EMPTY
            or (act is Act.READ and edge.fate is Fate.UNLINK and _is_foreign(reach, edge))
        ),
    ]
    if act is Act.READ:
        parts += [_read(each) for each in reach.database.tables if each.shown in _touched(reach)]
    else:
        parts += _erasing(reach, tag)
    parts.append(
        "COMMIT;\nSELECT pg_catalog.json_build_object('done', true);\n" if act is Act.ERASE else "ROLLBACK;\n"
    )
    if act is Act.ERASE:
        # Else the values would stay in dead rows and in the planner's samples of the columns.
        parts += [f"VACUUM (ANALYZE, SKIP_LOCKED) {_table(t)};\n" for t in _in(reach, _touched(reach))]
    return "".join([*parts, "\\else\nROLLBACK;\n\\endif\n"])


def search(reach: Reach, key: bytes, identities: Iterable[str]) -> str:
    """A script that tells which of these persons are there, a line with each one's hash."""
    wanted = ", ".join(_literal(each) for each in identities)
    told = _hash(key, _identity(reach))
    place = f"FROM ONLY {_table(reach.table)} t WHERE {told} IN ({wanted})"
    return f"SELECT pg_catalog.json_build_object('identity', {told}) {place};\n"


def _meant(reach: Reach, named: Named) -> str:
    if named.identity:
        return f"{_hash(named.key, _identity(reach))} = {_literal(named.identity)}"
    return f"lower(t.{quoted(named.column)}::text) = lower({_literal(named.value)})"


def _found(reach: Reach, named: Named) -> str:
    begin = _literal(f"{reach.table.shown}.{named.column}=")
    token = "NULL" if named.identity else _hash(named.key, f"{begin} || lower({_literal(named.value)})")
    return (
        f"SELECT pg_catalog.json_build_object('found', count(*), 'token', {token}, 'identity',"
        f" min({_hash(named.key, _identity(reach))})) FROM ONLY {_table(reach.table)} t"
        f" JOIN havre_gone g ON g.rel = t.tableoid AND g.tid = t.ctid;\n"
    )


def _identity(reach: Reach) -> str:
    begin = _literal(f"{reach.table.shown}({','.join(reach.identity)})=")
    columns = ", ".join(f"t.{quoted(name)}::text" for name in reach.identity)
    return f"{begin} || pg_catalog.concat_ws(chr(31), {columns})"


def _hash(key: bytes, text: str) -> str:
    """Nested, as HMAC is, so that nobody can go on from a hash."""
    secret = f"'\\x{key.hex()}'::bytea"
    return f"encode(sha256({secret} || sha256({secret} || convert_to({text}, 'UTF8'))), 'hex')"


def _closure(reach: Reach, lock: str, tag: str) -> str:
    """All rows that go, and those that go with them, until no more are found."""
    deleting = [edge for edge in reach.edges if edge.fate is Fate.DELETE]
    if not deleting:
        return ""
    rounds = "".join(
        f"{_insert('havre_gone', reach, edge, lock)}GET DIAGNOSTICS n = ROW_COUNT; grown := grown + n;\n"
        for edge in deleting
    )
    return (
        f"DO {tag}\nDECLARE n bigint; grown bigint;\nBEGIN LOOP grown := 0;\n{rounds}"
        f"EXIT WHEN grown = 0; END LOOP; END {tag};\n"
    )


def _insert(into: str, reach: Reach, edge: Edge, lock: str) -> str:
    parent, child = (_of(reach, name) for name in (edge.key.to_table, edge.key.table))
    return (
        f"INSERT INTO {into} SELECT c.tableoid, c.ctid FROM havre_gone g JOIN ONLY {_table(parent)} p"
        f" ON p.tableoid = g.rel AND p.ctid = g.tid JOIN ONLY {_table(child)} c ON {_joined(edge)}"
        f"{lock and ' FOR UPDATE OF c'} ON CONFLICT DO NOTHING;\n"
    )


def _also(reach: Reach, also: Also, lock: str) -> str:
    into = "havre_gone" if also.fate is Fate.DELETE else "havre_kept"
    return (
        f"INSERT INTO {into} SELECT c.tableoid, c.ctid FROM havre_gone g JOIN ONLY {_table(reach.table)} p"
        f" ON p.tableoid = g.rel AND p.ctid = g.tid JOIN ONLY {_table(_of(reach, also.table))} c"
        f" ON lower(c.{quoted(also.column)}::text) = lower(p.{quoted(also.of)}::text)"
        f"{lock and ' FOR UPDATE OF c'} ON CONFLICT DO NOTHING;\n"
    )


def _joined(edge: Edge) -> str:
    """By the operators of the foreign key itself: one of another schema could be anybody's."""
    key = edge.key
    same = [f"OPERATOR({quoted(schema)}.=)" for schema in key.operators] or ["="] * len(key.columns)
    ways = zip(key.columns, same, key.to_columns, strict=True)
    return " AND ".join(f"p.{quoted(there)} {equals} c.{quoted(here)}" for here, equals, there in ways)


def _erasing(reach: Reach, tag: str) -> list[str]:
    """In this order: what is emptied is marked by a ctid, which changes; what goes comes last."""
    stays = "NOT EXISTS (SELECT FROM havre_gone d WHERE d.rel = c.tableoid AND d.tid = c.ctid)"
    parts = []
    for table in _in(reach, reach.emptied):
        marked = f"havre_kept k WHERE k.rel = c.tableoid AND k.tid = c.ctid AND {stays}"
        parts.append(_emptied(reach, table, marked))
    for edge in reach.edges:
        if edge.fate is Fate.DELETE or not edge.columns:
            continue
        nothing = "DEFAULT" if edge.to_default else "NULL"
        setting = ", ".join(f"{quoted(name)} = {nothing}" for name in edge.columns)
        change = (
            f"UPDATE ONLY {_table(_of(reach, edge.key.table))} c SET {setting} FROM havre_gone g"
            f" JOIN ONLY {_table(_of(reach, edge.key.to_table))} p ON p.tableoid = g.rel AND p.ctid = g.tid"
            f" WHERE {_joined(edge)} AND {stays} RETURNING 1"
        )
        parts.append(
            _counted(edge.key.table, "unlinked", change) if edge.fate is Fate.UNLINK else f"{_quiet(change)}"
        )
    if reach.is_emptied:
        parts.append(_emptied(reach, reach.table, "havre_gone k WHERE k.rel = c.tableoid AND k.tid = c.ctid"))
    going = _in(reach, reach.deleted)
    if going:
        parts.append(_deleted(going))
        parts.append(_none_stayed(going, tag))
    parts.append("SET CONSTRAINTS ALL IMMEDIATE;\n")
    return parts


def _emptied(reach: Reach, table: Table, marked: str) -> str:
    blanks = reach.blanks.get(table.shown, ())
    if not blanks:
        return _counted(table.shown, "emptied", f"SELECT 1 FROM ONLY {_table(table)} c, {marked}")
    setting = ", ".join(f"{quoted(blank.column)} = {_filled(blank)}" for blank in blanks)
    return _counted(
        table.shown, "emptied", f"UPDATE ONLY {_table(table)} c SET {setting} FROM {marked} RETURNING 1"
    )


def _filled(blank: Blank) -> str:
    digits = "replace(gen_random_uuid()::text, '-', '')"
    match blank.filler:
        case Filler.NULL:
            return "NULL"
        case Filler.UUID:
            return "gen_random_uuid()"
        case Filler.RANDOM:
            room = 32 if blank.limit is None else min(32, blank.limit - len(blank.text))
            return f"left({digits}, {max(room, 1)}) || {_literal(blank.text)}"
    # Untyped, so that it becomes whatever the column is.
    return "'" + blank.text.replace("'", "''") + "'"


def _deleted(going: list[Table]) -> str:
    ways = ",\n".join(
        f"d{n} AS (DELETE FROM ONLY {_table(table)} c USING havre_gone g"
        f" WHERE g.rel = c.tableoid AND g.tid = c.ctid RETURNING 1)"
        for n, table in enumerate(going)
    )
    told = "\nUNION ALL ".join(
        f"SELECT pg_catalog.json_build_object('table', {_literal(table.shown)}, 'fate', 'deleted', 'rows',"
        f" (SELECT count(*) FROM d{n}))"
        for n, table in enumerate(going)
    )
    return f"WITH {ways}\n{told};\n"


def _none_stayed(going: list[Table], tag: str) -> str:
    looks = "".join(
        f"IF EXISTS (SELECT FROM ONLY {_table(table)} c JOIN havre_gone g ON g.rel = c.tableoid"
        f" AND g.tid = c.ctid) THEN RAISE EXCEPTION '{STAYED} {n}'; END IF;\n"
        for n, table in enumerate(going)
    )
    return f"DO {tag}\nBEGIN\n{looks}END {tag};\n"


def _counted(table: str, fate: str, change: str) -> str:
    return (
        f"WITH d AS ({change}) SELECT pg_catalog.json_build_object('table', {_literal(table)},"
        f" 'fate', '{fate}', 'rows', count(*)) FROM d;\n"
    )


def _quiet(change: str) -> str:
    return f"WITH d AS ({change}) SELECT FROM d WHERE false;\n"


def _read(table: Table) -> str:
    told = f"'table', {_literal(table.whole or table.shown)}, 'row', pg_catalog.row_to_json(c)"
    marked = "(TABLE havre_gone UNION TABLE havre_kept) g ON g.rel = c.tableoid AND g.tid = c.ctid"
    return f"SELECT pg_catalog.json_build_object({told}) FROM ONLY {_table(table)} c JOIN {marked};\n"


def _is_foreign(reach: Reach, edge: Edge) -> bool:
    """Whether what refers is not the row of another person, which is nobody else's."""
    return edge.key.table != reach.table.shown


def _touched(reach: Reach) -> tuple[str, ...]:
    ways = [edge.key.table for edge in reach.edges] + [each.table for each in reach.also]
    return tuple(dict.fromkeys([reach.table.shown, *ways]))


def _in(reach: Reach, names: tuple[str, ...]) -> list[Table]:
    return [_of(reach, name) for name in names]


def _of(reach: Reach, name: str) -> Table:
    return next(table for table in reach.database.tables if table.shown == name)


def _table(table: Table) -> str:
    return f"{quoted(table.schema)}.{quoted(table.name)}"


def _literal(text: str) -> str:
    """A text that nobody can break out of, whatever is in it."""
    return f"convert_from('\\x{text.encode().hex()}'::bytea, 'UTF8')"
