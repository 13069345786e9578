"""Whole rows of a table, in batches: what is replaced in them, and what of them is looked for afterwards.

Work goes column by column over a batch of rows, and a value that was seen before costs one look into a
table of a bounded size: names and towns repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, cast

from havre.domain.privacy import copy_text, documents, fakes, perturb, tables
from havre.domain.privacy.copy_text import NULL, escape, unescape
from havre.domain.privacy.decisions import Decisions
from havre.domain.privacy.documents import SCRUB, NotAllowed
from havre.domain.privacy.fakes import Change
from havre.domain.privacy.originals import Originals
from havre.domain.privacy.pools import Pools
from havre.domain.privacy.rules import FAKES, Rule
from havre.domain.privacy.tables import Column, Table
from havre.errors import HavreError

LONGEST_REMEMBERED: Final = 256
"""Bytes that values may have on average to be remembered."""
ENOUGH_LONG: Final = 10
ENOUGH: Final = 20_000
"""Rows after which it is decided whether values repeat."""
MOST_REMEMBERED: Final = 1 << 16
"""Values of a column that are remembered with their replacement; then it begins anew."""

Cells = tuple[bytes, ...]
Batch = bytes
"""Rows, each a line without its end, with a newline between them."""


class Unreplaceable(HavreError):  # noqa: N818 - named by what it is
    """A value that its column's rule cannot take; which one is never told."""


def split(batch: Batch) -> list[Cells]:
    """The columns of a batch of rows."""
    return list(zip(*[line.split(b"\t") for line in batch.split(b"\n")], strict=True))


def join(columns: Sequence[Sequence[bytes]]) -> Batch:
    """The inverse of :func:`split`."""
    return b"\n".join(map(b"\t".join, zip(*columns, strict=True)))


def values_of(cells: Iterable[bytes]) -> list[bytes]:
    """The values of cells that are not null."""
    return [unescape(cell) if b"\\" in cell else cell for cell in cells if cell != NULL]


class Repeating:
    """Whether a column's values come again often enough to be remembered: true until it is known."""

    def __init__(self) -> None:
        self._cells = self._fresh = 0
        self._is_true = True

    def __bool__(self) -> bool:
        return self._is_true

    def note(self, cells: Sequence[bytes], fresh: Collection[bytes]) -> None:
        """Of these cells these were new."""
        self._cells += len(cells)
        self._fresh += len(fresh)
        if sum(map(len, fresh)) > LONGEST_REMEMBERED * (len(fresh) + ENOUGH_LONG):
            self._is_true = False  # long texts seldom repeat, and would fill the memory
        if self._cells > ENOUGH:
            self._is_true = 2 * self._fresh < self._cells
            self._cells = self._fresh = 0


class Seen:
    """Which values of a column are new, as far as that is worth remembering."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._repeating = Repeating()

    def new(self, cells: Cells) -> Iterable[bytes]:
        """Those that were not seen yet; all of them where hardly any comes again."""
        if not self._repeating:
            return cells
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.clear()
        fresh = set(cells) - self._seen
        self._repeating.note(cells, fresh)
        return fresh

    def remember(self, cells: Iterable[bytes]) -> None:
        """Not to be told as new again."""
        if self._repeating:
            self._seen.update(cells)


class Collecting:
    """Takes the original values of a table's protected columns in."""

    def __init__(self, decisions: Decisions, table: Table, names: Sequence[str], into: Originals) -> None:
        rules = decisions.of(table)
        self._into = into
        self._columns: list[tuple[int, Callable[[bytes], Sequence[bytes]] | None, Seen]] = []
        for position, name in enumerate(names):
            rule, column = rules.get(name), _column(table, name)
            if rule is not None and _is_searched(rule, column):
                self._columns.append((position, _parts(rule, column), Seen()))

    def take(self, batch: Batch) -> None:
        """Take in the rows of a batch."""
        if not self._columns:
            return
        columns = split(batch)
        for position, parts, seen in self._columns:
            fresh = seen.new(columns[position])
            seen.remember(fresh)
            values = values_of(fresh)
            self._into.add(values if parts is None else [part for value in values for part in parts(value)])


def _is_searched(rule: Rule, column: Column) -> bool:
    """Whether the originals of a column are looked for in the copy: words, not dates and numbers."""
    return (rule.protects or rule.kind == "json") and column.type not in (
        tables.DAYS | tables.NUMBERS | {"bool", "bytea"}
    )


def _parts(rule: Rule, column: Column) -> Callable[[bytes], Sequence[bytes]] | None:
    """What takes a column's values apart, if they have parts."""
    if column.type in tables.DOCUMENTS:
        whole = rule if rule.kind in {"json", "scrub"} else Rule("json", paths=(("*", SCRUB),))
        return lambda value: list(documents.protected(whole, value))
    return copy_text.elements if column.array else None


