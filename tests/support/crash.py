"""A Havre whose processes a test kills at chosen moments of an operation.

The test takes the place of ``havre serve``: it starts web and worker itself, each as serve would, and
starts them again at once. An operation waits at the beginning and at the end of each of its steps
(``HAVRE_PAUSE_AT``); there the test kills with SIGKILL, or lets it pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx

from support.load import Load, Shape
from support.repository import Repository, manifest
from support.server import Server, engine_host

PATIENCE = 180.0  # seconds for what usually takes one; the machine may be busy
_PUBLIC = httpx.Client(timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
FINAL = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, order=True)
class Moment:
    """The beginning or the end of a step of an operation."""

    operation: int
    step: str
    edge: str


class Processes:
    """Web and worker of a server, each with a pid that can be killed."""

    def __init__(self, server: Server, pauses: Path) -> None:
        self.server = server
        self.pauses = pauses
        self.kills = {"web": 0, "worker": 0}
        transport = httpx.HTTPTransport(uds=str(server.socket))
        self._api = httpx.Client(transport=transport, base_url="http://localhost", timeout=30)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {**server.environment, "HAVRE_SUPERVISOR_PID": str(os.getpid())}

    def start(self, **settings: str) -> None:
        """Start both, with settings that differ from the server's."""
        shutil.rmtree(self.pauses, ignore_errors=True)
        self.pauses.mkdir(parents=True)
        self._settings = {f"HAVRE_{key.upper()}": value for key, value in settings.items()}
        for role in ("worker", "web"):
            self.begin(role)

    def begin(self, role: str) -> None:
        """Start one of them."""
        with self.server.log.open("ab") as log:
            self._running[role] = subprocess.Popen(
                [sys.executable, "-P", "-m", "havre.interfaces.server", role],
                env={**self._environment, **self._settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )

    def kill(self, *roles: str) -> None:
        """kill -9, all before the first one is waited for."""
        for role in roles:
            self._running[role].kill()
            self.kills[role] += 1
        for role in roles:
            self._running[role].wait(30)

    def stop(self) -> None:
        """End both politely, whatever waits."""
        self.let_pass(self.held())
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(60)
        self._running.clear()

    def still_run(self) -> None:
        """Fail if one of them ended by itself."""
        for role, process in self._running.items():
            if process.poll() is not None:
                raise AssertionError(
                    f"{role} ended with {process.returncode}:\n{self.server.log.read_text()[-3000:]}"
                )

    # What operations wait at

    def held(self) -> list[Moment]:
        """The moments at which operations wait now."""
        if not self.pauses.is_dir():
            return []
        names = [path.name for path in self.pauses.iterdir() if path.suffix != ".passed"]
        parts = [name.split(".") for name in names]
        return sorted(Moment(int(number), step, edge) for number, step, edge in parts)

    def let_pass(self, moments: Iterable[Moment]) -> None:
        """Let operations go on from where they wait; they do not wait there again."""
        for moment in moments:
            path = self.pauses / f"{moment.operation}.{moment.step}.{moment.edge}"
            path.rename(path.with_name(f"{path.name}.passed"))

    # The API, patient while the web process is away

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API and give back its JSON."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._api.request(method, f"/api/v1/{path}", json=body)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
                continue
            if answer.status_code == 503 and time.monotonic() < deadline:  # the worker is away
                time.sleep(0.05)
                continue
            assert answer.is_success, answer.text
            return answer.json()

    def operation(self, number: int) -> dict[str, Any]:
        """An operation with its steps."""
        return dict(self.ask("GET", f"operations/{number}"))


@dataclass(eq=False)
class Site:
    """One environment of the matrix, deployed from a repository with the versions 1 and 2."""

    processes: Processes
    project: str
    name: str
    commits: dict[str, str]
    source: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        return f"{self.project}-{self.name}"

    @property
    def host(self) -> str:
        return f"{self.owner}.localhost"

    def request(self, kind: str, **params: Any) -> dict[str, Any]:
        return {"kind": kind, "project": self.project, "environment": self.name, "params": params}

    def deploy(self, version: str) -> dict[str, Any]:
        """The request that deploys a version."""
        return self.request("deploy", source=self.source, ref=self.commits[version])

    def other_version(self) -> str:
        """The version that does not serve."""
        return "2" if self.version() == "1" else "1"

    def scale_by_hand(self, replicas: int) -> None:
        """Change the live service's number of tasks behind Havre's back, and wait for them."""
        engine = docker.APIClient(base_url=engine_host(), version="auto")
        marks = {"project": self.project, "environment": self.name, "service": "api"}
        label = {"label": [f"havre.{key}={value}" for key, value in marks.items()]}
        (service,) = [
            found
            for found in engine.services(filters=label)
            if found["Spec"]["Mode"]["Replicated"]["Replicas"]
        ]
        spec = service["Spec"]
        engine.update_service(
            service["ID"],
            version=service["Version"]["Index"],
            name=spec["Name"],
            labels=spec["Labels"],
            task_template=spec["TaskTemplate"],
            mode={"Replicated": {"Replicas": replicas}},
            update_config=spec.get("UpdateConfig"),
            endpoint_spec=spec.get("EndpointSpec"),
        )
        engine.close()
        deadline = time.monotonic() + PATIENCE
        while self.look()["tasks"].get("api") != replicas:
            assert time.monotonic() < deadline, self.look()
            time.sleep(0.2)

    def previous_version(self) -> str:
        """The version to which a plain rollback returns; empty if there is none."""
        releases = self.processes.ask("GET", f"environments/{self.project}/{self.name}/releases")
        live = next((row["number"] for row in releases if row["current"]), 0)
        earlier = [row for row in releases if row["state"] == "superseded" and row["number"] < live]
        versions = {commit: version for version, commit in self.commits.items()}
        return versions[max(earlier, key=lambda row: row["number"])["commit"]] if earlier else ""

    def version(self) -> str:
        """The version that answers, or the status of the answer that is none."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = _PUBLIC.get("http://127.0.0.1/", headers={"Host": self.host})
            except httpx.ConnectError:
                if not self.exists():
                    return "404"  # a new server has no router before its first deployment
                assert time.monotonic() < deadline  # and then it is only starting
                time.sleep(0.2)
                continue
            break
        return str(answer.json()["version"]) if answer.is_success else str(answer.status_code)

    def exists(self) -> bool:
        """Whether the records know the environment."""
        rows = self.processes.ask("GET", "environments")
        return any((row["project"], row["environment"]) == (self.project, self.name) for row in rows)

    def look(self) -> dict[str, Any]:
        """What a user sees of it: the version, the live release, the tasks."""
        exists = self.exists()
        path = f"environments/{self.project}/{self.name}"
        rows = self.processes.ask("GET", f"{path}/services") if exists else []
        releases = self.processes.ask("GET", f"{path}/releases") if exists else []
        return {
            "version": self.version(),
            "release": next((row["number"] for row in releases if row["current"]), None),
            "tasks": {row["service"]: row["running"] for row in rows if row["running"]},
        }


Request = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """How one kind of operation is asked for, and what is true when it succeeded or was undone.

    ``prepare`` says which operations bring a site to where this one can begin, ``meddle`` changes
    something by hand after them; ``site.facts`` holds their results by kind, and as ``before`` what
    :meth:`Site.look` saw then. ``interrupts``: requests of this site may fail. ``undo_after``: the steps
    after which undoing is tried, all if empty; one scenario of each kind tries all, its variants those
    at which they differ.
    """

    name: str
    kind: str
    prepare: Callable[[Site], list[Request]]
    request: Callable[[Site], Request]
    succeeded: Callable[[Site], None]
    undone: Callable[[Site], None]
    interrupts: bool = False
    undo_after: frozenset[str] = frozenset()
    meddle: Callable[[Site], None] = lambda _: None
    project: str = "crash"


ROOMY: Any = {"operation_attempts": "1000", "operation_threads": "16"}
"""Settings of a worker that may die as often as there are steps."""
_MORE: dict[str, dict[str, Any]] = {
    "crash": {"release": "node -e 0"},
    "crashvol": {"strategy": "recreate", "volumes": ["data:/data"]},
    "crashhand": {},
}


class Lab:
    """Sites, and operations on them that are driven from kill to kill."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.processes = Processes(server, server.state.parent / "pauses")
        self._folder = folder
        self._repositories: dict[str, tuple[Repository, dict[str, str]]] = {}

    def sites(self, scenarios: Iterable[Scenario]) -> dict[Site, Scenario]:
        """A site for each scenario."""
        return {self.site(s.project, f"s{number}"): s for number, s in enumerate(scenarios, 1)}

    def site(self, project: str, name: str) -> Site:
        """A site; the first one of a project makes its repository."""
        if project not in self._repositories:
            self._repositories[project] = self._repository(project, **_MORE[project])
        repository, commits = self._repositories[project]
        return Site(self.processes, project, name, commits, str(repository.folder))

    def _repository(self, project: str, **api: Any) -> tuple[Repository, dict[str, str]]:
        names = [f"s{number}" for number in range(1, 17)]
        written = manifest(project, drain="1s", stop_grace="2s", **api)
        nightly = {"schedule": "0 0 29 2 *", "command": ["node", "-e", "0"]}
        written["services"]["api"]["cron"] = {"nightly": nightly}
        written["services"]["cache"] = {"kind": "redis", "persistent": False}
        written["environments"] = {
            name: {"services": {"api": {"domain": f"{project}-{name}.localhost"}}} for name in names
        }
        repository = Repository(self._folder / project, written)
        first = repository.git("rev-parse", "HEAD")
        return repository, {"1": first, "2": repository.commit(version="2")}

    def run(self, requests: Iterable[Request]) -> dict[int, dict[str, Any]]:
        """Run operations at once, without a kill, to their success."""
        return self._drive([self.enqueue(request) for request in requests], must="succeeded")

    def run_all(self, sites: dict[Site, list[Request]]) -> None:
        """Run each site's requests in order, the sites beside each other."""
        for step in range(max(map(len, sites.values()), default=0)):
            asked = [(site, requests[step]) for site, requests in sites.items() if step < len(requests)]
            numbers = [self.enqueue(request) for _, request in asked]
            done = self._drive(numbers, must="succeeded")
            for (site, request), number in zip(asked, numbers, strict=True):
                site.facts[request["kind"]] = done[number]["result"]

    def destroy_everything(self) -> None:
        """Take all sites away."""
        rows = [r for r in self.processes.ask("GET", "environments") if r["project"] in self._repositories]
        self.run(
            {
                "kind": "destroy",
                "project": row["project"],
                "environment": row["environment"],
                "params": {"volumes": True},
            }
            for row in rows
        )

    def enqueue(self, request: Request) -> int:
        """Ask for an operation; its number."""
        return int(self.processes.ask("POST", "operations", request)["id"])

    def _drive(self, numbers: list[int], *, must: str) -> dict[int, dict[str, Any]]:
        deadline = time.monotonic() + PATIENCE
        while True:
            self.processes.let_pass(self.processes.held())
            found = {number: self.processes.operation(number) for number in numbers}
            if all(operation["state"] in FINAL for operation in found.values()):
                break
            assert time.monotonic() < deadline, found
            self.processes.still_run()
            time.sleep(0.1)
        for operation in found.values():
            assert operation["state"] == must, operation
        return found

    def wait_until_held(
        self, numbers: Iterable[int], claim: Callable[[Moment], bool] = lambda _: True
    ) -> tuple[list[Moment], dict[int, dict[str, Any]]]:
        """Wait until each operation waits at a moment, or is over.

        Args:
            numbers: the operations.
            claim: whether to stay at this moment; else the operation goes on to its next one.

        Returns:
            The moments, and the operations that are over.
        """
        pending, over = set(numbers), {}
        staying: dict[int, Moment] = {}
        deadline = time.monotonic() + PATIENCE
        looked = 0.0
        while pending - staying.keys():
            for moment in self.processes.held():
                if moment.operation in pending and staying.get(moment.operation) != moment:
                    if claim(moment):
                        staying[moment.operation] = moment
                    else:
                        self.processes.let_pass([moment])
            if time.monotonic() - looked > 1.0:
                looked = time.monotonic()
                for number in pending - staying.keys():
                    if (operation := self.processes.operation(number))["state"] in FINAL:
                        over[number] = operation
                pending -= over.keys()
            assert time.monotonic() < deadline, [self.processes.operation(n) for n in pending]
            self.processes.still_run()
            time.sleep(0.02)
        return sorted(staying.values()), over


def load(sites: Iterable[Site], *, rate: float) -> Load:
    """Requests to each site, for as long as the matrix may take."""
    return Load([Shape("http://127.0.0.1/", site.host, rate) for site in sites], seconds=900.0)
