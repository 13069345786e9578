"""Drift of an environment: what runs, compared with what its live release wants."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from havre.adapters import sealing
from havre.adapters.swarm.inspection import Described, described, network_names, strangers, wanted_facts
from havre.domain import naming
from havre.domain.drift import Drift, Known, State
from havre.domain.fields import Field, differences
from havre.domain.workload import Workload
from havre.errors import HavreError
from havre.manifest import AppService, StaticService
from havre.manifest.services import SecretReference
from havre.operations.context import Platform
from havre.operations.workloads import Composition
from havre.records import drifts
from havre.records.models import Environment, Release

log = logging.getLogger(__name__)

_EARLIER: Final = 20  # releases in which the settings are looked for with which a database was started


def look(platform: Platform, environment: Environment) -> tuple[Drift, ...]:
    """What somebody changed by hand; nothing where nothing is deployed.

    Values of environment variables are compared, and stand in the answer by their disguise only.

    Raises:
        EngineError: the engine does not answer.
        SecretError: a secret of the live release cannot be opened.
    """
    release = environment.current_release
    if release is None:
        return ()
    return (*_services(platform, environment, release), *_around(platform, environment, release))


def look_beside(platform: Platform, environment: Environment) -> tuple[Drift, ...] | None:
    """The same beside whatever else happens: without what an operation is changing at the moment.

    None if nothing can be said now, because an operation began, went on or ended meanwhile.

    Raises:
        as :func:`look`.
    """
    before = drifts.activity(environment)
    under_way = drifts.under_way(environment)
    if under_way.is_everything:
        return None
    environment.refresh_from_db()
    found = look(platform, environment)
    if drifts.activity(environment) != before:
        return None
    return tuple(each for each in found if not under_way.covers(each.kind, each.name))


def settle(platform: Platform, environment: Environment) -> None:
    """Look again, if anything is on record as changed by hand: for the end of what puts it back.

    Without that it would be told until the watch looks next. Where the look fails, the watch's is waited for.
    """
    if not drifts.is_any(environment):
        return
    environment.refresh_from_db()
    try:
        found = look(platform, environment)
    except HavreError as error:
        log.warning("drift of %s: %s", environment, error.message)
        return
    drifts.record(environment, [each.as_data() for each in found])


def of_services(platform: Platform, environment: Environment) -> tuple[Drift, ...]:
    """The same for services and databases only: what a rollout has to know."""
    release = environment.current_release
    return tuple(_services(platform, environment, release)) if release else ()


def disguise(platform: Platform) -> Callable[[str], str]:
    """Gives for a value what stands for it where it must not be seen."""
    return partial(sealing.disguise, platform.config.paths.private_key)


def known(platform: Platform, release: Release) -> Known:
    """What decides how drift of a release's services can be adopted."""
    composition = Composition.unopened(platform.config, release)
    apps = {name: s for name, s in composition.spec.services.items() if isinstance(s, AppService)}
    return Known(
        secret=frozenset(
            (name, key)
            for name, service in apps.items()
            for key, value in service.env.items()
            if isinstance(value, SecretReference) or composition.holds_secret(value)
        ),
        own=frozenset((service, name) for service, name, _ in release.variables if service),
        single=frozenset(name for name, service in apps.items() if service.volumes),
        static=frozenset(n for n, s in composition.spec.services.items() if isinstance(s, StaticService)),
    )


def _services(platform: Platform, environment: Environment, release: Release) -> Iterator[Drift]:
    composition = Composition.of(platform.config, release)
    hide = disguise(platform)
    there = described(platform.engine, environment.project.name, environment.name, hide)
    for name, workload in composition.applications().items():
        actual = release.swarm_services.get(name, workload.name)
        yield from _compare("service", name, dataclasses.replace(workload, name=actual), there, hide)
    for name, workload in composition.data().items():
        found = there.get(workload.name)
        if found and found.fingerprint != workload.fingerprint():
            # A rollback leaves databases as they run: they have the settings of another release.
            started = _started_with(platform, environment, name, found.fingerprint)
            if started:
                yield from _compare("database", name, started, there, hide)
        else:
            yield from _compare("database", name, workload, there, hide)


def _compare(
    kind: str, name: str, workload: Workload, there: Mapping[str, Described], hide: Callable[[str], str]
) -> Iterator[Drift]:
    found = there.get(workload.name)
    if found is None:
        yield Drift(kind, name, State.MISSING)
    elif found.fingerprint == workload.fingerprint():
        # With another fingerprint it was made by another version of Havre, which nobody can tell from a
        # change by hand; the next deployment makes it anew in any case.
        fields = differences(wanted_facts(workload, hide), found.facts)
        if fields:
            yield Drift(kind, name, State.CHANGED, fields)


def _started_with(
    platform: Platform, environment: Environment, name: str, fingerprint: str
) -> Workload | None:
    for release in environment.releases.order_by("-number")[:_EARLIER]:
        if name in release.images and name in release.spec.get("services", {}):
            workload = Composition.of(platform.config, release).data().get(name)
            if workload and workload.fingerprint() == fingerprint:
                return workload
    return None


def _around(platform: Platform, environment: Environment, release: Release) -> Iterator[Drift]:
    """Routes, networks, secrets and volumes that are not there, and services that should not be."""
    for place, state in platform.routing.unpublished(environment):
        yield Drift("route", place, state)
    missing = wanted_things(platform, release) - present_things(platform, environment)
    for kind, name in sorted(missing):
        if kind != "volume" or platform.engine.is_alone():  # others' volumes cannot be seen from here
            yield Drift(kind, name, State.MISSING)
    own = naming.environment_name(environment.project.name, environment.name)
    for stranger in strangers(platform.engine, own):
        yield Drift("service", stranger, State.STRANGE, (Field("network", "", own),))


def wanted_things(platform: Platform, release: Release) -> frozenset[tuple[str, str]]:
    """Networks, secrets and volumes that a release needs, by kind and name."""
    composition = Composition.unopened(platform.config, release)
    workloads = [*composition.applications().values(), *composition.data().values()]
    return frozenset(
        {
            *(("network", attached.network) for w in workloads for attached in w.attachments),
            *(("secret", file.secret) for w in workloads for file in w.secret_files),
            *(("volume", mount.volume) for w in workloads for mount in w.volumes),
        }
    )


def present_things(platform: Platform, environment: Environment) -> frozenset[tuple[str, str]]:
    """Networks, and the environment's secrets and volumes, that the engine has, by kind and name."""
    labels = naming.labels(environment.project.name, environment.name)
    return frozenset(
        {
            *(("network", name) for name in network_names(platform.engine)),
            *(("secret", name) for name in platform.engine.secrets(labels)),
            *(("volume", name) for name in platform.engine.volumes(labels)),
        }
    )
