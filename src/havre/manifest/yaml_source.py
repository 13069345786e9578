"""``havre.yaml`` as plain data, and where in the file each part of it stands.

The YAML that is read is a safe part of YAML 1.2: mappings, lists, text, ``true``, ``false``,
``null``, whole numbers and numbers with a decimal point. What readers of YAML disagree about is
refused with its remedy, never guessed: ``0755``, ``1_000``, ``0x1F``, ``1e3``, duplicate keys,
merge keys, tags, anchors, directives, several documents. ``no``, ``on``, ``2024-01-01`` and
``12:30:00`` are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from havre.manifest.problems import Finding, InvalidManifest, Part, Path, Problem, dotted
from havre.manifest.wording import show

LARGEST_BYTES: Final = 256 * 1024
DEEPEST: Final = 24
MOST_NODES: Final = 20_000

_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})\.[0-9]{1,15}")
# What one reader or another takes for a number: YAML 1.1 (octal, binary, underscores) and 1.2.
_AMBIGUOUS: Final = re.compile(
    r"[-+]?(?:[0-9][0-9_]*|0[xX][0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+"
    r"|(?:[0-9][0-9_]*)?\.[0-9_]+(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*\.(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(?:\.[0-9_]*)?[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_TRUE: Final = frozenset({"true", "True", "TRUE"})
_FALSE: Final = frozenset({"false", "False", "FALSE"})
_NULL: Final = frozenset({"null", "Null", "NULL", "~"})
# Controls but tab and line ends, surrogates, non-characters, a byte order mark inside, and the
# signs that make an editor show a line in another order than it is read.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


@dataclass(frozen=True)
class Position:
    """Where something stands, counted from 1."""

    line: int
    column: int


@dataclass
class Source:
    """The data of a manifest's file, where each part of it stands, and what is wrong so far."""

    file: str
    data: object = None
    positions: dict[Path, Position] = field(default_factory=dict)
    keys: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def report(self, finding: Finding) -> None:
        """Add a problem; its place is that of the nearest part of its path that is in the file."""
        known = finding.path
        while known and known not in self.positions:
            known = known[:-1]
        places = self.keys if finding.at_key and known in self.keys else self.positions
        self.add(finding.path, places.get(known), finding.message, finding.hint, finding.value)

    def add(
        self, path: Path, place: Position | None, message: str, hint: str = "", value: str | None = None
    ) -> None:
        """Add a problem at a place of the file."""
        problem = Problem(
            file=self.file,
            path=dotted(path),
            line=place.line if place else None,
            column=place.column if place else None,
            message=message,
            hint=hint,
            value=value,
        )
        if problem not in self.problems:
            self.problems.append(problem)

    def stop(self, place: Position | None, message: str, hint: str = "", path: Path = ()) -> InvalidManifest:
        """The error for a file that cannot be read further."""
        self.add(path, place, message, hint)
        return InvalidManifest(self.problems)


def decode(content: bytes, *, file: str) -> str:
    """Text of a file.

    Raises:
        InvalidManifest: it is too large or not UTF-8.
    """
    source = Source(file)
    if len(content) > LARGEST_BYTES:
        raise source.stop(None, f"has {len(content)} bytes", f"at most {LARGEST_BYTES} bytes are read")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        place = Position(line, column)
        raise source.stop(place, "is not UTF-8", "save the file with the encoding UTF-8") from error


def read(text: str, *, file: str) -> Source:
    """Data and positions of a manifest's text.

    What is wrong with a single value is left in ``problems``, so that the rest can be checked too.

    Raises:
        InvalidManifest: the text cannot be read at all.
    """
    source = Source(file)
    text = text.removeprefix("\ufeff")
    _check_text(source, text)
    builder = _Builder(source)
    try:
        source.data = builder.document(_events(text))
    except InvalidManifest:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(mark.line + 1, mark.column + 1) if mark else None
        what = " ".join(str(error.problem or error.context or "not readable").split())
        raise source.stop(place, f"is not YAML: {what}", "check indentation, quotes and brackets") from error
    except Exception as error:  # the parser leaks many kinds: ValueError, IndexError, AssertionError
        remedy = "check indentation, quotes and brackets"
        raise source.stop(builder.place, "is not YAML", remedy) from error
    if not isinstance(source.data, dict) and not source.problems:
        raise source.stop(Position(1, 1), f"holds {show(source.data)}", "begin with project: NAME")
    return source


