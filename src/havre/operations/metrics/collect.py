"""Collect figures of the machine, containers, routes, databases and Havre, and store them.

Each source is read by itself: one that does not answer leaves a gap in its own series.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from math import nan
from pathlib import Path
from typing import Final

import psutil
from django.db.models import Count
from django.utils import timezone

from havre.adapters.host.figures import figures, resident_beside
from havre.adapters.metrics import Store
from havre.adapters.swarm.stats import Usage
from havre.adapters.traefik import requests
from havre.domain import naming
from havre.domain.metrics.counters import Reading, rates
from havre.domain.metrics.owners import HAVRE, HOST, service_owner
from havre.domain.metrics.traffic import traffic
from havre.errors import HavreError
from havre.manifest import AppService, EnvironmentSpec, PostgresService, RedisService, StaticService
from havre.operations.context import Platform
from havre.operations.metrics.databases import ask
from havre.records.models import Environment, Operation

log = logging.getLogger(__name__)

Series = Mapping[str, dict[str, float]]
"""Values by owner and name."""
_DATABASE_PAUSE: Final = 60.0
"""Seconds between two looks at a database: asking starts a program in its container."""
_DOCKER_ROOT: Final = Path("/var/lib/docker")


class Collector:
    """Remembers the counters of the last look, for the rates.

    Args:
        platform: what to look at.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._store = Store(platform.config.paths.metrics)
        self._readings: dict[tuple[str, str], Reading] = {}
        self._within: dict[str, Mapping[float, float]] = {}
        self._asked = -_DATABASE_PAUSE
        self._total = float(psutil.virtual_memory().total)

    def collect(self) -> None:
        """Look at everything once, and store it.

        Raises:
            OSError: what was seen cannot be stored.
        """
        at = time.time()
        for source in self._sources():
            try:
                seen = source()
            except HavreError as error:
                log.debug("metrics: %s", error.message)
                continue
            except Exception:
                log.exception("metrics")
                continue
            for owner, values in seen.items():
                left_out = self._store.write(owner, at, values)
                if left_out:
                    log.warning("metrics of %s: too many series, left out: %s", owner, ", ".join(left_out))

    def forget_destroyed(self) -> None:
        """Take away the figures of environments that are there no more."""
        alive = {
            f"environments/{project}/{name}"
            for project, name in Environment.objects.values_list("project__name", "name")
        }
        for owner in self._store.owners():
            environment = "/".join(owner.split("/")[:3])
            if owner.startswith("environments/") and environment not in alive:
                self._store.forget(environment)

    def _sources(self) -> Iterator[Callable[[], Series]]:
        yield self._host
        yield self._containers
        yield self._routes
        yield self._havre
        if time.monotonic() - self._asked >= _DATABASE_PAUSE:
            self._asked = time.monotonic()
            yield self._databases

    def _rates(self, owner: str, source: str, now: Reading, *, longest: float = 60.0) -> dict[str, float]:
        before = self._readings.get((owner, source))
        self._readings[owner, source] = now
        return rates(before, now, longest=longest)

    def _host(self) -> Series:
        seen = figures({"state": self._platform.config.state, "docker": _DOCKER_ROOT})
        grown = self._rates(HOST, "host", Reading(seen.at, seen.counters))
        return {HOST: seen.gauges | grown}

    def _containers(self) -> Series:
        found: dict[str, list[Usage]] = defaultdict(list)
        for labels, used in self._platform.engine.container_usages():
            if naming.SERVICE in labels and naming.ENVIRONMENT in labels:
                owner = service_owner(
                    labels[naming.PROJECT], labels[naming.ENVIRONMENT], labels[naming.SERVICE]
                )
                found[owner].append(used)
        at = time.monotonic()
        return {owner: self._used(owner, at, all_used) for owner, all_used in found.items()}

    def _used(self, owner: str, at: float, usages: list[Usage]) -> dict[str, float]:
        """All containers of a service together, and the fullest one."""
        totals: dict[str, float] = defaultdict(float)
        for used in usages:
            for name, value in used.counters.items():
                totals[name] += value
        limits = [(used.memory / used.limit) for used in usages if 0 < used.limit < self._total]
        return {
            "containers": float(len(usages)),
            "memory": sum(used.memory for used in usages),
            "memory_share": max(limits, default=nan),
            "processes": sum(used.processes for used in usages),
            # The sum falls when a container goes, and what is left would be taken for growth: a gap is true.
            **self._rates(owner, f"containers {len(usages)}", Reading(at, totals)),
        }

    def _routes(self) -> Series:
        text = self._platform.routing.connect().metrics()
        at, counted, found = time.monotonic(), requests(text), {}
        for owner, route in _routed():
            seen = counted.get(route)
            if seen is None:
                continue
            now = Reading(at, {**seen.classes, "sent_bytes": seen.sent})
            before, self._readings[owner, "routes"] = self._readings.get((owner, "routes")), now
            within, self._within[owner] = self._within.get(owner, {}), dict(seen.within)
            found[owner] = traffic(before, now, within, self._within[owner])
        return found

    def _havre(self) -> Series:
        process = psutil.Process()
        times = process.cpu_times()
        grown = self._rates(
            HAVRE, "worker", Reading(time.monotonic(), {"worker.cpu": times.user + times.system})
        )
        states = dict(
            Operation.objects.filter(state__in=(Operation.State.QUEUED, Operation.State.RUNNING))
            .values_list("state")
            .annotate(number=Count("id"))
            .order_by()
        )
        oldest = (
            Operation.objects.filter(state=Operation.State.QUEUED)
            .order_by("created_at")
            .values_list("created_at", flat=True)
            .first()
        )
        web = resident_beside("web")
        return {
            HAVRE: {
                **({} if web is None else {"web.memory": web}),
                "worker.memory": float(process.memory_info().rss),
                "worker.threads": float(process.num_threads()),
                "operations.queued": float(states.get(Operation.State.QUEUED, 0)),
                "operations.running": float(states.get(Operation.State.RUNNING, 0)),
                "operations.longest_wait": (timezone.now() - oldest).total_seconds() if oldest else 0.0,
                **grown,
            }
        }

    def _databases(self) -> Series:
        found = {}
        for project, environment, name, service in _services(PostgresService, RedisService):
            try:
                gauges, counters = ask(self._platform.engine, project, environment, name, service)
            except HavreError as error:
                log.debug("metrics of %s/%s/%s: %s", project, environment, name, error.message)
                continue
            owner = service_owner(project, environment, name)
            now = Reading(time.monotonic(), counters)
            grown = self._rates(owner, "database", now, longest=5 * _DATABASE_PAUSE)
            found[owner] = gauges | grown
        return found


def _services(
    *kinds: type,
) -> Iterator[tuple[str, str, str, AppService | StaticService | PostgresService | RedisService]]:
    for environment in Environment.objects.select_related("project", "current_release"):
        release = environment.current_release
        if release is not None:
            spec = EnvironmentSpec.model_validate(release.spec)
            for name, service in spec.services.items():
                if isinstance(service, kinds):
                    yield environment.project.name, environment.name, name, service


def _routed() -> Iterator[tuple[str, str]]:
    """Owner, and the name of its route, of each service that may have one."""
    for project, environment, name, _service in _services(AppService, StaticService):
        yield service_owner(project, environment, name), naming.service_name(project, environment, name)
