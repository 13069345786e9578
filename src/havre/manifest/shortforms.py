"""The short forms of a manifest, written out. They take any data and touch only what they know."""

from __future__ import annotations

from typing import Any


def expand_build(value: Any) -> Any:
    """``build: apps/api`` is the context."""
    return {"context": value} if isinstance(value, str) else value


def expand_image(value: Any) -> Any:
    """``image: nginx:1.27`` is the name."""
    return {"name": value} if isinstance(value, str) else value


def expand_health(value: Any) -> Any:
    """``health: /health`` is the path."""
    return {"path": value} if isinstance(value, str) else value


def expand_volume(value: Any) -> Any:
    """``uploads:/data`` is a name and a path."""
    if not isinstance(value, str):
        return value
    name, _, path = value.partition(":")
    return {"name": name, "path": path}


def expand_strategy(value: Any) -> Any:
    """``strategy: canary`` is the kind."""
    return {"kind": value} if isinstance(value, str) else value


def expand_backups(value: Any) -> Any:
    """``backups: true`` switches them on, ``false`` off; other keys without ``enabled`` want them."""
    if isinstance(value, bool):
        return {"enabled": value}
    return {"enabled": True, **value} if isinstance(value, dict) and value else value


def expand_dump(value: Any) -> Any:
    """``dump: false`` switches the schedule off."""
    return {"enabled": value} if isinstance(value, bool) else value


def expand_verify(value: Any) -> Any:
    """``verify: false`` switches the schedule off."""
    return {"enabled": value} if isinstance(value, bool) else value


def expand_drill(value: Any) -> Any:
    """``drill: false`` switches the schedule off."""
    return {"enabled": value} if isinstance(value, bool) else value


def expand_service(value: Any) -> Any:
    """A service with every short form written out.

    A lone ``domain`` becomes the only entry of ``domains`` (``domain: null`` becomes
    ``domains: null``, which removes them in an environment). Beside ``domains`` it stays, so that
    validation can refuse it.
    """
    if not isinstance(value, dict):
        return value
    service = dict(value)
    if "domain" in service and "domains" not in service:
        host = service.pop("domain")
        service["domains"] = None if host is None else [{"host": host}]
    if service.get("kind") != "static" and "build" in service:
        service["build"] = expand_build(service["build"])
    if service.get("kind") == "app" and "image" in service:
        service["image"] = expand_image(service["image"])
    if "health" in service:
        service["health"] = expand_health(service["health"])
    if service.get("kind") == "postgres" and "backups" in service:
        service["backups"] = expand_backups(service["backups"])
    if "strategy" in service:
        service["strategy"] = expand_strategy(service["strategy"])
    return service
