"""Rules between services, which no single one can know: references, hosts, volumes, names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from havre.domain import references
from havre.domain.references import ATTRIBUTES, MalformedReference, Reference
from havre.manifest.problems import Finding
from havre.manifest.services import AppService, PostgresService, RedisService, ServiceSpec, StaticService
from havre.manifest.wording import did_you_mean, show

LONGEST_ENGINE_NAME: Final = 63
"""Swarm refuses longer names of services (moby/swarmkit, ``validateAnnotations``)."""

_LONGEST_SUFFIX: Final = "-r99999-release"
_RESERVED_NAME: Final = re.compile(r".*-(?:r[0-9]+|release|tasks|alias|split|beside|run-[0-9]+)")


@dataclass(frozen=True)
class Candidate:
    """One environment's services: as written (merged), and the valid ones as models."""

    project: str
    environment: str
    written: Mapping[str, Any]
    models: Mapping[str, ServiceSpec]

    def kind(self, service: str) -> str:
        """Kind of a service as it is written, or nothing."""
        written = self.written[service]
        return str(written.get("kind", "")) if isinstance(written, dict) else ""


def between_services(candidate: Candidate) -> Iterator[Finding]:
    """What is wrong between the services of one environment; paths begin with ``services``."""
    yield from _references(candidate)
    yield from _hosts(candidate)
    yield from _volumes(candidate)
    yield from _names(candidate)
    yield from _jobs(candidate)


def claims(candidate: Candidate) -> Iterator[tuple[tuple[str, str], Finding]]:
    """The host and path of each route, with where it is written."""
    for name, service in candidate.models.items():
        if not isinstance(service, AppService | StaticService):
            continue
        for at, domain in enumerate(service.domains):
            for path in domain.paths:
                where = Finding(("services", name, "domains", at, "host"), name, value=show(domain.host))
                yield (domain.host, path.rstrip("/") or "/"), where
            for more, host in enumerate(domain.redirect_from):
                where = Finding(
                    ("services", name, "domains", at, "redirect_from", more), name, value=show(host)
                )
                yield (host, "/"), where


def between_environments(candidates: list[Candidate]) -> Iterator[tuple[str, Finding]]:
    """Routes that a second environment claims too, by the second environment's name."""
    taken: dict[tuple[str, str], str] = {}
    for candidate in candidates:
        mine = {}
        for route, where in claims(candidate):
            owner = taken.get(route)
            if owner:
                message = f"claims {route[0]}{route[1]}, which leads to the environment {owner} already"
                remedy = (
                    f"give the service another domain under environments.{candidate.environment}.services"
                )
                yield candidate.environment, Finding(where.path, message, remedy, where.value)
            else:
                mine[route] = candidate.environment
        taken |= mine


def _texts(candidate: Candidate) -> Iterator[tuple[str, tuple[str | int, ...], str, bool]]:
    """Texts that may hold references: service, path, text, and whether they stay readable."""
    for name, service in candidate.written.items():
        if not isinstance(service, dict):
            continue
        build = service.get("build")
        env, args = service.get("env"), build.get("args") if isinstance(build, dict) else None
        for key, value in env.items() if isinstance(env, dict) else ():
            if isinstance(value, str):
                yield name, ("services", name, "env", key), value, False
        for key, value in args.items() if isinstance(args, dict) else ():
            if isinstance(value, str):
                yield name, ("services", name, "build", "args", key), value, True


def _references(candidate: Candidate) -> Iterator[Finding]:
    for _, path, text, readable in _texts(candidate):
        try:
            found = references.references(text)
        except MalformedReference as error:
            yield Finding(path, error.message, error.hint)
            continue
        for reference in sorted(found):
            wrong = _wrong(candidate, reference, readable=readable)
            if wrong:
                yield Finding(path, *wrong, value=str(reference))


def _wrong(candidate: Candidate, reference: Reference, *, readable: bool) -> tuple[str, str] | None:
    """Message and hint for a reference that leads nowhere, or where it must not."""
    name, attribute = reference.service, reference.attribute
    if name not in candidate.written:
        return f"{reference} names a service that does not exist", did_you_mean(name, candidate.written)
    kind = candidate.kind(name)
    if kind not in ATTRIBUTES:
        return None
    if attribute not in ATTRIBUTES[kind]:
        hint = did_you_mean(attribute, ATTRIBUTES[kind])
        return f"{reference} asks for something that {kind} services do not have", hint
    if readable and references.is_secret(kind, attribute):
        why = f"{reference} holds a password, and build arguments stay readable in the image"
        return why, "give it to the service under env, which it gets at run time only"
    return _lacking(reference, candidate.models.get(name))


def _lacking(reference: Reference, service: ServiceSpec | None) -> tuple[str, str] | None:
    """Message and hint for a reference to a domain or a port that the service does not have."""
    if not isinstance(service, AppService | StaticService):
        return None
    needs, has = {
        "public_url": ("domain", bool(service.domains)),
        "domain": ("domain", bool(service.domains)),
        "url": ("port", service.port is not None),
        "port": ("port", service.port is not None),
    }.get(reference.attribute, ("", True))
    if has:
        return None
    name = reference.service
    return f"{reference} asks for a {needs}, but {name} has none", f"give {name} a {needs}"


def _hosts(candidate: Candidate) -> Iterator[Finding]:
    owners: dict[tuple[str, str], str] = {}
    for route, where in claims(candidate):
        owner = owners.setdefault(route, where.message)
        if owner != where.message:
            message = f"claims {route[0]}{route[1]}, which leads to {owner} already"
            yield Finding(where.path, message, "give one of them another host or path", where.value)


def _volumes(candidate: Candidate) -> Iterator[Finding]:
    data = {n for n, s in candidate.models.items() if isinstance(s, PostgresService | RedisService)}
    for name, service in candidate.models.items():
        for at, volume in enumerate(service.volumes if isinstance(service, AppService) else ()):
            if volume.name in data:
                message = f"is {show(volume.name)}, the volume of the service of that name"
                yield Finding(("services", name, "volumes", at, "name"), message, "choose another name")


def _names(candidate: Candidate) -> Iterator[Finding]:
    for name in candidate.written:
        path = ("services", name)
        if _RESERVED_NAME.fullmatch(name):
            message = (
                "ends like a name that Havre makes (-rN, -release, -tasks, -alias, -split, -beside, -run-N)"
            )
            yield Finding(path, message, "choose another name")
        full = f"{candidate.project}-{candidate.environment}-{name}{_LONGEST_SUFFIX}"
        over = len(full) - LONGEST_ENGINE_NAME
        if over > 0:
            message = "has a name too long beside those of its project and environment"
            yield Finding(
                path,
                message,
                f"shorten one of {candidate.project}, {candidate.environment} "
                f"and {name}, together by {over} characters",
            )


def _jobs(candidate: Candidate) -> Iterator[Finding]:
    """Scheduled commands are named without their service: ``havre cron run NAME``."""
    owners: dict[str, str] = {}
    for name, service in candidate.models.items():
        for job in service.cron if isinstance(service, AppService) else ():
            owner = owners.setdefault(job, name)
            if owner != name:
                message = f"is a scheduled command of {owner} too"
                yield Finding(("services", name, "cron", job), message, "give one of them another name")
