"""Rules proposed for a database's columns, by their names, types and some of their values.

A proposal is a guess for somebody to read. It errs towards protecting; where nothing speaks for anything it
proposes nothing, and the column stays without a decision.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from havre.domain.privacy import copy_text, documents, forms, tables
from havre.domain.privacy.rules import FAKES, Rule
from havre.domain.privacy.tables import Column, Database, Table

Samples = Mapping[tuple[str, str], Sequence[bytes]]
"""Some values (UTF-8, not null) by table and column."""

_ENOUGH: Final = 0.6
"""Part of a column's values that have to look like something."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_PHONE: Final = re.compile(r"(?:\+|00?)[0-9][0-9 ().\-/]{7,20}")
_DATE: Final = re.compile(r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}")
_FREE_TEXT: Final = 4  # words

_PEOPLE: Final = re.compile(
    r"(?:^|_)(?:users?|members?|people|persons?|contacts?|clients?|customers?|patients?|employees?|players?|"
    r"adherents?|personnes?|membres?|utilisateurs?|salaries?|benevoles?|licencies?|accounts?|profiles?)(?:_|$)"
)
_BY_NAME: Final = tuple(
    (kind, re.compile(rf"(?:^|_)(?:{words})(?:_|$)"))
    for kind, words in (
        ("email", "e?_?mails?|courriels?|mail_address|email_address"),
        ("iban", "iban"),
        ("ip", "ip|ips|ip_?addr(?:ess)?|remote_?addr|last_ip"),
        ("phone", "phones?|phone_?number|telephones?|tel|mobile|cell|fax|portable|gsm"),
        ("first_name", "first_?names?|given_?names?|prenoms?|forename"),
        ("last_name", "last_?names?|family_?names?|surnames?|nom|nom_de_famille|nom_usage|maiden_?name"),
        ("name", "(?:full|display|real|contact)_?name|holder|titulaire|nom_complet|emergency_?contact"),
        ("username", "user_?name|login|pseudo|nick_?name|handle|identifiant"),
        ("postcode", "post_?codes?|postal_?code|zip|zip_?code|code_?postal|cp"),
        ("city", "city|town|ville|commune|place_of_birth|birth_?place"),
        ("address", "address|adresse|street|rue|address_?line_?[0-9]?|line_?[12]"),
        ("company", "company|societe|employer|employeur|organi[sz]ation_?name"),
        ("hash", "token|secret|api_?key|session|session_?key|ssn|nir|licen[sc]e_?(?:number|no)|licence"),
        ("scrub", "notes?|comments?|commentaires?|descriptions?|bio|about|messages?|remarks?|remarques?"),
        ("scrub", "observations?|content|body|text|user_?agent|subject|reason|motif"),
    )
)  # fmt: skip
_PASSWORD: Final = re.compile(
    r"(?:^|_)(?:password|passwd|pwd|mot_de_passe|password_hash|hashed_password)(?:_|$)"
)
_BIRTH: Final = re.compile(r"birth|naissance|(?:^|_)dob(?:_|$)|ne_le")
_BODY: Final = re.compile(r"weight|height|salary|income|poids|taille|salaire|revenu|(?:^|_)bmi(?:_|$)")


@dataclass(frozen=True)
class Proposal:
    """A column's rule, and why; without a rule, what is known of the column."""

    table: str
    column: str
    type: str
    rule: Rule | None
    why: str

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "table": self.table,
            "column": self.column,
            "type": self.type,
            "rule": self.rule.written if self.rule else None,
            "why": self.why,
        }


def propose(database: Database, samples: Samples, first_names: Collection[bytes]) -> tuple[Proposal, ...]:
    """A proposal for each column that can hold words, and for dates and numbers that look personal.

    Args:
        database: tables and keys.
        samples: some values of each column that can hold words.
        first_names: compact forms of first names that are known in the locale.
    """
    found: dict[tuple[str, str], Proposal] = {}
    whole = {table.shown: table.whole or table.shown for table in database.tables}
    for table in database.tables:
        for column in table.columns:
            values = samples.get((table.shown, column.name), ())
            made = _of_column(database, table, column, values, first_names)
            place = (whole[table.shown], column.name)
            if made is not None and (place not in found or found[place].rule is None):
                found[place] = replace(made, table=place[0])
    for key in database.foreign_keys:  # both ends need the same rule
        for name, to_name in zip(key.columns, key.to_columns, strict=True):
            there, here = found.get((whole[key.to_table], to_name)), found.get((whole[key.table], name))
            if there is not None and here is not None:
                why = f"refers to {there.table}.{to_name}"
                found[here.table, name] = replace(here, rule=there.rule, why=why)
    return tuple(found.values())


def _of_column(
    database: Database, table: Table, column: Column, values: Sequence[bytes], first_names: Collection[bytes]
) -> Proposal | None:
    name = _snake(column.name)
    if column.generated:
        return None
    if column.type in tables.DAYS and not column.array:
        by = _by(database, table)
        if not _BIRTH.search(name) or not by:
            return None
        rule: Rule | None = Rule("shift", days=30, by=by)
        why = "a date of birth, by its name"
    elif column.type in tables.NUMBERS and not column.array:
        if not _BODY.search(name):
            return None
        rule, why = Rule("noise", noise=0.05), "a measure of a person, by its name"
    elif not column.needs_decision:
        return None
    else:
        rule, why = _of_words(table, column, name, values, first_names)
    if rule is not None:
        rule = _unique(database, table, column, rule)
    return Proposal(table.shown, column.name, column.shown_type, rule, why)


