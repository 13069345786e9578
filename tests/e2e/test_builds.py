"""Builds as users meet them: the queue, cancelling, a worker that dies, secrets, pruned images."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from support.repository import Repository, manifest
from support.server import Server

Make = Callable[..., Repository]
PATIENCE = 90.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something holds; what it was then."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.2)
    return found


def running(word: str) -> list[int]:
    """Pids of processes, those inside builds too, with a word on their argument list."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def sleepy(folder: Path, project: str, mark: str) -> Repository:
    """A project whose build never ends by itself."""
    repository = Repository(folder / project, manifest(project))
    text = (repository.folder / "Dockerfile").read_text()
    repository.write("Dockerfile", text.replace("USER node", f'USER node\nRUN ["node", "-e", "{mark}"]'))
    return repository


def asleep(seconds: int = 600) -> str:
    """A script that sleeps, found among the processes by what is unique in it."""
    return f"setTimeout(() => {{}}, {seconds}000, `{uuid.uuid4().hex}`)"


def operation(server: Server, project: str) -> dict[str, Any]:
    """The newest operation of a project, with its steps."""
    newest = server.json("operations", "list", "--project", project)[0]
    found: dict[str, Any] = server.json("operations", "show", str(newest["id"]))
    return found


def message(server: Server, project: str, step: str = "build") -> str:
    """What a step of the newest operation says."""
    return next((str(s["message"]) for s in operation(server, project)["steps"] if s["name"] == step), "")


def images(engine: docker.APIClient, project: str) -> list[str]:
    """Ids of the images that carry a project's label."""
    return [image["Id"] for image in engine.images(filters={"label": f"havre.project={project}"})]


@pytest.fixture
def two(server: Server, tmp_path: Path) -> Iterator[tuple[Repository, Repository, str]]:
    """Two projects; the build of the first sleeps, and the word by which it is found."""
    script = asleep()
    word = script.rpartition("`")[0].rpartition("`")[2]
    first = sleepy(tmp_path, "builds-first", script)
    second = Repository(tmp_path / "builds-second", manifest("builds-second"))
    yield first, second, word
    for row in server.json("operations", "list"):
        if row["state"] in {"queued", "running"} and str(row["project"]).startswith("builds-"):
            server.cli("operations", "cancel", str(row["id"]), check=False)
    for row in server.json("environments"):
        if str(row["project"]).startswith("builds-"):
            whole = f"{row['project']}-production"
            server.cli("destroy", "--project", row["project"], "--volumes", "--yes-destroy", whole)


def test_builds_queue_survive_the_worker_and_leave_nothing_when_cancelled(
    server: Server, engine: docker.APIClient, two: tuple[Repository, Repository, str]
) -> None:
    first, second, word = two
    one = server.popen("deploy", "--source", str(first.folder))
    until(lambda: running(word), "the first build runs")
    other = server.popen("deploy", "--source", str(second.folder))
    number = operation(server, "builds-first")["id"]
    waits = f"waits for the build of builds-first/production (operation {number})"
    until(lambda: message(server, "builds-second") == waits, "the second waits visibly")

    server.stop(how=signal.SIGKILL)
    until(lambda: not running(word), "the build ends with the worker")
    server.start()
    until(lambda: running(word), "the next worker builds it again")
    until(lambda: message(server, "builds-second") == waits, "the first goes first again")
    # One at a time, and nothing of the dead worker.
    assert len(list((server.state / "builds").iterdir())) == 1

    server.cli("operations", "cancel", str(number))
    assert one.wait(PATIENCE) == 1
    assert operation(server, "builds-first")["state"] == "cancelled"
    until(lambda: not running(word), "nothing of the cancelled build runs")
    assert images(engine, "builds-first") == []
    assert not (server.state / "sources" / str(number)).exists()
    assert other.wait(PATIENCE) == 0, other.communicate()[0]
    assert "in " in message(server, "builds-second"), "what the step says at its end"
    until(lambda: list((server.state / "builds").iterdir()) == [], "no temporary folder is left")


def test_a_secret_is_given_to_the_build_and_shown_nowhere(
    server: Server, make: Make, project: str, engine: docker.APIClient
) -> None:
    value = f"npm-{uuid.uuid4().hex}"
    repository = make(build={"context": ".", "secrets": {"npm": {"secret": "npm-token"}}})
    told = server.deploy(repository.folder, check=False)
    assert "npm-token" in told.stderr + told.stdout, "a secret that is not set is named"
    server.cli("secrets", "set", "npm-token", "--project", project, stdin=value)
    text = (repository.folder / "Dockerfile").read_text()
    mount = "RUN --mount=type=secret,id=npm,uid=1000"
    read = "require(`fs`).readFileSync(`/run/secrets/npm`, `utf8`)"
    show = f'{mount} ["node", "-e", "console.log(`token`, {read}); process.exit(%s)"]'
    repository.write("Dockerfile", f"{text}\n{show % 3}\n")
    failed = server.deploy(repository.folder, check=False)
    assert failed.returncode == 1
    assert "token [secret]" in failed.stdout + failed.stderr
    repository.write("Dockerfile", f"{text}\n{show % 0}\n")
    server.deploy(repository.folder)
    for row in server.json("operations", "list", "--project", project):
        assert value not in server.cli("operations", "follow", str(row["id"]), "--json", check=False).stdout
    assert value not in server.log.read_text()
    (image,) = {
        row["images"]["api"] for row in server.json("releases", "--project", project) if row["current"]
    }
    assert value.encode() not in b"".join(engine.get_image(image)), "layers are stored as they are"
    assert value not in json.dumps(engine.history(image))


def test_images_that_no_kept_release_needs_are_pruned(
    server: Server, make: Make, project: str, engine: docker.APIClient
) -> None:
    repository = make()
    foreign = "somebody/else:1"
    for number in (1, 2, 3):
        repository.commit(version=str(number))
        server.deploy(repository.folder)
    releases = {row["number"]: row["images"]["api"] for row in server.json("releases", "--project", project)}
    engine.tag(engine.images(name="havre/base:trixie")[0]["Id"], "somebody/else", "1")
    text = (repository.folder / "Dockerfile").read_text()
    repository.write("Dockerfile", f'{text}CMD ["node", "-e", "0"]\n')
    assert server.deploy(repository.folder, check=False).returncode == 1
    until(
        lambda: sorted(images(engine, project)) == sorted(releases.values()), "the failed one goes by itself"
    )

    server.environment["HAVRE_KEEP_RELEASES"] = "1"
    try:
        rows = {row["id"]: row for row in server.json("images", "list")}
        assert [rows[releases[number]]["prunable"] for number in (1, 2, 3)] == [True, False, False]
        would = json.loads(server.cli("images", "prune", "--dry-run", "--json").stdout)["would_remove"]
        assert releases[1] in {row["id"] for row in would}
        removed = json.loads(server.cli("images", "prune", "--yes", "--json").stdout)["removed"]
        assert releases[1] in {row["id"] for row in removed}
    finally:
        del server.environment["HAVRE_KEEP_RELEASES"]
    assert sorted(images(engine, project)) == sorted(releases[number] for number in (2, 3))
    assert engine.images(name=foreign), "an image that Havre did not build stays"
    engine.remove_image(foreign)
    refused = server.cli("rollback", "1", "--project", project, check=False)
    assert "is gone from this server" in " ".join(refused.stdout.replace("│", " ").split())
    server.cli("rollback", "--project", project)
    server.cli("destroy", "--project", project, "--volumes", "--yes-destroy", f"{project}-production")
    assert images(engine, project) == []
