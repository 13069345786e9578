"""Plan, apply, drift and adopt on the real engine: one project, one environment, many looks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from support.repository import Repository, manifest
from support.server import Server

Make = Callable[..., Repository]
PATIENCE = 90.0


Change = Callable[[dict[str, Any]], None]


def by_hand(engine: docker.APIClient, name: str, *changes: Change) -> None:
    """Change a service as `docker service update` does: its labels stay as they were."""
    busy = retry_if_exception(lambda error: "out of sequence" in str(error))
    for attempt in Retrying(retry=busy, stop=stop_after_delay(PATIENCE), wait=wait_fixed(0.2), reraise=True):
        with attempt:
            found = engine.inspect_service(name)
            spec = found["Spec"]
            for change in changes:
                change(spec)
            engine.update_service(
                found["ID"],
                version=found["Version"]["Index"],
                name=name,
                labels=spec["Labels"],
                task_template=spec["TaskTemplate"],
                mode=spec["Mode"],
                endpoint_spec=spec["EndpointSpec"],
            )


def add_env(*lines: str) -> Change:
    """More environment variables."""
    return lambda spec: spec["TaskTemplate"]["ContainerSpec"].setdefault("Env", []).extend(lines)


def limit(memory: int) -> Change:
    """Another limit of memory."""
    return lambda spec: spec["TaskTemplate"]["Resources"].update(Limits={"MemoryBytes": memory})


def stop_grace(seconds: int) -> Change:
    """Another time to stop in."""
    grace = seconds * 1_000_000_000
    return lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(StopGracePeriod=grace)


def replicas(count: int) -> Change:
    """Another number of tasks."""
    return lambda spec: spec["Mode"].update(Replicated={"Replicas": count})


class Shop:
    """The commands of one project, and its repository."""

    def __init__(
        self, server: Server, project: str, repository: Repository, engine: docker.APIClient
    ) -> None:
        self._server = server
        self.project = project
        self.repository = repository
        self.engine = engine
        self.where = ("--project", project)
        self._source = ("--source", str(repository.folder))

    def commit(self, *, worker: bool = True, cache: bool = True) -> None:
        """Commit a manifest with these services beside ``api``."""
        quick = {
            "kind": "app",
            "build": ".",
            "port": 3000,
            "health": "/health",
            "drain": "0s",
            "stop_grace": "2s",
        }
        wanted = manifest(self.project, **quick, env={"GREETING": "hello"})
        wanted["services"] |= {"worker": quick} if worker else {}
        wanted["services"] |= {"cache": {"kind": "redis", "persistent": True}} if cache else {}
        self.repository.commit(manifest=wanted, version="1")

    def plan(self, *more: str, code: int) -> dict[str, Any]:
        """A plan, which has to end with this code."""
        source = () if "--drift" in more else self._source
        done = self._server.cli("plan", *self.where, *source, *more, "--json", check=False)
        assert done.returncode == code, done.stdout + done.stderr
        made: dict[str, Any] = json.loads(done.stdout)
        return made

    def changes(self, code: int = 2) -> set[tuple[str, str, str]]:
        """Action, kind and name of each change."""
        return {(c["action"], c["kind"], c["name"]) for c in self.plan(code=code)["changes"]}

    def run(self, *arguments: str, check: bool = True) -> Any:
        """Another command."""
        return self._server.cli(*arguments, *self.where, check=check)

    def by_hand(self, service: str, *changes: Change) -> None:
        """Change a service as `docker service update` does."""
        by_hand(self.engine, f"{self.project}-production-{service}", *changes)

    def drift(self) -> dict[str, set[str]]:
        """Paths of what was changed by hand, by service."""
        found = self.plan("--drift", code=2)
        assert "hunter2" not in json.dumps(found)
        return {each["name"]: {field["path"] for field in each["fields"]} for each in found["drift"]}

    def listed_drift(self) -> set[str]:
        """Names of what the worker's watch has found, as `havre environments` lists them."""
        rows = self._server.json("environments")
        return {each["name"] for row in rows if row["project"] == self.project for each in row["drift"]}

    def ps(self) -> dict[str, Any]:
        """What runs, by service."""
        return {row["service"]: row for row in self._server.json("ps", *self.where)}

    def containers(self) -> set[str]:
        """Ids of the containers that run."""
        label = [f"havre.project={self.project}"]
        return {found["Id"] for found in self.engine.containers(filters={"label": label})}

    def apply(self, *more: str, check: bool = True) -> Any:
        """Plan and apply without a question."""
        return self._server.cli("apply", "--yes", *self.where, *self._source, *more, check=check)


@pytest.fixture
def shop(server: Server, make: Make, project: str, engine: docker.APIClient) -> Shop:
    """A project whose production asks nothing."""
    return Shop(server, project, make(), engine)