def _of_words(
    table: Table, column: Column, name: str, values: Sequence[bytes], first_names: Collection[bytes]
) -> tuple[Rule | None, str]:
    if column.type in tables.DOCUMENTS:
        return _of_document(values, first_names)
    if column.type in tables.ADDRESSES:
        return Rule("ip"), "its type"
    if column.type not in tables.TEXTS:
        return None, "nothing is known of this type"
    if _PASSWORD.search(name):
        return Rule("constant", constant="!") if column.not_null else Rule("null"), "a password, by its name"
    if column.array:
        values = [element for array in values for element in copy_text.elements(array)]
    return _by_values(values, first_names) or _by_words(table, name, values)


def _by_words(table: Table, name: str, values: Sequence[bytes]) -> tuple[Rule | None, str]:
    """By what a column is called, or by how much stands in it."""
    is_person = name in {"name", "nom", "label"} and _PEOPLE.search(_snake(table.name))
    kind = _by_name(name) or ("name" if is_person else None)
    if kind:
        return Rule(kind), "its name"
    if not values:
        return None, "no values to look at"
    if sum(len(value.split()) for value in values) / len(values) >= _FREE_TEXT:
        return Rule("scrub"), "free text"
    different = len(set(values))
    return None, f"{different} different value{'s' if different > 1 else ''} in {len(values)}"


def _by_name(name: str) -> str | None:
    return next((kind for kind, pattern in _BY_NAME if pattern.search(name)), None)


def _by_values(values: Sequence[bytes], first_names: Collection[bytes]) -> tuple[Rule, str] | None:
    texts = [value.decode(errors="replace").strip() for value in values if value.strip()]
    if not texts:
        return None
    for kind, looks, said in _LOOKS:
        count = sum(looks(text) for text in texts)
        if count / len(texts) >= _ENOUGH:
            return Rule(kind), f"{said} in {count} of {len(texts)} values"
    firsts = [forms.words(text.encode())[:1] for text in texts]
    known = sum(bool(first) and first[0] in first_names for first in firsts)
    if known / len(texts) >= _ENOUGH:
        alone = sum(len(text.split()) == 1 for text in texts)
        kind = "first_name" if alone / len(texts) >= _ENOUGH else "name"
        return Rule(kind), f"first names in {known} of {len(texts)} values"
    holding = sum(bool(_EMAIL.search(text)) for text in texts)
    return (Rule("scrub"), f"e-mail addresses inside {holding} values") if holding else None


def _is_iban(text: str) -> bool:
    bare = re.sub(r"\s", "", text).upper()
    if not _IBAN.fullmatch(bare):
        return False
    return int("".join(str(int(sign, 36)) for sign in bare[4:] + bare[:4])) % 97 == 1


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return not text.isdigit()


def _is_phone(text: str) -> bool:
    return bool(_PHONE.fullmatch(text)) and not _DATE.match(text)


_LOOKS: Final[tuple[tuple[str, Callable[[str], bool], str], ...]] = (
    ("email", lambda text: bool(_EMAIL.fullmatch(text)), "e-mail addresses"),
    ("iban", _is_iban, "IBANs"),
    ("ip", _is_address, "IP addresses"),
    ("phone", _is_phone, "telephone numbers"),
)


def _of_document(values: Sequence[bytes], first_names: Collection[bytes]) -> tuple[Rule | None, str]:
    by_path: dict[str, list[bytes]] = {}
    for value in values:
        for path, leaf, is_aside in documents.leaves(value):
            if path and not is_aside:
                by_path.setdefault(path, []).append(leaf)
    if not by_path:
        return (
            (Rule("scrub"), "JSON without texts in the sample") if values else (None, "no values to look at")
        )
    rules = []
    for path, leaves in sorted(by_path.items()):
        kind = _by_name(_snake(path.rpartition(".")[2]))
        found = _by_values(leaves, first_names)
        rule = found[0] if found else Rule(kind or "scrub")
        if re.fullmatch(r"\*|[^.\s]+(?:\.[^.]+)*", path):
            rules.append((path, rule))
    return Rule("json", paths=tuple(rules)), "its texts, by path"


def _unique(database: Database, table: Table, column: Column, rule: Rule) -> Rule:
    """The form of a rule that keeps values different where the database wants them different."""
    keys = [key for key in database.keys if key.table == table.shown and column.name in key.columns]
    if not keys or rule.is_injective:
        return rule
    if rule.kind in FAKES and rule.kind != "postcode":
        return Rule(rule.kind, unique=True)
    return Rule("keep") if rule.kind in {"shift", "noise"} else Rule("hash")


def _by(database: Database, table: Table) -> str:
    """The column by which dates are moved alike: the first one of the first key."""
    for key in database.keys:
        if key.table == table.shown and len(key.columns) == 1:
            column = table.column(key.columns[0])
            if column is not None and not column.needs_decision:
                return column.name
    return next((column.name for column in table.columns if not column.generated), "")


def _snake(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).replace("-", "_").replace(" ", "_").lower()
