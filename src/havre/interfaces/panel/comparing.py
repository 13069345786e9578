"""Releases side by side: images, configuration, versions of secrets. Values of variables are not shown."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

from havre.domain.fields import HIDDEN
from havre.records.models import Release

_VALUES: Final = frozenset({"env", "args", "variables"})
"""Keys of a manifest below which there are values."""


def facts_of(release: Release) -> dict[str, str]:
    """What a release is made of, as text by path; equal text for what is equal."""
    facts = {f"image {name}": image for name, image in release.images.items()}
    facts |= dict(_flat(release.spec.get("services", {}), ()))
    facts |= {f"secret {name}": f"version {version}" for name, version in release.secret_versions.items()}
    for service, name, value in release.variables:
        facts[f"variable {'.'.join(filter(None, (service, name)))}"] = _hidden(value)
    facts |= {f"{name}.replicas": str(count) for name, count in release.replicas.items() if count}
    return facts


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, (*path, str(key)))
    elif value not in (None, [], ""):
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield ".".join(path), _hidden(text) if _VALUES & set(path) else text


def _hidden(value: str) -> str:
    return HIDDEN + hashlib.sha256(value.encode()).hexdigest()[:12]
