"""Forms whose fields are judged by the API's own types: values, or what is wrong with each field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from django.utils.functional import Promise
from pydantic import BaseModel, ValidationError

from havre.errors import HavreError
from havre.manifest.wording import CUSTOM

M = TypeVar("M", bound=BaseModel)
Labels = Mapping[str, str | Promise]


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a field: its label, what, and the remedy."""

    label: str | Promise
    message: str
    hint: str = ""


Errors = dict[str, Wrong]


def read(model: type[M], sent: Mapping[str, object], labels: Labels) -> tuple[M | None, Errors]:
    """What was sent as a value, or None with what is wrong, by field. Values are never repeated but by types.

    Args:
        model: the type.
        sent: by field; what is missing takes the type's default.
        labels: of fields, as the form has them.
    """
    try:
        return model.model_validate(dict(sent)), {}
    except ValidationError as error:
        found: Errors = {}
        for each in error.errors(include_input=False, include_url=False):
            name = str(each["loc"][0]) if each["loc"] else ""
            hint = each.get("ctx", {}).get("hint", "") if each["type"] == CUSTOM else ""
            found.setdefault(name, Wrong(labels.get(name, name), str(each["msg"]), str(hint)))
        return None, found


def of(error: HavreError, name: str = "", label: str | Promise = "") -> Errors:
    """An error of ours as one of a form, or of one of its fields."""
    return {name: Wrong(label, error.message, error.hint)}
