"""What an anonymised copy of a database makes of its columns. The texts are the documentation."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from havre.domain.privacy import persons
from havre.domain.privacy.rules import FORMS, WORDS, Rule, RuleError, parse
from havre.manifest.parts import Model
from havre.manifest.wording import did_you_mean, fail, show

_COLUMN: Final = r"[^\x00-\x1f\x7f]{1,63}"
_TABLE: Final = r"[^\x00-\x1f\x7f]{1,127}"
_LOCALE: Final = r"[a-z]{2,3}_[A-Z]{2}"


def _rule(value: Any) -> Rule:
    if isinstance(value, Rule):
        return value
    try:
        return parse(value)
    except RuleError as error:
        raise fail(error.message, error.hint) from error


def _named(pattern: str, what: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise fail(f"{show(text)} is not the name of a {what}", "write it as the database does")
        return text

    return AfterValidator(check)


def _place(text: str) -> str:
    if not re.fullmatch(rf"{_TABLE}\.{_COLUMN}", text):
        raise fail(f"{show(text)} is not a column of a table", "write TABLE.COLUMN")
    return text


def _locale(text: str) -> str:
    if not re.fullmatch(_LOCALE, text):
        raise fail(f"got {show(text)}, which is not a locale", "write language and country, such as fr_FR")
    from faker.config import AVAILABLE_LOCALES  # noqa: PLC0415 - a library that most manifests do not need

    if text not in AVAILABLE_LOCALES:
        known = [name for name in AVAILABLE_LOCALES if re.fullmatch(_LOCALE, name)]
        raise fail(f"got {show(text)}, of which no names are known", did_you_mean(text, known))
    return text


_RULE_SCHEMA: Final = {
    "anyOf": [
        {"enum": list(WORDS)},
        {"type": "null"},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                **{form: {} for form in FORMS},
                "unique": {"type": "boolean"},
                "by": {"type": "string"},
            },
        },
    ]
}

ColumnRule = Annotated[
    Rule,
    PlainValidator(_rule),
    PlainSerializer(lambda rule: rule.written, return_type=Any),
    WithJsonSchema(_RULE_SCHEMA),
]
TableName = Annotated[
    str, _named(_TABLE, "table"), WithJsonSchema({"type": "string", "pattern": f"^{_TABLE}$"})
]
ColumnName = Annotated[
    str, _named(_COLUMN, "column"), WithJsonSchema({"type": "string", "pattern": f"^{_COLUMN}$"})
]
PlaceName = Annotated[
    str,
    AfterValidator(_place),
    WithJsonSchema({"type": "string", "pattern": f"^{_TABLE}\\.{_COLUMN}$"}),
]
Locale = Annotated[
    str, AfterValidator(_locale), WithJsonSchema({"type": "string", "pattern": f"^{_LOCALE}$"})
]


class Subject(Model):
    """Whose data the database holds: for `havre privacy export` and `havre privacy erase`."""

    table: TableName = Field(description="The table that has one row for each person.", examples=["members"])
    by: list[ColumnName] = Field(
        description="Its columns by which a person can be named.", min_length=1, examples=[["email", "id"]]
    )
    rows: dict[TableName, Literal["delete", "empty"]] = Field(
        default_factory=dict,
        description="What becomes of the rows that refer to an erased person, by table. `delete`: they go. "
        "`empty`: they stay, refer to nobody, and their columns with a rule are emptied. Default: what the "
        "foreign key's `ON DELETE` says; a table of which neither says anything is an error.",
        examples=[{"payments": "empty", "visits": "delete"}],
    )
    also: dict[PlaceName, ColumnName] = Field(
        default_factory=dict,
        description="Columns that hold, without a foreign key, the same as a column of the person's row.",
        examples=[{"newsletter.address": "email"}],
    )

    @property
    def value(self) -> persons.Subject:
        """As the domain takes it."""
        fates = {name: persons.Fate(fate) for name, fate in self.rows.items()}
        return persons.Subject(self.table, tuple(self.by), fates, dict(self.also))


class Privacy(Model):
    """What is personal in a database. A column that can hold words needs a rule for `havre anonymise`."""

    locale: Locale = Field(
        "en_US",
        description="Language and country of made-up names, addresses and companies.",
        examples=["fr_FR"],
    )
    tables: dict[TableName, dict[ColumnName, ColumnRule]] = Field(
        default_factory=dict,
        description="The rule of each column, by table (`SCHEMA.TABLE` outside of `public`) and column; "
        "the rules are below.",
        examples=[{"members": {"email": "email", "birth_date": {"shift": "30 days", "by": "id"}}}],
    )
    subject: Subject | None = Field(
        None,
        description="Whose data it is, and what becomes of it when somebody is erased.",
        examples=[{"table": "members", "by": ["email", "id"], "rows": {"payments": "empty"}}],
    )
