"""What is wrong with a manifest, in sentences that name the place, the value and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from havre.errors import ManifestError
from havre.manifest.fields import example_of, known_keys
from havre.manifest.wording import CUSTOM, did_you_mean, show

Part: TypeAlias = str | int
Path: TypeAlias = tuple[Part, ...]

_PLAIN_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_HIDDEN: Final = frozenset({"env", "args"})
"""Below these keys values are not repeated in errors: a password may have been pasted there."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (line and column count from 1), what, and the remedy."""

    path: str
    line: int | None
    column: int | None
    message: str
    hint: str = ""
    value: str | None = None
    file: str = "havre.yaml"

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{place}: {what}; {self.hint}" if self.hint else f"{place}: {what}"


class InvalidManifest(ManifestError):  # noqa: N818 - named by what it is, as its siblings are
    """``havre.yaml`` is not valid; ``problems`` holds everything that is wrong, by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.line or 0, p.column or 0, p.path)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Finding:
    """A problem before its place in the file is known."""

    path: Path
    message: str
    hint: str = ""
    value: str | None = None
    at_key: bool = False
    """Whether it is about the key itself, not about its value."""

    def at(self, path: Path, suffix: str = "") -> Finding:
        """The same at another path, with something added to the message."""
        return replace(self, path=path, message=self.message + suffix)


def dotted(path: Path) -> str:
    """A path as people write it: ``services.api.domains[0].host``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        key = part if _PLAIN_KEY.fullmatch(part) or part == "…" else show(part)
        text += f".{key}" if text else key
    return text


def findings(error: ValidationError, root: type[BaseModel]) -> list[Finding]:
    """Pydantic's errors, reworded; ``root`` is the model that was to be made."""
    all_of_them = error.errors(include_url=False)
    return [_finding(details, root) for details in all_of_them if not _follows(details, all_of_them)]


def _follows(details: ErrorDetails, others: list[ErrorDetails]) -> bool:
    """Whether an error only follows from another: a default that needs it, a list of wrong entries."""
    if details["type"] == "default_factory_not_called":
        return True
    depth = len(details["loc"])
    return details["type"] == "too_short" and any(
        len(other["loc"]) > depth and other["loc"][:depth] == details["loc"] for other in others
    )


def _finding(details: ErrorDetails, root: type[BaseModel]) -> Finding:
    loc = tuple(part for part in details["loc"] if part != "[key]")
    value = details["input"]
    if details["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        loc, value = (*loc, "kind"), details.get("ctx", {}).get("tag")
    hidden = bool(_HIDDEN & set(loc))
    message, hint = _words(details, "a value" if hidden else show(value), root)
    simple = isinstance(value, str | int | float) and not hidden
    at_key = details["type"] == "extra_forbidden" or details["loc"][-1:] == ("[key]",)
    return Finding(loc, message, hint, show(value) if simple and not at_key else None, at_key)


def _words(details: ErrorDetails, got: str, root: type[BaseModel]) -> tuple[str, str]:
    """Message and hint for one of pydantic's errors."""
    kind, context, loc = details["type"], details.get("ctx", {}), details["loc"]
    if kind == CUSTOM:
        return str(context["message"]), str(context["hint"])
    if kind == "extra_forbidden":
        return "is not a known key", did_you_mean(loc[-1], known_keys(root, loc[:-1]))
    if kind == "missing":
        example = example_of(root, loc)
        return "is missing", f"add it, for example {example}" if example else "add it"
    if kind == "union_tag_not_found":
        return "is missing", "add kind: app, static, postgres or redis"
    if kind in {"literal_error", "union_tag_invalid"}:
        allowed = re.findall(r"'([^']*)'|\b(\d+)\b", context.get("expected") or context["expected_tags"])
        words = [text or number for text, number in allowed]
        word = context.get("tag", details["input"])
        hint = did_you_mean(word, words)
        return f"got {show(word)}, expected {_listed(words)}", hint if hint.startswith("did") else ""
    return _bounds(kind, context, got) or _types(kind, details["input"], got) or (details["msg"], "")


def _listed(words: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _bounds(kind: str, context: dict[str, object], got: str) -> tuple[str, str] | None:
    sentence = {
        "greater_than_equal": "at least {ge}",
        "greater_than": "more than {gt}",
        "less_than_equal": "at most {le}",
        "less_than": "less than {lt}",
    }.get(kind)
    if sentence:
        return f"got {got}, expected {sentence.format(**context)}", ""
    if kind == "too_short":
        return "is empty", "add an entry, or remove the key"
    if kind == "string_pattern_mismatch":
        return f"got {got}, which is not allowed here", "use letters, digits, dots and hyphens only"
    return None


_EXPECTED: Final = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "dict": "keys and values",
    "model": "keys and values",
    "tuple": "a list",
    "list": "a list",
}


def _types(kind: str, value: object, got: str) -> tuple[str, str] | None:
    expected = next((words for name, words in _EXPECTED.items() if kind.startswith(f"{name}_")), None)
    if expected is None:
        return None
    return f"got {got}, expected {expected}", _type_remedy(expected, value)


def _type_remedy(expected: str, value: object) -> str:
    if value is None:
        return "give it a value, or remove it"
    if expected == "text" and isinstance(value, int | float):
        return "put it in quotes"
    if expected in {"a number", "a whole number"} and isinstance(value, str) and _is_number(value):
        return "remove the quotes"
    if expected == "true or false" and isinstance(value, str):
        answer = {"yes": "true", "on": "true", "no": "false", "off": "false"}
        answer |= {"true": "true", "false": "false"}
        word = answer.get(value.lower())
        return f"write {word}" if word else ""
    if expected == "a list" and isinstance(value, str):
        return "write it in brackets, or as lines that begin with a hyphen"
    return ""


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
