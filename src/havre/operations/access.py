"""Who may do what, asked of the records. The table itself is :mod:`havre.domain.access`."""

from __future__ import annotations

from havre.domain.access import Action, allows
from havre.records.accounts import grants_of
from havre.records.models import Project, User


def may(user: User | object, action: Action, project: Project | str | None = None) -> bool:
    """Whether somebody may do something.

    Args:
        user: an account; anything else (Django's anonymous user) may nothing.
        action: what they want to do.
        project: in which project, by record or name; None for what is about the server.
    """
    if not isinstance(user, User):
        return False
    name = project.name if isinstance(project, Project) else project
    return allows(grants_of(user), action, name)
