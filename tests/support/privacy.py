"""Tables, rules and rows for the tests of anonymised copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from havre.domain.privacy import proof
from havre.domain.privacy.decisions import Decisions, decide
from havre.domain.privacy.originals import Originals
from havre.domain.privacy.pools import Pools
from havre.domain.privacy.rows import Collecting, Replacing
from havre.domain.privacy.rules import parse
from havre.domain.privacy.tables import Column, Database, ForeignKey, Key, Table

KEY = b"k" * 32


def table(shown: str, /, **types: str) -> Table:
    """A table of ``public`` by column and type; ``text[]`` is an array, ``varchar(20)`` has a limit."""
    columns = []
    for column, written in types.items():
        base, _, limit = written.removesuffix("[]").removesuffix(")").partition("(")
        columns.append(
            Column(column, base, array=written.endswith("[]"), limit=int(limit) if limit else None)
        )
    return Table("public", shown, tuple(columns))


def decided(
    rules: Mapping[str, Mapping[str, Any]],
    *tables: Table,
    keys: Sequence[Key] = (),
    foreign_keys: Sequence[ForeignKey] = (),
) -> Decisions:
    """The rules, as a manifest writes them, held against tables."""
    made = {name: {column: parse(rule) for column, rule in each.items()} for name, each in rules.items()}
    return decide(Database(tables, tuple(keys), tuple(foreign_keys)), made)


def collected(decisions: Decisions, rows: Mapping[str, str]) -> Originals:
    """What is remembered of rows, given as lines of COPY by table."""
    originals = Originals()
    for shown, text in rows.items():
        found = decisions.database.table(shown)
        assert found is not None
        names = [column.name for column in found.columns]
        Collecting(decisions, found, names, originals).take(text.encode())
    originals.seal()
    return originals


def replaced(
    decisions: Decisions, rows: Mapping[str, str], *, key: bytes = KEY, locale: str = "fr_FR"
) -> dict[str, str]:
    """The rows of the copy."""
    pools = Pools(locale, collected(decisions, rows).holds)
    out = {}
    for shown, text in rows.items():
        found = decisions.database.table(shown)
        assert found is not None
        names = [column.name for column in found.columns]
        out[shown] = Replacing(decisions, found, names, key, pools)(text.encode()).decode()
    return out


def problems(decisions: Decisions, original: Mapping[str, str], copy: Mapping[str, str]) -> tuple[str, ...]:
    """What the proof says of a copy."""
    originals, found = collected(decisions, original), proof.Found()
    for shown, text in copy.items():
        each = decisions.database.table(shown)
        assert each is not None
        names = [column.name for column in each.columns]
        wanted = [names.index(name) for name in proof.text_columns(each)]
        lines = [["1", *(line.split("\t")[at] for at in wanted)] for line in text.split("\n")]
        batch = "\n".join("\t".join(line) for line in lines).encode()
        proof.Searching(decisions, each, originals, found).take(batch)
    return found.problems({shown: text.count("\n") + 1 for shown, text in original.items()})


def cells(rows: str, position: int) -> list[str]:
    """One column of rows."""
    return [line.split("\t")[position] for line in rows.split("\n")]
