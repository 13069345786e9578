"""Looking at what runs: processes and logs, for the CLI and the panel."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import docker

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.logs import LogLine, service_logs
from havre.config import config
from havre.domain import naming
from havre.domain.snapshot import Service, Snapshot
from havre.errors import HavreError, UsageError
from havre.manifest import EnvironmentSpec
from havre.operations.workloads import Composition
from havre.records import queries
from havre.records.models import Environment, Release


def processes(project: str, environment: str) -> list[dict[str, Any]]:
    """One row per service of the environment: what is wanted and what runs."""
    row = queries.environment_named(project, environment)
    snapshot = Engine(config().docker_host).environment(project, environment)
    release = row.current_release
    names = dict(release.swarm_services) if release else {}
    spec = EnvironmentSpec.model_validate(release.spec) if release else None
    shown = []
    for service in snapshot.of(project, environment):
        if service.is_job or service.label(naming.ROLE) not in {"app", "data"}:
            continue
        short = service.label(naming.SERVICE)
        is_serving = names.get(short) == service.name or service.label(naming.ROLE) == "data"
        if not is_serving and service.replicas == 0:
            continue  # a rollback target: `havre releases` shows it
        shown.append(_process(service, row, release, spec, is_serving=is_serving))
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
        pattern = re.compile(grep) if grep else None
    except re.error as error:
        raise UsageError(f"--grep {grep!r} is not a regular expression: {error}") from error
    engine = Engine(config().docker_host)
    chosen = _choose(engine.environment(project, environment), project, environment, services)
    rows = (
        _Follower(engine, since, tail).rows(chosen, stopped) if follow else _read(engine, chosen, since, tail)
    )
    for service, line in rows:
        if pattern is None or pattern.search(line.text):
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
        client, lines = service_logs(
            engine, service.name, since=int(since) if since else None, tail=tail, follow=False
        )
        try:
            rows.extend((service, line) for line in lines)
        finally:
            client.close()
    rows.sort(key=lambda row: row[1].at)
    return iter(rows[-tail:] if tail else rows)


class _Follower:
    """One reading thread per service, joined by a bounded queue: a slow reader slows them down."""

    def __init__(self, engine: Engine, since: float | None, tail: int | None) -> None:
        self._engine = engine
        self._since = int(since) if since else None
        self._tail = tail
        self._waiting: queue.Queue[tuple[Service, LogLine]] = queue.Queue(maxsize=1000)
        self._clients: list[docker.APIClient] = []
        self._over = threading.Event()

    def rows(
        self, services: Sequence[Service], stopped: Callable[[], bool]
    ) -> Iterator[tuple[Service, LogLine]]:
        """The lines of all, as they come."""
        for service in services:
            threading.Thread(target=self._read, args=(service,), daemon=True).start()
        try:
            while not stopped():
                try:
                    yield self._waiting.get(timeout=0.5)
                except queue.Empty:
                    continue
        finally:
            self._over.set()
            for client in self._clients:
                client.close()

    def _read(self, service: Service) -> None:
        try:
            client, lines = service_logs(
                self._engine, service.name, since=self._since, tail=self._tail, follow=True
            )
            self._clients.append(client)
            for line in lines:
                self._put((service, line))
                if self._over.is_set():
                    return
        except (HavreError, OSError, ValueError):
            return  # the service is gone, or the connection was closed by the end of following

    def _put(self, row: tuple[Service, LogLine]) -> None:
        while not self._over.is_set():
            try:
                self._waiting.put(row, timeout=0.5)
            except queue.Full:
                continue
            return
