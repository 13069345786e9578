"""Drift: what somebody changed in the engine by hand, and what can be made of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import urlsplit

from havre.domain.fields import Field


class State(StrEnum):
    """How something differs from what Havre wants."""

    CHANGED = "changed"
    MISSING = "missing"
    STRANGE = "strange"
    """It is not Havre's, and is where only Havre's should be."""


@dataclass(frozen=True)
class Drift:
    """One thing in the engine that is not as Havre wants it.

    Attributes:
        kind: ``service``, ``database``, ``route``, ``network`` …
        name: as people know it.
        state: how it differs.
        fields: what was wanted (before) and what was found (after).
    """

    kind: str
    name: str
    state: State
    fields: tuple[Field, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "kind": self.kind,
            "name": self.name,
            "state": str(self.state),
            "fields": [each.as_data() for each in self.fields],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """From plain data.

        Raises:
            ValueError, KeyError, TypeError: it is not a drift.
        """
        return cls(
            str(data["kind"]),
            str(data["name"]),
            State(data["state"]),
            tuple(Field.from_data(each) for each in data["fields"]),
        )


@dataclass(frozen=True)
class UnderWay:
    """What an operation is changing at the moment, which is no drift.

    Attributes:
        is_everything: it may change anything, so nothing can be said.
        services: it shares the requests of these between two releases, and leaves the rest alone.
    """

    is_everything: bool = False
    services: frozenset[str] = frozenset()

    def covers(self, kind: str, name: str) -> bool:
        """Whether the operation may be what changed something; kind and name as in :class:`Drift`."""
        return self.is_everything or (kind == "service" and name in self.services)


def redone(drift: Iterable[Drift]) -> frozenset[str]:
    """The services and databases that have to start anew: more than their number of tasks was changed."""
    return frozenset(
        each.name
        for each in drift
        if each.kind in {"service", "database"}
        and each.state is State.CHANGED
        and any(one.path != "replicas" for one in each.fields)
    )


class Way(StrEnum):
    """How a field can be taken into Havre's records."""

    SCALE = "scale"
    SET = "env set"
    UNSET = "env unset"
    NONE = ""


@dataclass(frozen=True)
class Adoption:
    """What adopting makes of one field of a drift.

    Attributes:
        service: the service.
        field: what differs.
        way: how it is recorded; none if it cannot be.
        remedy: what to do instead where there is no way.
    """

    service: str
    field: Field
    way: Way
    remedy: str = ""


_SECRETIVE: Final = re.compile(
    r"(PASS(WORD|WD|PHRASE)?|SECRET|TOKEN|API_?KEY|PRIVATE|CREDENTIAL)", re.IGNORECASE
)
_RESOURCES: Final = ("limits.", "reservations.")
_KEYS: Final = frozenset({"command", "entrypoint", "user", "working_dir", "stop_grace", "stop_signal"})
_KEYS_OF_STATIC: Final = frozenset({"stop_grace"})
_VOLUMES: Final = "volumes."
_CHECK: Final = "ContainerSpec.Healthcheck"
_NO_KEY: Final = "there is no key for it in havre.yaml: `havre apply` puts it back"


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable seems to hold what nobody should see: by its name, or a password in a URL."""
    if _SECRETIVE.search(name):
        return True
    try:
        return bool(urlsplit(value).password)
    except ValueError:
        return False


@dataclass(frozen=True)
class Known:
    """What an adoption has to know about an environment.

    Attributes:
        secret: (service, variable) of which the value is a secret.
        own: (service, variable) that `havre env` set for this service alone.
        single: services that cannot have several tasks.
        static: services of files, for which the manifest has few keys.
    """

    secret: frozenset[tuple[str, str]] = frozenset()
    own: frozenset[tuple[str, str]] = frozenset()
    single: frozenset[str] = frozenset()
    static: frozenset[str] = frozenset()


def adoptions(drift: Iterable[Drift], known: Known) -> tuple[Adoption, ...]:
    """What can be taken into Havre's records, and for the rest what to do instead."""
    return tuple(
        _adoption(each, one, known) for each in drift for one in (each.fields or (Field("", "", ""),))
    )


def _adoption(drift: Drift, field: Field, known: Known) -> Adoption:
    if drift.state is State.STRANGE:
        remedy = f"Havre leaves it alone: `docker service rm {drift.name}`, or take it out of the network"
    elif drift.state is State.MISSING:
        remedy = "`havre apply` brings it back; to be rid of it, take it out of havre.yaml"
    elif drift.kind != "service":
        remedy = "`havre apply` puts it back; what it is to be like stands in havre.yaml"
    elif field.path == "replicas":
        if drift.name not in known.single and field.after.isdecimal() and int(field.after) > 0:
            return Adoption(drift.name, field, Way.SCALE)
        remedy = "`havre apply` puts it back"
    elif field.path.startswith("env."):
        return _variable(drift.name, field, known)
    elif field.path.startswith(_RESOURCES):
        remedy = _resources(drift.name, field)
    elif field.path == "image":
        remedy = "an image comes from a commit: commit what is in it, and deploy"
    else:
        remedy = _by_manifest(drift.name, field, is_static=drift.name in known.static)
    return Adoption(drift.name, field, Way.NONE, remedy)


def _variable(service: str, field: Field, known: Known) -> Adoption:
    name = field.path.removeprefix("env.")
    if (service, name) in known.secret or looks_secret(name, ""):
        remedy = f"it may be secret: `havre secrets set`, and name that below services.{service}.env"
    elif field.after:
        return Adoption(service, field, Way.SET)
    elif (service, name) in known.own:
        return Adoption(service, field, Way.UNSET)
    else:
        remedy = f"take {name} out of havre.yaml, or out of the variables of every app, and deploy"
    return Adoption(service, field, Way.NONE, remedy)


def _resources(service: str, field: Field) -> str:
    group, _, key = field.path.partition(".")
    if not field.after:
        return f"remove resources.{group}.{key} from services.{service} in havre.yaml, and deploy"
    written = f"services: {{{service}: {{resources: {{{group}: {{{key}: {field.after}}}}}}}}}"
    return f"write into havre.yaml: {written}, and deploy"


def _by_manifest(service: str, field: Field, *, is_static: bool) -> str:
    """What to write into the manifest, if it has a key for the field, whose path is that key then."""
    if field.path in (_KEYS_OF_STATIC if is_static else _KEYS):
        if not field.after:
            return f"remove {field.path} from services.{service} in havre.yaml, and deploy"
        written = f"services: {{{service}: {{{field.path}: {json.dumps(field.after)}}}}}"
        return f"write into havre.yaml: {written}, and deploy"
    if field.path.startswith(_VOLUMES) and not is_static:
        target = field.path.removeprefix(_VOLUMES)
        if not field.after:
            return f"remove the volume at {target} from services.{service} in havre.yaml, and deploy"
        if field.after.startswith("volume "):
            written = f"services: {{{service}: {{volumes: [NAME:{target}]}}}}"
            return f"write into havre.yaml: {written}, which makes a volume of its own, and deploy"
    if field.path.startswith(_CHECK):
        return "`havre apply` puts it back; havre.yaml has a check of the engine's under `ready` only"
    return _NO_KEY
