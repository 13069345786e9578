"""Asking tasks through the router before users are sent to them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from havre.adapters import traefik
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import naming
from havre.domain.health import Health
from havre.domain.rollout import PASSES_WANTED
from havre.domain.routes import ProbeTarget
from havre.domain.snapshot import ENDED, Task
from havre.errors import EngineError
from havre.manifest import AppService, StaticService
from havre.operations.routing.router import RouterService

_PROBES = "probes"


@dataclass(frozen=True)
class Candidate:
    """A task that may serve once it answers, where to ask it, and under which host name."""

    task: Task
    address: str
    port: int
    health: Health
    host: str = ""
    https: bool = False

    @property
    def target(self) -> ProbeTarget:
        """Its probe router."""
        return ProbeTarget(self.task.id, self.address, self.port, self.host, self.https)


class Probing(RouterService):
    """Counts good answers of tasks, and remembers which of them may serve."""

    def __init__(self, config: Config, engine: Engine) -> None:
        super().__init__(config, engine)
        self._probed: dict[str, ProbeTarget] = {}
        self._passes: dict[str, int] = {}
        self._answers: dict[str, str] = {}
        self._admitted: set[str] = set()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="probe")

    def probe(self, candidates: Collection[Candidate]) -> None:
        """Ask each of these tasks once through Traefik, and count good answers in a row."""
        self._watch(candidates)
        router = self.connect()
        asked = [candidate for candidate in candidates if candidate.task.is_running]
        list(self._pool.map(lambda candidate: self._ask(router, candidate), asked))

    def _watch(self, candidates: Iterable[Candidate]) -> None:
        with self._lock:
            new = {c.task.id: c.target for c in candidates if self._probed.get(c.task.id) != c.target}
            if new:
                self._probed |= new
                self._write_probes()

    def _write_probes(self) -> None:
        targets = list(self._probed.values())
        if not targets:
            traefik.withdraw(self._folder, _PROBES)
            return
        if not self._allowed:
            self.connect()
        traefik.publish(self._folder, _PROBES, traefik.probe_configuration(targets, self._allowed))

    def _ask(self, router: traefik.Router, candidate: Candidate) -> None:
        answer = router.probe(candidate.task.id, candidate.health.path, timeout=candidate.health.timeout)
        with self._lock:
            if answer.is_good:
                self._passes[candidate.task.id] = self._passes.get(candidate.task.id, 0) + 1
                if self._passes[candidate.task.id] >= PASSES_WANTED:
                    self._admitted.add(candidate.task.id)
            else:
                self._passes[candidate.task.id] = 0
            self._answers[candidate.task.id] = str(answer)

    def forget_earlier_probes(self) -> None:
        """Take away the probe routers that an earlier worker left: this one has asked nobody yet."""
        with self._lock:
            if not self._probed:
                traefik.withdraw(self._folder, _PROBES)

    def forget(self, tasks: Iterable[str]) -> None:
        """Take away the probe routers of tasks that ended or were admitted long ago."""
        with self._lock:
            gone = [task for task in tasks if self._probed.pop(task, None)]
            if gone:
                self._write_probes()

    def forget_all_but(self, tasks: Collection[str]) -> None:
        """Forget every task that does not exist any more."""
        with self._lock:
            self.forget([task for task in self._probed if task not in tasks])
            self._admitted &= set(tasks)
            for book in (self._passes, self._answers):
                for task in [task for task in book if task not in tasks]:
                    del book[task]

    def passes(self) -> Mapping[str, int]:
        """Good answers in a row by task id."""
        with self._lock:
            return dict(self._passes)

    def last_answer(self, task: str) -> str:
        """What a task answered last, in words; empty if it was never asked."""
        with self._lock:
            return self._answers.get(task, "")

    def admit(self, task: str) -> None:
        """Count a task as good without asking: it was published before the worker started."""
        with self._lock:
            self._admitted.add(task)

    def is_admitted(self, task: str) -> bool:
        """Whether a task may be published: it answered well twice in a row at some time.

        Traefik's own health check takes care of those that stop answering later.
        """
        with self._lock:
            return task in self._admitted


def candidates_of(service: AppService | StaticService, tasks: Iterable[Task]) -> list[Candidate]:
    """The tasks of a service that may come to serve; none for a service without a port.

    A task's address is known before it runs, so that its probe router is loaded by then.
    """
    if service.port is None:
        return []
    first = service.domains[0] if service.domains else None
    return [
        Candidate(
            task,
            address,
            service.port,
            health_of(service),
            first.host if first else "",
            first.https if first else False,
        )
        for task in tasks
        if task.desired == "running"
        and task.state not in ENDED
        and (address := task.address(naming.EDGE_NETWORK))
    ]


def health_of(service: AppService | StaticService) -> Health:
    """How a service is asked whether it is well."""
    health = service.health
    if health is None:
        raise EngineError("a service without a health path cannot be probed")
    return Health(
        path=health.path,
        interval=health.interval,
        timeout=health.timeout,
        retries=health.retries,
        start_period=health.start_period,
    )
