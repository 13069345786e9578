"""The router itself: Traefik as a Swarm service, and the way to the one that runs."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import Final

from havre.adapters import traefik
from havre.adapters.swarm.engine import Change, Engine
from havre.config import Config
from havre.domain import naming
from havre.domain.router_proof import proof_of
from havre.domain.workload import Attachment, BindMount, EnvVar, HostPort, Workload
from havre.errors import EngineError
from havre.operations.certificates import Certificates

TRAEFIK_IMAGE: Final = "havre/traefik:3"
_HTTP, _HTTPS, _INTERNAL = 8080, 8443, 8079
_ROUTER_STATE: Final = "/var/lib/traefik"
_RETURN: Final = 20.0  # seconds in which the engine has started a router that ended
_TRUSTED: Final = 2.0  # seconds for which a router that answered counts as there
_BASE, _API = "havre", "havre-api"


class RouterService:
    """Has Traefik run as configured, and knows where it listens."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self._folder = config.paths.traefik_dynamic
        self._lock = threading.RLock()
        self.certificates = Certificates(config)
        self._router: traefik.Router | None = None
        self._seen = 0.0
        self._allowed: tuple[str, ...] = ()

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

    def connect(self, *, may_return: bool = True) -> traefik.Router:
        """The way to the router that runs now.

        Args:
            may_return: whether to wait for one that ended; False if it is known not to come back by itself.

        Raises:
            EngineError: it does not run.
        """
        # One that ran a moment ago is started again by the engine; an operation need not fail for that.
        deadline = time.monotonic() + (_RETURN if self._router and may_return else 0.0)
        while (found := self._find()) is None and time.monotonic() < deadline:
            time.sleep(0.2)
        if found:
            return found
        problem = self.router_problem()
        raise EngineError(
            f"the router (Traefik) does not run: {problem}",
            hint=f"something else may hold port {self._config.http_port} or {self._config.https_port};"
            " `havre doctor` names it",
            retryable=True,
        )

    def _find(self) -> traefik.Router | None:
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
                    base = traefik.base_configuration(self._allowed)
                    traefik.publish(self._folder, _BASE, base)
                    self._router = traefik.Router(
                        internal=f"http://{address}:{_INTERNAL}",
                        public_http=f"http://127.0.0.1:{self._config.http_port}",
                        public_https=f"https://127.0.0.1:{self._config.https_port}",
                    )
                    self._seen = time.monotonic()
                    return self._router
            return None

    def publish_api(self) -> None:
        """Route Havre's own domain to the web process, if it has one."""
        if self._config.domain and self._config.api_listen:
            url = f"http://{self._config.api_listen}:{self._config.api_port}"
            configuration = traefik.api_configuration(
                self._config.domain,
                url,
                proof=proof_of(self._config.paths.django_key.read_text().strip()),
                public_ports=self._public_ports,
                acme=self._has_acme,
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
