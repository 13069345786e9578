"""Alerts: who is told, at the address that the manifest gives or names as a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from havre.adapters.notify.webhook import post
from havre.errors import UsageError
from havre.manifest.cron import Hook
from havre.manifest.services import SecretReference
from havre.operations.workloads import Composition


def send(composition: Composition, hook: Hook, document: Mapping[str, Any]) -> int:
    """Post a document to whom a hook names; the status that it was taken with.

    Args:
        composition: of the release whose secrets the hook may name.
        hook: of its manifest.
        document: what to say, as JSON.

    Raises:
        HavreError: it was refused, or did not get there.
    """
    url = hook.url
    if not isinstance(url, SecretReference):
        return post(url, document)
    if url.secret not in composition.values:
        raise UsageError(
            f"the release does not know the secret {url.secret}, which says who is told", hint="havre restart"
        )
    return post(composition.values[url.secret].strip(), document)
