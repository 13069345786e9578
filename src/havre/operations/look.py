"""Looking at what runs: processes and logs, for the CLI and the panel."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.logs import LogLine, QuietLog, follow_service, read_service
from havre.config import config
from havre.domain import naming
from havre.domain.readiness import LogPattern
from havre.domain.snapshot import Service, Snapshot
from havre.errors import HavreError, UsageError
from havre.manifest import EnvironmentSpec
from havre.operations.routing import release_beside, shift_of
from havre.operations.workloads import Composition
from havre.records import drifts, queries
from havre.records.models import Environment, Release

_LOOK_AGAIN: Final = 2.0  # seconds between looks for services that joined


def processes(project: str, environment: str) -> list[dict[str, Any]]:
    """One row per service of the environment: what is wanted and what runs.

    ``weight`` is the percent of a service's requests that a release gets during a canary, else None.
    """
    row = queries.environment_named(project, environment)
    snapshot = Engine(config().docker_host).environment(project, environment)
    release = row.current_release
    names = dict(release.swarm_services) if release else {}
    shift, beside = shift_of(row), release_beside(row)
    second = dict(beside.swarm_services) if beside else {}
    spec = EnvironmentSpec.model_validate(release.spec) if release else None
    changed = {each["name"]: [field["path"] for field in each["fields"]] for each in drifts.found(row)}
    shown = []
    for service in snapshot.of(project, environment):
        if service.is_job or service.label(naming.ROLE) not in {"app", "data"}:
            continue
        short = service.label(naming.SERVICE)
        is_beside = bool(shift and short in shift.weights and second.get(short) == service.name)
        is_serving = is_beside or names.get(short) == service.name or service.label(naming.ROLE) == "data"
        if not is_serving and service.replicas == 0:
            continue  # a rollback target: `havre releases` shows it
        weight = shift.weights.get(short) if shift and is_serving else None
        if weight is not None and not is_beside:
            weight = 100 - weight
        process = _process(service, row, release, spec, is_serving=is_serving)
        drift = changed.get(short, []) if is_serving else []
        shown.append({**process, "weight": weight, "drift": drift})
    return shown


def _process(
    service: Service,
    environment: Environment,
    release: Release | None,
    spec: EnvironmentSpec | None,
    *,
    is_serving: bool,
) -> dict[str, Any]:
    short = service.label(naming.SERVICE)
    wanted = spec.services.get(short) if spec else None
    newest = service.running[0] if service.running else (service.tasks[0] if service.tasks else None)
    url = ""
    if wanted and release and is_serving:
        url = Composition(config(), environment, release, spec, {}).public_url(wanted) if spec else ""
    return {
        "service": short,
        "kind": wanted.kind if wanted else service.label(naming.ROLE),
        "release": int(service.label(naming.RELEASE) or 0) or None,
        "replicas": service.replicas,
        "running": len(service.running),
        "state": _state(service, is_serving=is_serving),
        "image": service.image,
        "swarm_service": service.name,
        "since": newest.since if newest else "",
        "error": next((t.error for t in service.tasks if t.error), "")
        if len(service.running) < service.replicas
        else "",
        "urls": [url] if url else [],
    }


def _state(service: Service, *, is_serving: bool) -> str:
    if service.has_converged and len(service.running) == service.replicas:
        return "running" if is_serving else "draining"
    return "starting" if is_serving else "changing"


def logs(
    project: str,
    environment: str,
    *,
    services: Sequence[str] | None,
    since: float | None,
    tail: int | None,
    follow: bool,
    grep: str | None,
    stopped: Callable[[], bool],
) -> Iterator[dict[str, Any]]:
    """Log lines of an environment's services, oldest first; following goes on until ``stopped``.

    Raises:
        UsageError: an unknown service, or ``grep`` is not a regular expression.
    """
    queries.environment_named(project, environment)
    try:
        pattern = LogPattern(grep) if grep else None
    except ValueError as error:
        raise UsageError(f"--grep {grep!r} is not a regular expression: {error}") from error
    engine = Engine(config().docker_host)

    def choose() -> list[Service]:
        return _choose(engine.environment(project, environment), project, environment, services)

    rows = (
        _Follower(engine, since, tail).rows(choose(), stopped, choose)
        if follow
        else _read(engine, choose(), since, tail)
    )
    for service, line in rows:
        if pattern is None or pattern.found_in(line.text):
            yield {
                "at": line.at,
                "service": service.label(naming.SERVICE),
                "release": service.label(naming.RELEASE),
                "task": line.task,
                "stream": "",
                "line": line.text,
            }


def _choose(
    snapshot: Snapshot, project: str, environment: str, services: Sequence[str] | None
) -> list[Service]:
    present = [s for s in snapshot.of(project, environment) if s.label(naming.SERVICE)]
    known = {s.label(naming.SERVICE) for s in present}
    unknown = sorted(set(services or ()) - known)
    if unknown:
        raise UsageError(
            f"{project}/{environment} has no service {', '.join(unknown)}",
            hint=f"it has {', '.join(sorted(known)) or 'none'}",
        )
    return [s for s in present if not services or s.label(naming.SERVICE) in services]


def _read(
    engine: Engine, services: Sequence[Service], since: float | None, tail: int | None
) -> Iterator[tuple[Service, LogLine]]:
    rows: list[tuple[Service, LogLine]] = []
    for service in services:
        lines = read_service(engine, service.name, since=int(since) if since else None, tail=tail)
        rows.extend((service, line) for line in lines)
    rows.sort(key=lambda row: row[1].at)
    return iter(rows[-tail:] if tail else rows)


class _Follower:
    """One reading thread per service, joined by a bounded queue: a slow reader slows them down.

    Services that a deployment starts meanwhile join in, so one can watch it.
    """

    def __init__(self, engine: Engine, since: float | None, tail: int | None) -> None:
        self._engine = engine
        self._since = int(since) if since else None
        self._tail = tail
        self._started = int(time.time())
        self._waiting: queue.Queue[tuple[Service, LogLine]] = queue.Queue(maxsize=1000)
        self._over = threading.Event()

    def rows(
        self,
        services: Sequence[Service],
        stopped: Callable[[], bool],
        choose: Callable[[], Sequence[Service]],
    ) -> Iterator[tuple[Service, LogLine]]:
        """The lines of these, and of those that ``choose`` finds later, as they come."""
        followed = {service.name for service in services}
        for service in services:
            self._begin(service, self._since, self._tail)
        looked = time.monotonic()
        try:
            while not stopped():
                if time.monotonic() - looked > _LOOK_AGAIN:
                    looked = time.monotonic()
                    for service in choose():
                        if service.name not in followed:
                            followed.add(service.name)
                            self._begin(service, self._started, None)
                try:
                    yield self._waiting.get(timeout=0.5)
                except queue.Empty:
                    continue
        finally:
            self._over.set()

    def _begin(self, service: Service, since: int | None, tail: int | None) -> None:
        threading.Thread(target=self._read, args=(service, since, tail), daemon=True).start()

    def _read(self, service: Service, since: int | None, tail: int | None) -> None:
        last = ""
        while not self._over.is_set():
            try:
                for line in follow_service(self._engine, service.name, since=since, tail=tail):
                    if line.at > last:
                        last = line.at
                        self._put((service, line))
                    if self._over.is_set():
                        return
            except QuietLog:
                # Nothing was written for a while: ask again from there, unless nobody listens.
                since, tail = self._started, None
                if last:
                    since = int(datetime.fromisoformat(last).timestamp())
                continue
            except HavreError:
                return  # the service is gone
            return

    def _put(self, row: tuple[Service, LogLine]) -> None:
        while not self._over.is_set():
            try:
                self._waiting.put(row, timeout=0.5)
            except queue.Full:
                continue
            return
