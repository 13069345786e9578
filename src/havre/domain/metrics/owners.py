"""Whose figures there are, by the name that the store knows."""

from __future__ import annotations

from typing import Final

HOST: Final = "host"
"""The machine."""
HAVRE: Final = "havre"
"""Havre itself: its processes, its operations."""


def environment_owner(project: str, environment: str) -> str:
    """Above all services of an environment."""
    return f"environments/{project}/{environment}"


def service_owner(project: str, environment: str, service: str) -> str:
    """A service: its containers, what it answers, and what is asked of it as a database."""
    return f"{environment_owner(project, environment)}/{service}"
