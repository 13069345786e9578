"""Keeps each route's task addresses true: at once on engine events, slowly otherwise.

A task that Swarm starts by itself (a crash, a drained node) is asked through the router before it
is published, as in a rollout.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import close_old_connections

from havre.domain import naming
from havre.domain.snapshot import Snapshot
from havre.errors import HavreError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations.context import Platform
from havre.operations.routing import Candidate, candidates_of, release_beside
from havre.records.models import Environment

log = logging.getLogger(__name__)

_QUIET: Final = 15.0  # seconds between looks when nothing happens
_BUSY: Final = 0.2  # seconds between looks while tasks change
_AFTER_EVENT: Final = 3.0  # seconds of busy looking after an event


class RouteSync:
    """Two threads: one follows the engine's events, one writes routes.

    Args:
        platform: what the worker works with.
        also: called at each of the engine's events too.
    """

    def __init__(self, platform: Platform, also: Callable[[], None] = lambda: None) -> None:
        self._platform = platform
        self._also = also
        self._changed = threading.Event()
        self._seeded = False

    def start(self) -> list[threading.Thread]:
        """Begin both threads."""
        threads = [
            threading.Thread(target=self._listen, name="engine-events", daemon=True),
            threading.Thread(target=self._keep, name="route-sync", daemon=True),
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        """Let the writing thread see that the worker stops."""
        self._changed.set()

    def _listen(self) -> None:
        while not self._platform.stopping.is_set():
            try:
                client = self._platform.engine.connect(timeout=24 * 3600)
                try:
                    self._changed.set()  # whatever happened while nobody listened
                    for _ in self._platform.engine.events(client):
                        self._changed.set()
                        self._also()
                finally:
                    client.close()
            except HavreError as error:
                log.warning("engine events: %s", error.message)
            self._platform.stopping.wait(1.0)

    def _keep(self) -> None:
        busy_until = 0.0
        settled = True
        while not self._platform.stopping.is_set():
            is_busy = time.monotonic() < busy_until or not settled
            if self._changed.wait(_BUSY if is_busy else _QUIET):
                self._changed.clear()
                busy_until = time.monotonic() + _AFTER_EVENT
                time.sleep(0.05)  # events come in bursts
            close_old_connections()
            try:
                settled = self.look()
            except HavreError as error:
                log.warning("route sync: %s", error.message)
            except Environment.DoesNotExist:
                settled = True  # destroyed a moment ago
            except Exception:
                log.exception("route sync")

    def look(self) -> bool:
        """Probe what is new and publish what changed; True if every wanted task is published."""
        environments = list(
            Environment.objects.select_related("project", "current_release").exclude(current_release=None)
        )
        snapshot = self._platform.engine.snapshot()
        if not environments:
            self._platform.routing.forget_all_but({task.id for s in snapshot.services for task in s.tasks})
            return True
        self._seed(snapshot)
        candidates = [
            candidate for environment in environments for candidate in _candidates(environment, snapshot)
        ]
        routing = self._platform.routing
        fresh = [c for c in candidates if not routing.is_admitted(c.task.id)]
        if fresh:
            routing.probe(fresh)
        for environment in environments:
            if routing.publish(environment):
                log.info("routes of %s were published", environment)
        # Seen anew: a gate may have admitted tasks while this look was probing.
        now = self._platform.engine.snapshot()
        routing.forget_all_but({task.id for s in now.services for task in s.tasks})
        routing.forget(c.task.id for c in candidates if routing.is_admitted(c.task.id))
        return all(routing.is_admitted(c.task.id) for c in candidates)

    def _seed(self, snapshot: Snapshot) -> None:
        """What was published before this worker started had passed its gate then."""
        if self._seeded:
            return
        known = self._platform.routing.published_addresses()
        for service in snapshot.services:
            for task in service.running:
                if task.address(naming.EDGE_NETWORK) in known:
                    self._platform.routing.admit(task.id)
        self._seeded = True


def _candidates(environment: Environment, snapshot: Snapshot) -> list[Candidate]:
    """Tasks of the live release, and of one that shares the requests with it."""
    found: dict[str, Candidate] = {}
    for release in (environment.current_release, release_beside(environment)):
        if release is None:
            continue
        spec = EnvironmentSpec.model_validate(release.spec)
        for name, service in spec.services.items():
            swarm = snapshot.get(release.swarm_services.get(name, ""))
            if swarm and isinstance(service, AppService | StaticService):
                found |= {c.task.id: c for c in candidates_of(service, swarm.tasks)}
    return list(found.values())
