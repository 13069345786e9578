"""A manifest's data as the text of ``havre.yaml``, with comments, quoted so that all read it alike."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z/.][A-Za-z0-9/._-]*(?::/[A-Za-z0-9/._-]+)?|[0-9]+(?:ms|[smhKMGT])")
_OTHERWISE: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_WIDTH: Final = 100


def write(manifest: Mapping[str, Any], *, file: str, notes: Mapping[str, Sequence[str]]) -> str:
    """The text. ``notes`` are comments by service."""
    lines = [
        f"# Converted from {file} by `havre init --from-compose`. Read it before the first deployment:",
        "# names, domains and health paths are yours to confirm. `havre manifest check` checks it.",
        f"project: {_scalar(manifest['project'])}",
        "",
        "services:",
    ]
    for at, (name, body) in enumerate(manifest["services"].items()):
        lines += [""] if at else []
        for note in dict.fromkeys(notes.get(name, ())):
            lines += textwrap.wrap(note, _WIDTH, initial_indent="  # ", subsequent_indent="  # ")
        lines.append(f"  {name}:")
        lines += _mapping(body, 4)
    lines += ["", "environments:", *_mapping(manifest["environments"], 2)]
    return "\n".join(lines) + "\n"


def _mapping(body: Mapping[str, Any], indent: int) -> list[str]:
    lines = []
    for key, value in body.items():
        start = f"{' ' * indent}{_scalar(key)}:"
        if isinstance(value, Mapping) and set(value) in ({"secret"}, {"branch"}):
            lines.append(f"{start} {{{', '.join(f'{k}: {_scalar(v)}' for k, v in value.items())}}}")
        elif isinstance(value, Mapping):
            lines += [start, *_mapping(value, indent + 2)]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines.append(start)
            lines += [
                f"{' ' * indent}  - {{{', '.join(f'{k}: {_scalar(v)}' for k, v in item.items())}}}"
                for item in value
            ]
        elif isinstance(value, list):
            lines.append(f"{start} [{', '.join(_scalar(item) for item in value)}]")
        else:
            lines.append(f"{start} {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _OTHERWISE:
        return value
    text = json.dumps(value, ensure_ascii=False)
    # What a manifest refuses as it stands is escaped instead.
    return re.sub(
        "[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]",
        lambda m: f"\\u{ord(m[0]):04x}",
        text,
    )
