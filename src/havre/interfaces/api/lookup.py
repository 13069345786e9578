"""Finding what a path names."""

from __future__ import annotations

from havre.domain.access import Action
from havre.interfaces.api.access import Caller
from havre.interfaces.api.permissions import project_of
from havre.interfaces.api.problems import NotFoundError
from havre.records import queries
from havre.records.models import Environment, Operation


def environment(project: str, name: str) -> Environment:
    """The environment, of a project that the caller was found to see (see ``permissions``).

    Raises:
        NotFoundError: there is none; the hint names those of the project.
    """
    found = queries.find_environment(project, name)
    if found is not None:
        return found
    known = Environment.objects.filter(project__name=project).order_by("name").values_list("name", flat=True)
    if not known:  # the same words as for a project that may not be seen
        raise NotFoundError(f"there is no project {project}", hint="`havre projects` lists those you may see")
    named = ", ".join(f"{project}/{each}" for each in known)
    raise NotFoundError(f"there is no environment {project}/{name}", hint=f"known: {named}")


def operation(number: int, caller: Caller) -> Operation:
    """The operation, with its environment.

    Raises:
        NotFoundError: there is none, or it is of a project that the caller may not see.
    """
    found = Operation.objects.select_related("environment__project").filter(pk=number).first()
    if found is None or not caller.may(Action.SEE, project_of(found)):
        raise NotFoundError(f"there is no operation {number}")
    return found
