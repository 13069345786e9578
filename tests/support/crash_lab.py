"""Sites of the crash matrix, what is done to them, and operations that are driven from kill to kill."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import httpx

from havre.adapters.buildkit.platform import prepare
from support import database
from support.crash import PATIENCE, Moment, Processes
from support.load import Load, Shape
from support.registry import build_app
from support.repository import Repository, manifest
from support.server import Server, engine_host

_PUBLIC = httpx.Client(timeout=30, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
FINAL = {"succeeded", "failed", "cancelled"}


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

    def releases(self) -> list[dict[str, Any]]:
        """Its releases, the newest first."""
        return list(self.processes.ask("GET", f"environments/{self.project}/{self.name}/releases"))

    def previous_version(self) -> str:
        """The version to which a plain rollback returns; empty if there is none."""
        releases = self.releases()
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

    def backups(self) -> Any:
        """What is saved of its database."""
        return self.processes.ask("GET", f"environments/{self.project}/{self.name}/backups")

    def has_nothing_replaced(self) -> None:
        """No restore keeps what it replaced."""
        assert self.backups()["databases"][0]["replaced"] == []

    def sql(self, statement: str) -> str:
        """Ask its database, fields apart by ``|``."""
        with contextlib.closing(docker.APIClient(base_url=engine_host(), version="auto")) as engine:
            return database.sql(engine, self.project, statement, environment=self.name)

    def inside(self, *command: str) -> str:
        """Run a command in its database's container."""
        with contextlib.closing(docker.APIClient(base_url=engine_host(), version="auto")) as engine:
            return database.inside(engine, self.project, *command, environment=self.name)

    def exists(self) -> bool:
        """Whether the records know the environment."""
        rows = self.processes.ask("GET", "environments")
        return any((row["project"], row["environment"]) == (self.project, self.name) for row in rows)

    def look(self) -> dict[str, Any]:
        """What a user sees of it: the version, the live release, the tasks."""
        exists = self.exists()
        path = f"environments/{self.project}/{self.name}"
        rows = self.processes.ask("GET", f"{path}/services") if exists else []
        releases = self.releases() if exists else []
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
    :meth:`Site.look` saw then. ``interrupts``: requests of this site may fail.

    ``like`` names kinds with which it shares code: of steps that one of them has too, undoing is tried only
    after those of ``undo_after``; where it ``is_variant``, the same steps under other circumstances,
    continuing too. So every step is tried, and a new one in whichever kind. ``lanes``: on how many sites
    it runs at once, each killed at some of its steps, where all on one would take long. ``is_long``: it runs
    when it is asked for by its name.
    """

    name: str
    kind: str
    prepare: Callable[[Site], list[Request]]
    request: Callable[[Site], Request]
    succeeded: Callable[[Site], None]
    undone: Callable[[Site], None]
    interrupts: bool = False
    like: str = ""
    undo_after: frozenset[str] = frozenset()
    is_variant: bool = False
    meddle: Callable[[Site], None] = lambda _: None
    project: str = "crash"
    lanes: int = 1
    is_long: bool = False


ROOMY: Any = {"operation_attempts": "1000", "operation_threads": "24"}
"""Settings of a worker that may die as often as there are steps."""
_QUICK: dict[str, Any] = {
    "drain": "1s",
    "stop_grace": "2s",
    "cron": {"nightly": {"schedule": "0 0 29 2 *", "command": ["node", "-e", "0"]}},
}
_CANARY = {"kind": "canary", "weights": [20, 50], "pause": "1s", "min_requests": 1_000_000}
_PROJECTS: dict[str, dict[str, Any]] = {
    "crash": {"release": "node -e 0"},
    "crashready": {},
    "crashhand": {},
    "crashvol": {"strategy": "recreate", "volumes": ["data:/data"]},
    "crashcanary": {"strategy": _CANARY},
    "crashmanual": {"strategy": {**_CANARY, "promote": "manual"}},
    "crashrolling": {"strategy": {"kind": "rolling", "step": 1}, "replicas": 2},
    "crashdata": {"release": "node -e 0"},
    "crashupgrade": {},
}
"""What is special about the service of each project. The first is built, and has a release command and
a cache; the others are quick to deploy: they run images that are ready."""


def _with_image(written: dict[str, Any], image: str) -> dict[str, Any]:
    api = {key: value for key, value in written["services"]["api"].items() if key != "build"}
    return {**written, "services": {**written["services"], "api": {**api, "image": image}}}


class Lab:
    """Sites, and operations on them that are driven from kill to kill."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.processes = Processes(server, server.state.parent / "pauses")
        self.steps: dict[str, list[str]] = {}
        """The steps of each kind, as the operations that ran had them."""
        self._folder = folder
        self._repositories: dict[str, tuple[Repository, dict[str, str]]] = {}

    def site(self, project: str, name: str) -> Site:
        """A site; the first one of a project makes its repository."""
        if project not in self._repositories:
            self._repositories[project] = self._repository(project)
        repository, commits = self._repositories[project]
        return Site(self.processes, project, name, commits, str(repository.folder))

    def sites(self, scenarios: Iterable[Scenario]) -> dict[Site, Scenario]:
        """A site for each lane of each scenario."""
        cases: dict[Site, Scenario] = {}
        for scenario in (s for s in scenarios for _ in range(s.lanes)):
            used = sum(site.project == scenario.project for site in cases)
            cases[self.site(scenario.project, f"s{used + 1}")] = scenario
        return cases

    def _repository(self, project: str) -> tuple[Repository, dict[str, str]]:
        names = [f"s{number}" for number in range(1, 17)]
        written = manifest(project, **_QUICK, **_PROJECTS[project])
        written["services"]["api"]["health"]["start_period"] = "2m"  # thirty begin at once
        written["environments"] = {
            name: {"services": {"api": {"domain": f"{project}-{name}.localhost"}}} for name in names
        }
        if project == "crashdata":
            privacy = {"subject": {"table": "member", "by": ["id"]}}
            written["services"]["db"] = {"kind": "postgres", "backups": True, "privacy": privacy}
        if project == "crashupgrade":
            written["services"]["db"] = {"kind": "postgres", "version": 15, "backups": True}
        if project == "crash":
            written["services"]["cache"] = {"kind": "redis", "persistent": False}
            versions = [written, written]
        else:
            versions = [_with_image(written, image) for image in self._images]
        repository = Repository(self._folder / project, versions[0])
        first = repository.git("rev-parse", "HEAD")
        return repository, {"1": first, "2": repository.commit(manifest=versions[1], version="2")}

    @functools.cached_property
    def _images(self) -> list[str]:
        """Images of the two versions, made once."""
        engine = docker.APIClient(base_url=engine_host(), version="auto")
        prepare(engine_host(), report=lambda _: None)
        names = [f"havre-crash:{version}" for version in "12"]
        for name in names:
            build_app(engine, name, version=name[-1])
        engine.close()
        return names

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
            self._learn(operation)
        return found

    def _learn(self, operation: dict[str, Any]) -> None:
        names = [step["name"] for step in operation["steps"] if step["name"] != "undo"]
        if names:
            self.steps[operation["kind"]] = names

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
                        self._learn(operation)
                pending -= over.keys()
            assert time.monotonic() < deadline, [self.processes.operation(n) for n in pending]
            self.processes.still_run()
            time.sleep(0.02)
        return sorted(staying.values()), over


def load(sites: Iterable[Site], *, rate: float) -> Load:
    """Requests to each site, for as long as the matrix may take."""
    return Load([Shape("http://127.0.0.1/", site.host, rate) for site in sites], seconds=900.0)


def none_failed(requests: Load) -> None:
    """End the requests; not one failed."""
    report = requests.finish()
    assert report["failed"] == 0, report
    assert report["ok"] == report["sent"], report