def test_plan_apply_drift_and_adopt(shop: Shop, site: Any, tmp_path: Path) -> None:
    shop.commit()
    assert shop.changes() >= {
        ("create", "service", "api"),
        ("create", "service", "worker"),
        ("create", "database", "cache"),
    }
    shop.apply()
    assert shop.changes(code=0) == set()
    wrong = shop.run("plan", "--source", str(shop.repository.folder), "--env", "stagging", check=False)
    assert (wrong.returncode, "stagging" in wrong.stderr) == (64, True), wrong.stdout + wrong.stderr
    carry_out_a_saved_plan(shop, site, tmp_path / "plan.json")
    change_by_hand_and_adopt(shop)
    apply_puts_the_rest_back(shop, site)

    # Services that the manifest does not name any more, the database too; its volume stays.
    shop.commit(worker=False, cache=False)
    last = shop.plan(code=2)
    gone = {c["name"]: c["destructive"] for c in last["changes"] if c["action"] == "delete"}
    assert gone == {"worker": True, "cache": True}
    shop.apply()
    assert shop.ps().keys() == {"api"}
    volumes = [volume["Name"] for volume in shop.engine.volumes()["Volumes"]]
    assert f"{shop.project}-production-cache" in volumes
    assert shop.changes(code=0) == set()


def carry_out_a_saved_plan(shop: Shop, site: Any, file: Path) -> None:
    """Shown, saved, carried out exactly and without a build; refused once something has moved."""
    shop.run("env", "set", "GREETING=bonjour", "--service", "api")
    (change,) = shop.plan("--out", str(file), code=2)["changes"]
    assert (change["action"], change["name"], change["interrupts"]) == ("replace", "api", False)
    assert change["fields"] == [{"path": "env.GREETING", "before": "hello", "after": "bonjour"}]
    done = shop.run("apply", str(file))
    assert "Build the images … " in done.stdout
    assert " none" in next(line for line in done.stdout.splitlines() if "Build the images" in line)
    assert site.get("/environment?name=GREETING").json() == {"value": "bonjour"}
    stale = shop.run("apply", str(file), check=False)
    assert stale.returncode == 1
    assert "the plan is stale: release was 1 when it was planned, and is 2 now" in stale.stdout


def change_by_hand_and_adopt(shop: Shop) -> None:
    """Seen at once, by the watch a little later; adopting records what it can and restarts nothing."""
    shop.by_hand("api-r2", add_env("API_KEY=hunter2", "EXTRA=more"), limit(256 * 2**20), stop_grace(3))
    shop.by_hand("worker-r1", replicas(2))
    shop.by_hand("cache", add_env("X=1"))
    assert shop.drift() == {
        "api": {"env.API_KEY", "env.EXTRA", "limits.memory", "stop_grace"},
        "worker": {"replicas"},
        "cache": {"env.X"},
    }
    wait_for(lambda: shop.listed_drift() == {"api", "worker", "cache"})
    assert shop.ps()["worker"]["drift"] == ["replicas"]
    wait_for(lambda: len(shop.containers()) == 4)

    before = shop.containers()
    adopted = shop.run("adopt", "--yes", "--json", check=False)
    assert adopted.returncode == 2, adopted.stdout + adopted.stderr
    told = {(each["service"], each["path"]) for each in json.loads(adopted.stdout)["adopted"]}
    assert told == {("api", "env.EXTRA"), ("worker", "replicas")}
    assert shop.containers() == before
    assert shop.drift() == {"api": {"env.API_KEY", "limits.memory", "stop_grace"}, "cache": {"env.X"}}
    assert shop.listed_drift() == {"api", "cache"}


def apply_puts_the_rest_back(shop: Shop, site: Any) -> None:
    """Also when nothing else changed; what was removed from the engine comes back too."""
    shop.engine.remove_service(f"{shop.project}-production-worker-r1")
    shop.by_hand("cache", replicas(0))  # Swarm tells of no update then: there is no task to replace
    assert shop.changes() == {
        ("replace", "service", "api"),
        ("update", "database", "cache"),
        ("create", "service", "worker"),
    }
    shop.apply()
    assert shop.listed_drift() == set()  # without waiting for the watch
    assert site.get("/environment?name=EXTRA").json() == {"value": "more"}
    assert site.get("/environment?name=API_KEY").json() == {"value": None}
    assert shop.ps()["worker"]["running"] == 2
    shop.plan("--drift", code=0)
    assert shop.changes(code=0) == set()


def wait_for(look: Callable[[], Any]) -> Any:
    """What ``look`` finds as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, "nothing was found in time"
        time.sleep(0.5)
    return found
