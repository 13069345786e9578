"""An environment's differences, merged into the services they are about.

The work is done on data, before validation, so that what an environment says is held to the same
rules as the rest, and so that it can be done for services that are not valid (yet).
"""

from __future__ import annotations

from typing import Any

from havre.manifest.shortforms import expand_service


def merge_services(services: Any, overrides: Any) -> dict[str, Any]:
    """Services with the overrides of those that exist; short forms are written out first."""
    if not isinstance(services, dict):
        return {}
    changes = overrides if isinstance(overrides, dict) else {}
    return {name: merge_service(service, changes.get(name)) for name, service in services.items()}


def merge_service(service: Any, override: Any) -> Any:
    """One service with its override; ``kind`` stays what it is."""
    written = expand_service(service)
    if not isinstance(written, dict) or not isinstance(override, dict):
        return written
    kind = written.get("kind")
    changes = expand_service({**override, "kind": kind})
    return {**_merge(written, changes), **({} if kind is None else {"kind": kind})}


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Mappings are merged (of another ``kind``: replaced), all else is replaced, None removes."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            if isinstance(old, dict) and value.get("kind", old.get("kind")) != old.get("kind"):
                old = None
            merged[key] = _merge(old if isinstance(old, dict) else {}, value)
        else:
            merged[key] = value
    return merged
