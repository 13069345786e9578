"""Texts of ``havre.yaml``: as operations read them, or as they were given in its place for one release."""

from __future__ import annotations

from havre.records.models import Environment, ManifestText, Operation, Release


def give(operation: Operation, text: str) -> None:
    """Let an operation take this text in place of the file of its repository."""
    _keep(operation, text, is_edited=True)


def given(operation: Operation) -> str:
    """The text that was given to an operation; empty if it reads its repository's file."""
    row = ManifestText.objects.filter(operation=operation, is_edited=True).first()
    return row.text if row else ""


def remember(operation: Operation, text: str) -> None:
    """Keep what an operation read in its repository, to be shown."""
    _keep(operation, text, is_edited=False)


def of_release(release: Release) -> ManifestText | None:
    """The text that a release was made of; None for one from before texts were kept."""
    return (
        ManifestText.objects.filter(operation=release.operation_id).first() if release.operation_id else None
    )


def newest(environment: Environment) -> ManifestText | None:
    """The text of the live release, else the one that was read last."""
    live = environment.current_release
    found = of_release(live) if live else None
    return found or ManifestText.objects.filter(environment=environment).order_by("-operation").first()


def _keep(operation: Operation, text: str, *, is_edited: bool) -> None:
    if operation.environment is None:
        return
    fields = {"environment": operation.environment, "text": text, "is_edited": is_edited}
    ManifestText.objects.update_or_create(operation=operation, defaults=fields)
