"""What a service is made of, as comparable facts: a path and a text each.

The same function reads what Havre sends and what the engine says it has, so that a difference is one
that somebody made. Left out is what the engine adds by itself, what changes nothing that runs
(the pace of updates), and Havre's own marks (they carry numbers of releases).

Paths are the manifest's where it has a key: ``image``, ``replicas``, ``env.NAME``, ``command``,
``entrypoint``, ``user``, ``working_dir``, ``stop_grace``, ``stop_signal``, ``volumes.TARGET``,
``limits.memory`` …, with values as it writes them. Beside them ``networks.NAME``, ``secrets.FILE``,
``configs.FILE``, ``ports.PORT``, ``labels.NAME``; anything else under its name in the Docker Engine API 1.41.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from havre.domain import naming

Hide = Callable[[str], str]
"""Gives for a value what stands for it where it must not be seen: equal for equal values."""

_OWN_MARKS: Final = frozenset({naming.SPEC, naming.RELEASE})
_BY_THE_ENGINE: Final = {
    "ContainerSpec.Isolation": "default",
    "Runtime": "container",
    "EndpointSpec.Mode": "vip",
}
_WITHOUT_EFFECT: Final = ("ForceUpdate", "Placement.Platforms", "ContainerSpec.DNSConfig")
_SECOND: Final = 1_000_000_000
_UNITS: Final = ((3600 * _SECOND, "h"), (60 * _SECOND, "m"), (_SECOND, "s"), (_SECOND // 1000, "ms"))


def facts(spec: Mapping[str, Any], *, networks: Mapping[str, str], hide: Hide) -> dict[str, str]:
    """The facts of a service.

    Args:
        spec: the body of ``POST /services/create``, or ``Spec`` of ``GET /services``.
        networks: name by id of the networks; a target that is not in it stands for itself.
        hide: for values of environment variables.
    """
    template = dict(spec.get("TaskTemplate") or {})
    container = dict(template.pop("ContainerSpec", None) or {})
    resources = template.pop("Resources", None) or {}
    endpoint = dict(spec.get("EndpointSpec") or {})
    mode = dict(spec.get("Mode") or {})
    found: dict[str, str] = {
        "image": str(container.pop("Image", "")),
        "command": shlex.join(container.pop("Args", None) or ()),
        "entrypoint": shlex.join(container.pop("Command", None) or ()),
        "user": str(container.pop("User", None) or ""),
        "working_dir": str(container.pop("Dir", None) or ""),
        "stop_signal": str(container.pop("StopSignal", None) or ""),
        "stop_grace": duration(grace) if (grace := container.pop("StopGracePeriod", None)) else "",
        "replicas": str((mode.pop("Replicated", None) or {}).get("Replicas", "")),
    }
    for line in container.pop("Env", None) or ():
        name, _, value = str(line).partition("=")
        found[f"env.{name}"] = hide(value)
    for mount in container.pop("Mounts", None) or ():
        found[f"volumes.{mount.get('Target')}"] = _mount(mount)
    for secret in container.pop("Secrets", None) or ():
        found[f"secrets.{(secret.get('File') or {}).get('Name')}"] = str(secret.get("SecretName"))
    for config in container.pop("Configs", None) or ():
        found[f"configs.{(config.get('File') or {}).get('Name')}"] = str(config.get("ConfigName"))
    for attached in template.pop("Networks", None) or ():
        name = networks.get(attached["Target"], attached["Target"])
        found[f"networks.{name}"] = f"as {', '.join(sorted(attached.get('Aliases') or ())) or 'itself'}"
    for port in endpoint.pop("Ports", None) or ():
        published = port.get("PublishedPort") or "any"
        how = f"{port.get('TargetPort')}/{port.get('Protocol')} {port.get('PublishMode')}"
        found[f"ports.{published}"] = how
    for kind in ("Limits", "Reservations"):
        found |= _resources(kind.lower(), resources.get(kind) or {})
    for where, labels in (
        ("labels", spec.get("Labels")),
        ("container_labels", container.pop("Labels", None)),
    ):
        found |= {f"{where}.{k}": str(v) for k, v in (labels or {}).items() if k not in _OWN_MARKS}
    _flatten("ContainerSpec", container, found)
    _flatten("", template, found)
    _flatten("EndpointSpec", endpoint, found)
    _flatten("Mode", mode, found)
    return {
        path: text
        for path, text in sorted(found.items())
        if text and _BY_THE_ENGINE.get(path) != text and not path.startswith(_WITHOUT_EFFECT)
    }


def _mount(mount: Mapping[str, Any]) -> str:
    how = " (read-only)" if mount.get("ReadOnly") else ""
    return f"{mount.get('Type')} {mount.get('Source', '')}".strip() + how


def _resources(kind: str, given: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in given.items():
        if not value:
            continue
        if key == "NanoCPUs":
            found[f"{kind}.cpus"] = f"{value / _SECOND:g}"
        elif key == "MemoryBytes":
            found[f"{kind}.memory"] = size(int(value))
        else:
            found[f"{kind}.{key}"] = str(value)
    return found


def size(count: int) -> str:
    """Bytes as the manifest writes them, exactly: ``512M``, ``1536K``, ``1000B``."""
    for power, unit in ((3, "G"), (2, "M"), (1, "K")):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{unit}"
    return f"{count}B"


def duration(nanoseconds: int) -> str:
    """A time as the manifest writes it, exactly: ``9s``, ``2m``, ``1500ms``; below that ``10ns``."""
    for factor, unit in _UNITS:
        if nanoseconds % factor == 0:
            return f"{nanoseconds // factor}{unit}"
    return f"{nanoseconds}ns"


def _flatten(prefix: str, value: Any, into: dict[str, str]) -> None:
    """Nested mappings as dotted paths; what is empty, zero or false is as if it were not there."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(f"{prefix}.{key}" if prefix else str(key), inner, into)
    elif value:
        into[prefix] = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
