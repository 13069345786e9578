"""Privacy scan: what a dump holds that looks personal, and the rules that would suit it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Final

from havre.adapters.postgres.dump_script import Begin, Rows
from havre.domain.privacy import forms
from havre.domain.privacy.copy_text import NULL, unescape
from havre.domain.privacy.decisions import Rules, Undecided, decide
from havre.domain.privacy.proposals import Proposal, propose
from havre.domain.privacy.tables import Database, shown_name
from havre.operations.privacy.cluster import PLAN, Cluster

_MOST_VALUES: Final = 500
_FIRST: Final = 100
_EVERY: Final = 97
"""After the first rows one in so many is looked at: old rows and new ones differ."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_OTHERWISE: Final = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True)
class Scan:
    """What was found."""

    rows: Mapping[str, int]
    proposals: tuple[Proposal, ...]
    missing: tuple[str, ...]
    """Columns that can hold words and have no rule in the manifest."""
    wrong: tuple[str, ...]
    """Rules of the manifest that cannot be carried out."""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rows": dict(self.rows),
            "proposals": [each.as_json() for each in self.proposals],
            "without_decision": list(self.missing),
            "wrong": list(self.wrong),
        }


def scan(cluster: Cluster, source: IO[bytes], rules: Rules, locale: str) -> Scan:
    """Look at a dump.

    Args:
        cluster: a fresh one.
        source: the dump, in pg_dump's custom format.
        rules: those of the manifest, to say what is missing in them.
        locale: whose first names are known.

    Raises:
        HavreError: the dump cannot be read.
    """
    cluster.keep_dump(source)
    cluster.restore(PLAN, "pre-data", "post-data")
    database = cluster.database(PLAN)
    rows, samples = _sample(cluster, database)
    proposals = propose(database, samples, first_names(locale))
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    try:
        decide(database, rules)
    except Undecided as error:
        missing, wrong = error.missing, error.wrong
    return Scan(rows, proposals, missing, wrong)


def first_names(locale: str) -> frozenset[bytes]:
    """Compact forms of the first names that Faker knows in a locale."""
    from faker import Faker  # noqa: PLC0415 - takes half a second

    fake = Faker(locale)
    fake.seed_instance(1)
    return frozenset(forms.compact(fake.first_name().encode()) for _ in range(3000))


def _sample(
    cluster: Cluster, database: Database
) -> tuple[dict[str, int], dict[tuple[str, str], list[bytes]]]:
    """Rows of each table, and some values of each column that can hold words."""
    rows = {table.shown: 0 for table in database.tables}
    samples: dict[tuple[str, str], list[bytes]] = {}
    shown, wanted = "", list[tuple[int, list[bytes]]]()
    with cluster.rows() as events:
        for event in events:
            if isinstance(event, Begin):
                shown = shown_name(event.schema, event.table)
                table = database.table(shown)
                columns = {column.name: column for column in table.columns} if table else {}
                wanted = [
                    (position, samples.setdefault((shown, name), []))
                    for position, name in enumerate(event.columns)
                    if name in columns and columns[name].needs_decision
                ]
            elif isinstance(event, Rows):
                for line in event.batch.split(b"\n"):
                    number = rows[shown] = rows.get(shown, 0) + 1
                    if number <= _FIRST or number % _EVERY == 0:
                        _take(line.split(b"\t"), wanted)
    return rows, samples


def _take(cells: Sequence[bytes], wanted: Sequence[tuple[int, list[bytes]]]) -> None:
    for position, values in wanted:
        if cells[position] != NULL and len(values) < _MOST_VALUES:
            values.append(unescape(cells[position]))


def fragment(proposals: Sequence[Proposal], service: str, locale: str) -> str:
    """The proposals as a part of ``havre.yaml``; columns without a decision are comments."""
    lines = ["services:", f"  {service}:", "    privacy:", f"      locale: {locale}", "      tables:"]
    table = ""
    ruled = {each.table for each in proposals if each.rule is not None}
    for each in proposals:
        if each.table != table:
            table = each.table
            lines.append(f"        {'' if table in ruled else '# '}{_flow(table)}:")
        if each.rule is None:
            lines.append(f"          # {_flow(each.column)}: ?   # decide: {each.type}, {each.why}")
        else:
            lines.append(f"          {_flow(each.column)}: {_flow(each.rule.written)}   # {each.why}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """A value on one line of YAML, with quotes where it needs them."""
    match value:
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str() if value == "null" or (_PLAIN.fullmatch(value) and value.lower() not in _OTHERWISE):
            return value
        case str() if re.fullmatch(r"[0-9]+ days", value):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
