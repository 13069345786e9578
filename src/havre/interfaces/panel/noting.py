"""What is done on the panel, for the audit log; signing in and its factors are in ``accounts.noting``."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from havre.domain.access import Action
from havre.interfaces.api.access import caller_of
from havre.records import audit_log


def note(
    request: HttpRequest, action: Action, project: str = "", environment: str = "", **details: Any
) -> None:
    """Enter what somebody does, with the names of what it is about; never with a secret's value."""
    audit_log.record(
        caller_of(request).by,
        action.value,
        project=project,
        environment=environment,
        details={"request": "panel", **details},
    )
