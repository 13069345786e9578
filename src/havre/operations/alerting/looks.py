"""What is looked at: each source gives all looks of its kinds there are now."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from django.utils import timezone

from havre.adapters.certificates.served import ends
from havre.adapters.host import machine
from havre.adapters.metrics import Store
from havre.domain.alerting import checks, tasks
from havre.domain.alerting.checks import SERVER, Look
from havre.domain.metrics.forecast import full_in
from havre.domain.metrics.owners import HOST, service_owner
from havre.domain.metrics.rollup import LEVELS, rolled
from havre.errors import HavreError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations.context import Platform
from havre.operations.continuity.exposed import exposed
from havre.operations.continuity.view import databases
from havre.operations.routing.published import routed_services, short_name
from havre.operations.workloads import Composition
from havre.records import alerting
from havre.records.models import Drill, Environment, Operation, SavedDatabase, SavedEnvironment, place_of

_PROBES_AT_ONCE: Final = 8
_PROBE_TIMEOUT: Final = 10.0
_CONNECTS_WITHIN: Final = 5.0
_RECENT: Final = 180.0
"""Seconds whose mean a figure is judged by."""
_DISKS: Final = ("state", "docker")
_FORECAST: Final = 3 * 86_400.0
"""Seconds that a forecast looks back."""
_DEPLOYING: Final = frozenset({"deploy", "apply", "rollback"})
_STOPS: Final = frozenset({"restore", "rebuild", "upgrade", "destroy"})
"""Kinds of operations that stop an application on purpose."""


def _live() -> Iterator[Environment]:
    chosen = Environment.objects.select_related("project", "current_release")
    return (each for each in chosen if each.current_release is not None)


def figures(store: Store, owner: str, names: Collection[str], now: float) -> dict[str, float]:
    """Means of the last minutes of those series that there are."""
    found = {}
    for name in names:
        mean = rolled(store.buckets(owner, name, LEVELS[0], now - _RECENT, now))
        if mean is not None:
            found[name] = mean.mean
    return found


def server(platform: Platform) -> list[Look]:
    """Memory and disks of this machine."""
    store, now = Store(platform.config.paths.metrics), time.time()
    names = [f"disk.{disk}.used_share" for disk in _DISKS]
    newest = figures(store, HOST, ["memory.used_share", *names], now)
    full = {disk: _full_in(store, disk, now) for disk in _DISKS if f"disk.{disk}.used_share" in newest}
    return list(checks.machine(newest, full_in=full))


def _full_in(store: Store, disk: str, now: float) -> float | None:
    level = LEVELS[2]
    found = store.buckets(HOST, f"disk.{disk}.used_share", level, now - _FORECAST, now)
    first = level.number(now) - len(found) + 1
    points = [
        (float((first + place) * level.step), bucket.mean)
        for place, bucket in enumerate(found)
        if bucket is not None
    ]
    return full_in(points, 1.0, now)


def engine(platform: Platform) -> list[Look]:
    """Whether the engine answers."""
    try:
        platform.engine.info()
    except HavreError as error:
        return [Look("engine", SERVER, is_bad=True, facts={"error": error.message})]
    return [Look("engine", SERVER, is_bad=False)]


def services(platform: Platform) -> list[Look]:
    """Errors, latency and memory of every service."""
    store, now, found = Store(platform.config.paths.metrics), time.time(), list[Look]()
    names = ("requests", "errors_share", "latency.p95", "memory_share")
    for environment in _live():
        place = place_of(environment)
        for name in _spec(environment).services:
            owner = service_owner(environment.project.name, environment.name, name)
            found += checks.service(place, name, figures(store, owner, names, now))
        found += _unknown(environment, ("errors", "latency", "container-memory"), found)
    return found


def _unknown(environment: Environment, kinds: Collection[str], seen: Collection[Look]) -> list[Look]:
    """What was bad and cannot be seen now, of services that are still there: it is not over for that."""
    place, there = place_of(environment), set(_spec(environment).services)
    keys = {each.key for each in seen}
    return [
        Look(kind, place, subject)
        for kind in kinds
        for subject in sorted(alerting.subjects_of(kind, place) & there)
        if (kind, place, subject) not in keys
    ]


def _spec(environment: Environment) -> EnvironmentSpec:
    assert environment.current_release is not None  # noqa: S101 - of _live
    return EnvironmentSpec.model_validate(environment.current_release.spec)


def routes(platform: Platform) -> list[Look]:
    """Every host, asked as a user would ask."""
    router = platform.routing.connect()
    stopped = set(
        Operation.objects.filter(state=Operation.State.RUNNING, kind__in=_STOPS).values_list(
            "environment_id", flat=True
        )
    )
    asked, found = [], list[Look]()
    for environment in _live():
        assert environment.current_release is not None  # noqa: S101 - of _live
        for service in routed_services(environment, environment.current_release):
            for rule in service.rules:
                if environment.pk in stopped:
                    found.append(Look("http", place_of(environment), rule.host))  # not known now
                    continue
                path = service.health.path if "/" in rule.paths else rule.paths[0]
                name = short_name(environment, service)
                ask = partial(router.ask_public, rule.host, path, https=rule.https, timeout=_PROBE_TIMEOUT)
                asked.append((place_of(environment), rule.host, name, ask))
    with ThreadPoolExecutor(_PROBES_AT_ONCE, thread_name_prefix="probe") as pool:
        answers = list(pool.map(lambda each: each[3](), asked))
    found += [
        checks.answer(place, host, name, status=answer.status, error=answer.error, seconds=answer.seconds)
        for (place, host, name, _), answer in zip(asked, answers, strict=True)
    ]
    return found


def ports(platform: Platform) -> list[Look]:
    """Whether the router takes connections, once something is routed."""
    if not any(True for _ in _live()):
        return []
    wanted = (platform.config.http_port, platform.config.https_port)
    return [
        Look(
            "tcp",
            SERVER,
            f"port {port}",
            is_bad=not machine.answers("127.0.0.1", port),
            facts={"error": "refused"},
        )
        for port in wanted
    ]


def certificates(platform: Platform) -> list[Look]:
    """When the certificates end that are shown for each host."""
    now, port, found = timezone.now(), platform.config.https_port, []
    for environment in _live():
        for service in _spec(environment).services.values():
            if isinstance(service, AppService | StaticService):
                for host in [domain.host for domain in service.domains if domain.https]:
                    end = ends(host, address="127.0.0.1", port=port, timeout=_CONNECTS_WITHIN)
                    found.append(checks.certificate(place_of(environment), host, end, now))
    return found


def running(platform: Platform) -> list[Look]:
    """Tasks that do not stay up."""
    failed = tasks.failed_lately(platform.engine.snapshot(), timezone.now())
    containers = [task.container for found in failed.values() for task in found]
    return list(tasks.restarts(failed, platform.engine.killed_for_memory(containers)))


def nodes(platform: Platform) -> list[Look]:
    """Machines of the Swarm."""
    return list(tasks.away(platform.engine.nodes()))


def clocks(platform: Platform) -> list[Look]:
    """Of the engine here, and of the machines of the Swarm."""
    told = str(platform.engine.info().get("SystemTime", ""))
    here = checks.engine_clock(machine.ahead_of_here(told) if told else None)
    return [here, *tasks.clocks(platform.engine.nodes(), platform.engine.snapshot())]


def deployments(_platform: Platform) -> list[Look]:
    """Of each environment the newest deployment that ended."""
    ended = (Operation.State.SUCCEEDED, Operation.State.FAILED)
    found = []
    for environment in Environment.objects.select_related("project"):
        newest = (
            Operation.objects.filter(environment=environment, kind__in=_DEPLOYING, state__in=ended)
            .order_by("-pk")
            .first()
        )
        if newest is not None:
            began = newest.started_at or newest.created_at
            error = (newest.error or {}).get("message", "")
            facts = {"operation": newest.pk, "error": error, "since": began.timestamp()}
            is_bad = newest.state == Operation.State.FAILED
            found.append(Look("deployment", place_of(environment), is_bad=is_bad, facts=facts))
    return found


def backups(platform: Platform) -> list[Look]:
    """What the watch over backups found wrong with what is still saved."""
    found = list[Look]()
    where = "environment__project", "environment__current_release"
    for row in SavedDatabase.objects.select_related(*where):
        problems, release = row.watch.get("problems"), row.environment.current_release
        if problems and release and row.service in databases(Composition.unopened(platform.config, release)):
            found += checks.backups(place_of(row.environment), row.service, problems)
    for saved in SavedEnvironment.objects.select_related(*where):
        if saved.environment.current_release:
            found += checks.backups(place_of(saved.environment), "", saved.watch.get("problems") or {})
    return found


def objectives(platform: Platform) -> list[Look]:
    """RPO of every database now, and RTO of the newest good drill."""
    losses = {each.name: each for each in exposed(platform.config)}
    found = list[Look]()
    for environment in _live():
        drill = (
            Drill.objects.filter(environment=environment, rto__isnull=False).order_by("-started_at").first()
        )
        own = {
            name.partition("/")[2]: each.seconds
            for name, each in losses.items()
            if name.partition("/")[0] == str(environment)
        }
        wanted = _spec(environment).objectives
        rto = drill.rto if drill else None
        found += checks.objectives(place_of(environment), wanted, rto=rto, losses=own)
        found += _unknown(environment, ("rpo",), found)
    return found
