"""Routes: the router's service, probing of tasks, and the published addresses of each environment.

One :class:`Routing` lives in the worker and is shared by operations and ``route_sync``. The truth is
in the records (which release is live) and in the engine (which tasks run); a route is written from
both, so it can be written again at any time by anybody and comes out the same.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from havre.adapters import traefik
from havre.adapters.swarm.engine import Change, Engine
from havre.config import Config
from havre.domain import naming
from havre.domain.health import Health
from havre.domain.rollout import PASSES_WANTED
from havre.domain.routes import ProbeTarget, RoutedService, RouteRule
from havre.domain.snapshot import ENDED, Task
from havre.domain.workload import Attachment, BindMount, EnvVar, HostPort, Workload
from havre.errors import EngineError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.records.models import Environment, Release

TRAEFIK_IMAGE: Final = "havre/traefik:3"
_HTTP, _HTTPS, _INTERNAL = 8080, 8443, 8079
_ROUTER_STATE: Final = "/var/lib/traefik"
_TRUSTED: Final = 2.0  # seconds for which a router that answered counts as there
_BASE, _PROBES, _API = "havre", "probes", "havre-api"


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


class Routing:
    """Keeps what Traefik reads true."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._folder = config.paths.traefik_dynamic
        self._lock = threading.RLock()
        self._probed: dict[str, ProbeTarget] = {}
        self._passes: dict[str, int] = {}
        self._answers: dict[str, str] = {}
        self._admitted: set[str] = set()
        self._router: traefik.Router | None = None
        self._seen = 0.0
        self._allowed: tuple[str, ...] = ()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="probe")

    # The router itself

    def ensure_router(self, image: str) -> Change:
        """Have Traefik as configured, and say whether it had to be started or changed."""
        self._engine.ensure_network(
            naming.EDGE_NETWORK, {naming.MANAGED: "true"}, subnet=self._config.edge_subnet
        )
        settings = traefik.RouterSettings(
            acme_email=self._config.acme_email, acme_server=self._config.acme_server
        )
        workload = Workload(
            name=naming.ROUTER_SERVICE,
            image=image,
            labels=((naming.MANAGED, "true"), (naming.ROLE, "router")),
            command=traefik.static_arguments(settings),
            env=(EnvVar.plain("HAVRE_TRAEFIK_INTERNAL", f"127.0.0.1:{_INTERNAL}"),),
            attachments=(Attachment(naming.EDGE_NETWORK, ("havre-router",)),),
            binds=(
                BindMount(str(self._folder), "/etc/havre/dynamic"),
                BindMount(str(self._config.paths.traefik_acme), _ROUTER_STATE, read_only=False),
            ),
            ports=(
                HostPort(self._config.http_port, _HTTP),
                HostPort(self._config.https_port, _HTTPS),
            ),
            stop_grace=30.0,
            constraints=("node.role==manager",),
        )
        return self._engine.ensure_service(workload)

    def has_router(self) -> bool:
        """Whether the engine has a router, running or not."""
        return self._engine.has_service(naming.ROUTER_SERVICE)

    def router_problem(self, change: Change = Change.NONE, since: datetime | None = None) -> str:
        """Why the router does not run as it was last asked to; empty if it does.

        The engine remembers tasks that failed long ago; only errors after ``since`` count.
        """
        tasks = self._engine.tasks_of([naming.ROUTER_SERVICE])
        is_updating = self._engine.is_updating(naming.ROUTER_SERVICE, change)
        if any(task.is_running for task in tasks) and not is_updating:
            return ""
        recent = [t for t in tasks if since is None or datetime.fromisoformat(t.since) >= since]
        return next((task.error for task in recent if task.error), "it is starting")

    def connect(self) -> traefik.Router:
        """The way to the router that runs now.

        Raises:
            EngineError: it does not run.
        """
        with self._lock:
            is_fresh = time.monotonic() - self._seen < _TRUSTED
            if self._router and (is_fresh or self._router.alive()):
                if not is_fresh:
                    self._seen = time.monotonic()
                return self._router
            for task in self._engine.tasks_of([naming.ROUTER_SERVICE]):
                found = self._engine.bridge_address(task.container) if task.is_running else None
                if found:
                    address, gateway = found
                    self._allowed = (gateway, "127.0.0.1")
                    base = traefik.base_configuration(self._allowed, certificate=self._certificate())
                    traefik.publish(self._folder, _BASE, base)
                    self._router = traefik.Router(
                        internal=f"http://{address}:{_INTERNAL}",
                        public_http=f"http://127.0.0.1:{self._config.http_port}",
                        public_https=f"https://127.0.0.1:{self._config.https_port}",
                    )
                    self._seen = time.monotonic()
                    return self._router
            problem = self.router_problem()
        raise EngineError(
            f"the router (Traefik) does not run: {problem}",
            hint=f"something else may hold port {self._config.http_port} or {self._config.https_port};"
            " `havre doctor` names it",
            retryable=True,
        )

    def _certificate(self) -> tuple[str, str] | None:
        """The server's own certificate as the router sees it: a copy that its account can read.

        Raises:
            EngineError: a file cannot be read.
        """
        if self._config.tls_certificate is None or self._config.tls_key is None:
            return None
        given = {"certificate": self._config.tls_certificate, "key": self._config.tls_key}
        folder = self._config.paths.traefik_acme
        copies = []
        try:
            owner = folder.stat()
            for kind, source in given.items():
                content = source.read_bytes()
                # Named by its content: Traefik reads a file again only if its name has changed.
                copy = folder / f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}.pem"
                copies.append(copy)
                if not copy.exists():
                    draft = folder / f".{copy.name}"
                    draft.unlink(missing_ok=True)
                    draft.touch(mode=0o600)
                    draft.write_bytes(content)
                    os.chown(draft, owner.st_uid, owner.st_gid)
                    draft.rename(copy)
                for older in set(folder.glob(f"{kind}-*.pem")) - {copy}:
                    older.unlink()
        except OSError as error:
            raise EngineError(
                f"the certificate cannot be read: {error.strerror}: {error.filename}",
                hint="correct HAVRE_TLS_CERTIFICATE and HAVRE_TLS_KEY",
            ) from error
        return (f"{_ROUTER_STATE}/{copies[0].name}", f"{_ROUTER_STATE}/{copies[1].name}")

    def publish_api(self) -> None:
        """Route Havre's own domain to the web process, if it has one."""
        if self._config.domain and self._config.api_listen:
            url = f"http://{self._config.api_listen}:{self._config.api_port}"
            configuration = traefik.api_configuration(
                self._config.domain, url, public_ports=self._public_ports, acme=self._has_acme
            )
            traefik.publish(self._folder, _API, configuration)
        else:
            traefik.withdraw(self._folder, _API)

    @property
    def _public_ports(self) -> tuple[int, int]:
        return (self._config.public_http_port, self._config.public_https_port)

    @property
    def _has_acme(self) -> bool:
        return bool(self._config.acme_email)

    # Probing

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

    # Routes of environments

    def publish(self, environment: Environment) -> bool:
        """Write the routes of an environment's live release; True if they changed.

        A service without one admitted task is routed by its alias alone: Swarm's own DNS then finds
        whatever runs, also what this worker has not asked yet. Addresses of tasks that are gone
        would be tried again at each change of configuration, and an empty list would find nothing.

        What is live and what runs is read under one lock, so of two writers the later is the newer.
        """
        name = str(environment)
        with self._lock:
            now = Environment.objects.select_related("project", "current_release").get(pk=environment.pk)
            release = now.current_release
            wanted = routed_services(now, release) if release else ()
            if not release or not wanted:
                return traefik.withdraw(self._folder, name)
            snapshot = self._engine.environment(now.project.name, now.name)
            known = frozenset(traefik.published_addresses(traefik.published(self._folder).get(name)))
            services = []
            for routed in wanted:
                swarm = snapshot.get(release.swarm_services.get(short_name(now, routed), ""))
                addresses = self._addresses(swarm.tasks if swarm else (), known)
                services.append(dataclasses.replace(routed, addresses=addresses, alias_only=not addresses))
            configuration = traefik.routes_configuration(
                services, public_ports=self._public_ports, acme=self._has_acme
            )
            return traefik.publish(self._folder, name, configuration)

    def _addresses(self, tasks: Sequence[Task], known: Collection[str]) -> tuple[str, ...]:
        """Addresses of the tasks that run and passed the gate, by this worker's word or the last's."""
        running = {
            task.id: address
            for task in tasks
            if task.is_running and (address := task.address(naming.EDGE_NETWORK))
        }
        admitted = [address for task, address in running.items() if self.is_admitted(task)]
        return tuple(sorted(admitted or [a for a in running.values() if a in known]))

    def withdraw(self, environment: Environment) -> None:
        """Take an environment's routes away."""
        traefik.withdraw(self._folder, str(environment))

    def published_addresses(self) -> frozenset[str]:
        """Every task address that is published now."""
        return frozenset(
            address
            for configuration in traefik.published(self._folder).values()
            for address in traefik.published_addresses(configuration)
        )


def short_name(environment: Environment, routed: RoutedService) -> str:
    """The manifest's name of a routed service."""
    return routed.name.removeprefix(f"{environment}-")


def routed_services(environment: Environment, release: Release) -> tuple[RoutedService, ...]:
    """The routes that a release wants, without addresses."""
    spec = EnvironmentSpec.model_validate(release.spec)
    return tuple(
        RoutedService(
            name=naming.service_name(spec.project, environment.name, name),
            release=release.number,
            port=service.port,
            health=health_of(service),
            rules=tuple(
                RouteRule(d.host, tuple(d.paths), tuple(d.redirect_from), d.https) for d in service.domains
            ),
            addresses=(),
            alias=naming.service_name(spec.project, environment.name, name),
            max_body=int(service.max_body),
        )
        for name, service in spec.services.items()
        if isinstance(service, AppService | StaticService) and service.port and service.domains
    )


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