def _check_text(source: Source, text: str) -> None:
    if len(text) > LARGEST_BYTES or len(text.encode(errors="surrogatepass")) > LARGEST_BYTES:
        raise source.stop(None, "is too large", f"at most {LARGEST_BYTES} bytes are read")
    if not text.strip():
        raise source.stop(None, "is empty", "`havre init` writes one")
    bad = _FORBIDDEN.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        place = Position(line, bad.start() - text.rfind("\n", 0, bad.start()))
        remedy = "remove the invisible character"
        raise source.stop(place, f"holds the character U+{ord(bad[0]):04X}", remedy)


def _events(text: str) -> Iterator[Event]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse(text)


class _Builder:
    """Builds the data from the parser's events, which are bounded before anything is built."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.nodes = 0
        self.place = Position(1, 1)

    def document(self, events: Iterator[Event]) -> object:
        data: object = None
        documents = 0
        for event in events:
            self._at(event)
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.source.stop(self.place, "begins a second document", "remove the line ---")
                if event.version or event.tags:
                    raise self.source.stop(
                        self.place, "holds a directive", "remove the line that begins with %"
                    )
            elif isinstance(event, NodeEvent):
                data = self._node(event, events, ())
            elif isinstance(event, DocumentEndEvent):
                continue
        return data

    def _at(self, event: Event) -> None:
        mark = event.start_mark
        self.place = Position(mark.line + 1, mark.column + 1)

    def _node(self, event: Event, events: Iterator[Event], path: Path) -> object:
        """The value that an event begins; for a collection, the events up to its end are taken."""
        self._bound(event, path)
        self.source.positions.setdefault(path, self.place)
        if isinstance(event, ScalarEvent):
            if event.value or event.style is not None:
                self.source.positions[path] = self.place
            return self._scalar(event, path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(events, path)
        return self._mapping(events, path)

    def _bound(self, event: Event, path: Path) -> None:
        self._at(event)
        self.nodes += 1
        place = self.place
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise self.source.stop(
                place,
                "holds an anchor or an alias (& or *), which are not read",
                "write the value out; put text that begins with & or * in quotes",
                path,
            )
        if getattr(event, "tag", None) is not None:
            raise self.source.stop(
                place,
                "holds a tag (!), which is not read",
                "remove it; put text that begins with ! in quotes",
                path,
            )
        if len(path) > DEEPEST:
            raise self.source.stop(
                place, f"is nested more than {DEEPEST} deep", "see `havre manifest sample`"
            )
        if self.nodes > MOST_NODES:
            raise self.source.stop(place, f"holds more than {MOST_NODES} values", "make the file smaller")

    def _sequence(self, events: Iterator[Event], path: Path) -> list[object]:
        items: list[object] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Event], path: Path) -> dict[str, object]:
        entries: dict[str, object] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            self._bound(event, path)
            key, place = self._key(event, path), self.place
            here: Path = (*path, key)
            first = self.source.positions.get(here)
            self.source.positions.setdefault(here, place)
            self.source.keys.setdefault(here, place)
            value = self._node(next(events), events, here)
            if first is not None:
                remedy = f"keep one of the two; the first is on line {first.line}"
                self.source.add(here, place, "is given twice", remedy)
            else:
                entries[key] = value
        return entries

    def _key(self, event: Event, path: Path) -> str:
        if not isinstance(event, ScalarEvent):
            remedy = "a key is plain text; put ${…} and {…} in quotes"
            raise self.source.stop(self.place, "has a list or a mapping as a key", remedy, path)
        if event.style is None and event.value == "<<":
            raise self.source.stop(
                self.place, "holds a merge key (<<), which is not read", "write the keys out", path
            )
        self._check_characters(event.value, (*path, "…"))
        return str(event.value)

    def _check_characters(self, text: str, path: Path) -> None:
        bad = _FORBIDDEN.search(text)
        if bad:
            message = f"holds the character U+{ord(bad[0]):04X}"
            raise self.source.stop(self.place, message, "remove the escape sequence", path)

    def _scalar(self, event: ScalarEvent, path: Path) -> object:
        text = str(event.value)
        self._check_characters(text, path)
        if event.style is not None:
            return text
        if not text:
            hint = 'give it one ("" is empty text), or remove it'
            self.source.report(Finding(path, "has no value", hint))
            return None
        return self._plain(text, path)

    def _plain(self, text: str, path: Path) -> object:
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if _AMBIGUOUS.fullmatch(text):
            message = f"got {text[:40]}, which not every reader takes for the same number"
            remedy = "put it in quotes if it is text, else write a plain decimal number"
            self.source.add(path, self.place, message, remedy, text)
        return text


__all__ = ["LARGEST_BYTES", "Part", "Position", "Source", "decode", "read"]
