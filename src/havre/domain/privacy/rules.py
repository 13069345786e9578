"""The rules of a manifest's section ``privacy``: one per column, as a word or as a mapping.

=============================================  ============================================================
written                                        a value becomes
=============================================  ============================================================
``email`` and the other words of :data:`FAKES`  a made-up one, always the same for the same value
``{fake: name, unique: true}``                 one that no other value becomes
``hash``                                       32 hexadecimal digits (a UUID stays a UUID)
``null``, ``{constant: text}``                 nothing, always the same
``{shift: 30 days, by: id}``                   a date moved by up to 30 days, as far as all others of this id
``{noise: 0.05}``                              a number changed by up to 5 %
``scrub``                                      neutral text of as many words and lines
``{json: {path: rule}}``                       the same JSON, its values by path; texts not named are scrubbed
``keep``, ``{keep: [a, b]}``                   itself; only these values are allowed
=============================================  ============================================================
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

FAKES: Final = (
    "name", "first_name", "last_name", "email", "phone", "address", "city", "postcode", "company",
    "username", "iban", "ip",
)  # fmt: skip
WORDS: Final = (*FAKES, "hash", "null", "scrub", "keep")
FORMS: Final = ("fake", "constant", "shift", "noise", "json", "keep")
"""Keys that begin a rule written as a mapping."""

_INJECTIVE: Final = frozenset({"email", "username", "iban", "hash"})
_NEVER_UNIQUE: Final = frozenset({"postcode"})
_DAYS: Final = re.compile(r"([1-9][0-9]{0,4}) ?d(?:ays?)?")
_MOST_DAYS: Final = 3650
_PATH: Final = re.compile(r"\*|[^.\s\x00-\x1f][^.\x00-\x1f]*(?:\.[^.\x00-\x1f]+)*")
_IN_JSON: Final = (*FAKES, "hash", "null", "constant", "scrub", "keep")


class RuleError(ValueError):
    """A rule is not one; with the remedy."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class Rule:
    """What becomes of a column's values; only the fields of its kind count."""

    kind: str
    """A word of :data:`WORDS`, or ``constant``, ``shift``, ``noise`` or ``json``."""
    unique: bool = False
    constant: str = ""
    days: int = 0
    by: str = ""
    noise: float = 0.0
    paths: tuple[tuple[str, Rule], ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def is_injective(self) -> bool:
        """Whether different values stay different, so that unique constraints hold."""
        return self.unique or self.kind in _INJECTIVE or (self.kind == "keep" and not self.allowed)

    @property
    def protects(self) -> bool:
        """Whether the values are replaced by others, which the proof then looks for."""
        return self.kind not in {"keep", "shift", "noise"}

    @property
    def written(self) -> Any:
        """As a manifest says it; :func:`parse` is the inverse."""
        match self.kind:
            case "constant":
                return {"constant": self.constant}
            case "shift":
                return {"shift": f"{self.days} days", "by": self.by}
            case "noise":
                return {"noise": self.noise}
            case "json":
                return {"json": {path: rule.written for path, rule in self.paths}}
            case "keep" if self.allowed:
                return {"keep": list(self.allowed)}
        return {"fake": self.kind, "unique": True} if self.unique else self.kind


def parse(value: Any) -> Rule:
    """The rule that a manifest's word or mapping says.

    Raises:
        RuleError: it says none.
    """
    if value is None:  # YAML's own null
        return Rule("null")
    if isinstance(value, str):
        if value in WORDS:
            return Rule(value)
        raise RuleError(f"{value[:40]!r} is not a rule", _hint(value, (*WORDS, *FORMS)))
    if not isinstance(value, Mapping) or not value:
        raise RuleError("is not a rule", "write a word such as email, or a mapping such as {constant: x}")
    form = next((key for key in FORMS if key in value), "")
    if not form:
        raise RuleError(f"{next(iter(value))!s} is not a rule", _hint(next(iter(value)), FORMS))
    also = {"fake": {"unique"}, "shift": {"by"}}.get(form, set())
    unknown = sorted(str(key) for key in value.keys() - also - {form})
    if unknown:
        raise RuleError(f"{unknown[0]} does not go with {form}", f"keys: {', '.join(sorted({form, *also}))}")
    return _FORMS[form](value)


def _hint(word: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(word)[:40], known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def _fake(value: Mapping[str, Any]) -> Rule:
    kind, unique = value["fake"], value.get("unique", False)
    if kind not in FAKES:
        raise RuleError(f"{kind!s:.40} is nothing that can be made up", _hint(kind, FAKES))
    if not isinstance(unique, bool):
        raise RuleError("unique is not true or false", "write unique: true")
    if unique and kind in _NEVER_UNIQUE:
        raise RuleError(f"there are too few of {kind} to be unique", "use hash")
    return Rule(kind, unique=unique)


def _constant(value: Mapping[str, Any]) -> Rule:
    constant = value["constant"]
    if isinstance(constant, bool):
        return Rule("constant", constant="t" if constant else "f")
    if not isinstance(constant, str | int | float):
        raise RuleError("the constant is not a text or a number", "for nothing at all, write null")
    return Rule("constant", constant=str(constant))


def _shift(value: Mapping[str, Any]) -> Rule:
    found = _DAYS.fullmatch(str(value["shift"]))
    if not found or int(found[1]) > _MOST_DAYS:
        raise RuleError(f"shift is not a number of days up to {_MOST_DAYS}", "write shift: 30 days")
    by = value.get("by")
    if not isinstance(by, str) or not by:
        raise RuleError(
            "shift does not say by which column", "add by: COLUMN, whose rows are moved alike, such as id"
        )
    return Rule("shift", days=int(found[1]), by=by)


def _noise(value: Mapping[str, Any]) -> Rule:
    noise = value["noise"]
    if isinstance(noise, bool) or not isinstance(noise, int | float) or not 0 < noise < 1:
        raise RuleError("noise is not a part between 0 and 1", "write noise: 0.05 for 5 %")
    return Rule("noise", noise=float(noise))


def _json(value: Mapping[str, Any]) -> Rule:
    paths = value["json"]
    if not isinstance(paths, Mapping):
        raise RuleError("json does not say what becomes of which path", "write json: {address.city: city}")
    rules = []
    for path, written in paths.items():
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            raise RuleError(
                f"{path!s:.40} is not a path in JSON", "write keys with dots between, such as address.city"
            )
        try:
            rule = parse(written)
        except RuleError as error:
            raise RuleError(f"{path}: {error.message}", error.hint) from error
        if rule.kind not in _IN_JSON:
            raise RuleError(f"{path}: {rule.kind} is not possible in JSON", f"known: {', '.join(_IN_JSON)}")
        rules.append((path, rule))
    return Rule("json", paths=tuple(rules))


def _keep(value: Mapping[str, Any]) -> Rule:
    allowed = value["keep"]
    if (
        not isinstance(allowed, list | tuple)
        or not allowed
        or not all(isinstance(item, str) for item in allowed)
    ):
        raise RuleError("keep does not list the texts that may stay", "write keep, or keep: [admin, member]")
    return Rule("keep", allowed=tuple(allowed))


_FORMS: Final = {
    "fake": _fake, "constant": _constant, "shift": _shift, "noise": _noise, "json": _json, "keep": _keep,
}  # fmt: skip
