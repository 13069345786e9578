r"""The script that ``pg_restore --section=data --file=-`` writes, read as a stream.

It holds a ``COPY … FROM stdin;`` with its rows per table, ``setval`` per sequence, settings and comments.
Anything else is refused rather than passed on: nobody would have looked at it.
Source: ``RestoreArchive`` in src/bin/pg_dump/pg_backup_archiver.c, ``dumpTableData`` in pg_dump.c.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import IO, Final

from havre.errors import UsageError

_CHUNK: Final = 1 << 19
_IDENTIFIER: Final = r'(?:"(?:[^"]|"")+"|[A-Za-z_\x80-\U0010ffff][\w$]*)'
_COPY: Final = re.compile(
    rf"COPY ({_IDENTIFIER})\.({_IDENTIFIER}) \(({_IDENTIFIER}(?:, {_IDENTIFIER})*)?\) FROM stdin;"
)
_ONE: Final = re.compile(_IDENTIFIER)
_HARMLESS: Final = re.compile(
    r"SET [a-z_]+ = [^;]*;|SELECT pg_catalog\.set_config\('search_path', '', false\);"
    r"|SELECT pg_catalog\.setval\('[^;\\]*', -?[0-9]+, (?:true|false)\);"
)
_LARGE_OBJECT: Final = re.compile(r"SELECT pg_catalog\.lo_|BEGIN;|COMMIT;")
_END: Final = b"\\.\n"


@dataclass(frozen=True)
class Statement:
    """A setting or a sequence's value, to be passed on."""

    text: bytes


@dataclass(frozen=True)
class Begin:
    """The rows of a table follow; ``text`` is the statement itself."""

    schema: str
    table: str
    columns: tuple[str, ...]
    text: bytes


@dataclass(frozen=True)
class Rows:
    """Some rows: lines with newlines between them, none at the end."""

    batch: bytes


@dataclass(frozen=True)
class End:
    """No more rows of this table."""


Event = Statement | Begin | Rows | End


def read(stream: IO[bytes]) -> Iterator[Event]:
    """What a script holds, in its order, with never more than a batch of rows in memory.

    Args:
        stream: its text, UTF-8.

    Raises:
        UsageError: it holds something that is neither rows nor settings.
    """
    held = b""
    while True:
        line, held = _line(stream, held)
        if not line:
            return
        text = line.decode(errors="replace").rstrip("\r\n")
        if not text or text.startswith("--") or re.match(r"\\(?:un)?restrict ", text):
            continue
        begin = _COPY.fullmatch(text)
        if begin:
            columns = tuple(_name(found) for found in _ONE.findall(begin[3] or ""))
            yield Begin(_name(begin[1]), _name(begin[2]), columns, line)
            held = yield from _rows(stream, held)
            yield End()
        elif _HARMLESS.fullmatch(text):
            yield Statement(line)
        else:
            raise _refused(text)


def _refused(text: str) -> UsageError:
    if _LARGE_OBJECT.match(text):
        return UsageError(
            "the dump holds large objects, which no rule can look into",
            hint="make it without them: pg_dump --no-large-objects",
        )
    if text.startswith("INSERT INTO"):
        return UsageError(
            "the dump holds INSERT statements", hint="make it with COPY, which is pg_dump's own way"
        )
    return UsageError(
        "the dump's data section holds something that is neither rows nor a sequence",
        hint="make it with `pg_dump --format=custom` of PostgreSQL 17 or older, without --inserts",
    )


def _line(stream: IO[bytes], held: bytes) -> tuple[bytes, bytes]:
    while b"\n" not in held:
        more = stream.read(_CHUNK)
        if not more:
            return held, b""
        held += more
    line, _, rest = held.partition(b"\n")
    return line + b"\n", rest


def _rows(stream: IO[bytes], held: bytes) -> Generator[Rows, None, bytes]:
    """The rows up to their end; returns what was read beyond it."""
    while True:
        if held.startswith(_END):
            return held[len(_END) :]
        end = held.find(b"\n" + _END)
        if end >= 0:
            yield Rows(held[:end])
            return held[end + 1 + len(_END) :]
        # The last line may be cut, or be the beginning of the end: it waits for more.
        whole = held.rfind(b"\n", 0, len(held) - len(_END))
        if whole > 0:
            yield Rows(held[:whole])
            held = held[whole + 1 :]
        more = stream.read(_CHUNK)
        if not more:
            raise UsageError("the dump ends in the middle of a table", hint="is the file complete?")
        held += more


def _name(written: str) -> str:
    return written[1:-1].replace('""', '"') if written.startswith('"') else written


def quoted(name: str) -> str:
    """An identifier as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
