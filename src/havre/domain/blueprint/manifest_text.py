"""A proposal as the text of ``havre.yaml``: every line with its reason."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from havre.domain.blueprint.proposal import Entry, Proposal

_WIDEST = 4000
"""Columns after which a value would be broken: never, or a comment could end up on another line."""
_COLUMN = 44
"""Where the reasons begin, unless a line is longer."""


def manifest_text(proposal: Proposal, *, command: str = "havre init") -> str:
    """``havre.yaml`` of a proposal; ``command`` is what wrote it."""
    entries = (
        Entry("project", proposal.project.value, proposal.project.why),
        Entry("services", proposal.services),
        Entry("environments", proposal.environments),
    )
    stream = io.StringIO()
    yaml = YAML()
    yaml.width = _WIDEST
    yaml.dump(_mapping(entries), stream)
    lines = stream.getvalue().splitlines()
    reasons = list(_reasons(entries))
    if len(lines) != len(reasons):
        raise AssertionError("each entry is one line")
    body = [_with_reason(line, reason) for line, reason in zip(lines, reasons, strict=True)]
    head = [
        f"# Written by `{command}`. Read each line with its reason, change what is wrong, then:",
        "# havre manifest check. Every key is explained in the reference of the manifest.",
    ]
    return "\n".join([*head, *_spaced(body)]) + "\n"


def _mapping(entries: tuple[Entry, ...]) -> CommentedMap:
    found = CommentedMap()
    for entry in entries:
        if isinstance(entry.value, tuple):
            found[entry.key] = _mapping(entry.value)
            if _is_short(entry):
                found[entry.key].fa.set_flow_style()
        else:
            found[entry.key] = _scalar(entry.value)
    return found


def _is_short(entry: Entry) -> bool:
    """Whether an entry stands on one line: ``{secret: name}``."""
    return isinstance(entry.value, tuple) and all(
        one.key == "secret" and not isinstance(one.value, tuple) for one in entry.value
    )


def _scalar(value: str | int | bool) -> object:
    """Text that some reader takes for something else is quoted; the manifest's own reader is strict."""
    is_odd = isinstance(value, str) and (
        not value or value[0] in "0123456789.-+~*&!%@`" or value.lower() in _WORDS
    )
    if is_odd and not _PLAIN_PATH.fullmatch(str(value)):
        return DoubleQuotedScalarString(str(value))
    return value


_PLAIN_PATH = re.compile(r"\.|\.?[a-z_][a-z0-9_./-]*/[a-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def _reasons(entries: tuple[Entry, ...]) -> Iterator[str]:
    """The reason of each line, in the order in which the lines stand."""
    for entry in entries:
        yield entry.why
        if isinstance(entry.value, tuple) and not _is_short(entry):
            yield from _reasons(entry.value)


def _with_reason(line: str, reason: str) -> str:
    if not reason:
        return line
    clean = " ".join(reason.split())
    return f"{line:<{_COLUMN}} # {clean}" if len(line) < _COLUMN else f"{line} # {clean}"


def _spaced(lines: list[str]) -> Iterator[str]:
    """An empty line before each top key and between services."""
    first_below = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if (indent == 0 and line != lines[0]) or (indent == 2 and not first_below):  # noqa: PLR2004
            yield ""
        yield line
        first_below = indent == 0
