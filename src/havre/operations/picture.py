"""A release as a plan sees it: generic over the keys of the manifest, so that new ones show."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from havre.domain.drift import looks_secret
from havre.domain.plan import Kind, Part, Picture
from havre.domain.workload import EnvVar, Workload
from havre.manifest import AppService, ServiceSpec, StaticService
from havre.operations import drift
from havre.operations.context import Platform
from havre.operations.release_secrets import password_name
from havre.operations.workloads import Composition
from havre.records.models import Release

_ELSEWHERE: Final = frozenset({"env", "domains", "replicas"})
"""Keys of a service that are shown in another form: resolved, as routes, as they are wanted now."""


def picture(platform: Platform, release: Release) -> Picture:
    """A release, recorded or drafted, as it would run; no value of a secret is in it.

    Args:
        platform: its settings say where users reach the server.
        release: an unsaved draft will do; ``images`` names one for each service.
    """
    composition = Composition.unopened(platform.config, release)
    hide = drift.disguise(platform)
    spec = composition.spec
    applications, data = composition.applications(), composition.data()
    parts: list[Part] = []
    for name, service in spec.services.items():
        workload = applications.get(name) or data[name]
        parts.append(_part(name, service, workload, release, hide))
        if isinstance(service, AppService | StaticService):
            parts += _routes(name, service)
    settings = {
        "commit": release.commit[:12],
        "branch": spec.branch or "",
        "protected": "yes" if spec.protected else "no",
    }
    _flatten("backup", spec.backup.model_dump(mode="json", exclude_defaults=True), settings)
    things = frozenset((Kind(kind), name) for kind, name in drift.wanted_things(platform, release))
    return Picture(spec.environment, tuple(parts), settings, things)


def _part(
    name: str, service: ServiceSpec, workload: Workload, release: Release, hide: Callable[[str], str]
) -> Part:
    is_app = isinstance(service, AppService | StaticService)
    written = service.model_dump(mode="json", exclude=set(_ELSEWHERE))
    found: dict[str, str] = {}
    _flatten("", written, found)
    found["image"] = workload.image
    if is_app:
        found["replicas"] = str(workload.replicas)
        found |= {f"env.{var.name}": _shown(var, hide) for var in workload.env}
    else:
        found |= {f"volumes.{mount.volume}": mount.target for mount in workload.volumes}
        found["password"] = f"version {release.secret_versions.get(password_name(name), 1)}"
    return Part(
        name,
        Kind.SERVICE if is_app else Kind.DATABASE,
        {path: text for path, text in sorted(found.items()) if text},
        workload.fingerprint(),
        stops_first=not is_app or _stops_first(service),
    )


def _stops_first(service: ServiceSpec) -> bool:
    strategy = getattr(service, "strategy", "")
    return str(getattr(strategy, "kind", strategy)) == "recreate"


def _shown(var: EnvVar, hide: Callable[[str], str]) -> str:
    if not var.stamp.startswith("="):
        name, _, version = var.stamp.rpartition("@")
        return f"secret {name}, version {version}"
    text = var.stamp.removeprefix("=")
    return hide(text) if looks_secret(var.name, text) else text or '""'


def _routes(name: str, service: AppService | StaticService) -> Iterator[Part]:
    for domain in service.domains:
        scheme = "https" if domain.https else "http"
        facts = {"service": name, "scheme": scheme, "max_body": str(int(service.max_body))}
        for path in domain.paths:
            yield Part(f"{domain.host}{path}", Kind.ROUTE, facts)
        for host in domain.redirect_from:
            yield Part(f"{host}/", Kind.ROUTE, {"redirects to": f"{scheme}://{domain.host}"})


def _flatten(prefix: str, value: Any, into: dict[str, str]) -> None:
    """Nested mappings and named entries as dotted paths; what is not set is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _flatten(f"{prefix}.{key}" if prefix else str(key), inner, into)
    elif isinstance(value, list) and value and all(isinstance(v, Mapping) and "name" in v for v in value):
        for entry in value:
            _flatten(f"{prefix}.{entry['name']}", {k: v for k, v in entry.items() if k != "name"}, into)
    elif isinstance(value, list):
        is_words = all(isinstance(word, str) for word in value)
        into[prefix] = shlex.join(value) if is_words else json.dumps(value)
    elif value is not None:
        into[prefix] = value if isinstance(value, str) else json.dumps(value)
