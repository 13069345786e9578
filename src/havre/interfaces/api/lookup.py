"""Finding what a path names."""

from __future__ import annotations

from havre.errors import UsageError
from havre.interfaces.api.problems import NotFoundError
from havre.records import queries
from havre.records.models import Environment, Operation


def environment(project: str, name: str) -> Environment:
    """The environment.

    Raises:
        NotFoundError: there is none; the hint names those there are.
    """
    try:
        return queries.environment_named(project, name)
    except UsageError as error:
        raise NotFoundError(error.message, hint=error.hint) from error


def operation(number: int) -> Operation:
    """The operation, with its environment.

    Raises:
        NotFoundError: there is none.
    """
    found = Operation.objects.select_related("environment__project").filter(pk=number).first()
    if found is None:
        raise NotFoundError(f"there is no operation {number}")
    return found