class Replacing:
    """Replaces the values of a table's rows by its rules."""

    def __init__(
        self, decisions: Decisions, table: Table, names: Sequence[str], key: bytes, pools: Pools
    ) -> None:
        rules = decisions.of(table)
        self._table = table
        self._plain: list[tuple[int, str, _Cells]] = []
        self._moved: list[tuple[int, str, int, Callable[[bytes, bytes], bytes]]] = []
        for position, name in enumerate(names):
            rule, column = rules.get(name), _column(table, name)
            if rule is None or (rule.kind == "keep" and not rule.allowed):
                continue
            if rule.kind == "shift":
                self._moved.append((position, name, names.index(rule.by), perturb.shift(rule, key)))
            else:
                change = _change(rule, column, key, pools)
                self._plain.append((position, name, _Cells(change, is_plain=_is_plain(rule, column))))

    def __call__(self, batch: Batch) -> Batch:
        """The rows of a batch, replaced.

        Raises:
            Unreplaceable: a value does not suit its rule.
        """
        if not self._plain and not self._moved:
            return batch
        originals = split(batch)
        columns: list[Sequence[bytes]] = list(originals)
        for position, name, cells in self._plain:
            try:
                columns[position] = cells(originals[position])
            except NotAllowed:
                raise self._refused(name, "holds a text that its list under keep does not name") from None
            except ValueError:
                raise self._refused(name, "holds a value that its rule cannot read") from None
        for position, name, by, move in self._moved:
            pairs = zip(originals[position], originals[by], strict=True)
            try:
                columns[position] = [cell if cell == NULL else move(cell, value) for cell, value in pairs]
            except perturb.Unshiftable as error:
                raise self._refused(name, "holds a date that cannot be moved") from error
        return join(columns)

    def _refused(self, name: str, why: str) -> Unreplaceable:
        return Unreplaceable(
            f"{self._table.shown}.{name} {why}", hint="give the column another rule under privacy"
        )


class _Cells:
    """Replaces the cells of a column, each value that repeats only once."""

    def __init__(self, change: Change, *, is_plain: bool) -> None:
        self._change, self._is_plain = change, is_plain
        self._known: dict[bytes, bytes] = {}
        self._repeating = Repeating()

    def __call__(self, cells: Cells) -> Sequence[bytes]:
        if not self._repeating:
            return self._replaced(cells)
        known = self._known
        if len(known) > MOST_REMEMBERED:
            known.clear()
        fresh = list(set(cells).difference(known))
        self._repeating.note(cells, fresh)
        known.update(zip(fresh, self._replaced(fresh), strict=True))
        return [known[cell] for cell in cells]

    def _replaced(self, cells: Sequence[bytes]) -> list[bytes]:
        change = self._change
        found = [
            cell if cell == NULL else change(unescape(cell) if b"\\" in cell else cell) for cell in cells
        ]
        if self._is_plain:
            return cast("list[bytes]", found)
        return [
            new if cell == NULL else NULL if new is None else escape(new)
            for cell, new in zip(cells, cast("list[bytes]", found), strict=True)
        ]


def _is_plain(rule: Rule, column: Column) -> bool:
    """Whether what values become is never null and has nothing to escape: the values of pools have not."""
    return (rule.kind in FAKES or rule.kind == "noise") and not column.array


def _change(rule: Rule, column: Column, key: bytes, pools: Pools) -> Change:
    """A column's function, also for the elements of arrays and for documents."""
    if rule.kind in {"null", "constant"}:
        return fakes.change(rule, column, key, pools)
    if column.type in tables.DOCUMENTS and rule.kind in {"json", "scrub"}:
        rules = {"*": SCRUB, **dict(rule.paths)}
        inside = Column(column.name, "text")
        made = {path: fakes.change(r, inside, key, pools) for path, r in rules.items() if r.kind != "keep"}
        one = documents.change(rule, made)
    elif rule.kind == "keep":
        one = _listed(rule)
    elif rule.kind == "noise":
        one = perturb.noise(rule, column, key)
    else:
        one = fakes.change(rule, column, key, pools)
    return (lambda value: copy_text.each_element(value, one)) if column.array else one


def _listed(rule: Rule) -> Change:
    allowed = {text.encode() for text in rule.allowed}

    def kept(value: bytes) -> bytes:
        if value not in allowed:
            raise NotAllowed
        return value

    return kept


def _column(table: Table, name: str) -> Column:
    column = table.column(name)
    if column is None:
        raise Unreplaceable(f"the dump fills a column {name!r} that {table.shown} does not have")
    return column
