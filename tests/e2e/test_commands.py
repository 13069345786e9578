"""One-off commands: in a release's image, beside what serves, found again after a crash."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from support.repository import Repository, manifest
from support.server import Server

PROJECT = "commands"


@pytest.fixture(scope="module")
def deployed(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A project that serves, for all tests of this file."""
    wanted = manifest(PROJECT, env={"TOKEN": {"secret": "token"}, "GREETING": "hello"}, drain="0s")
    repository = Repository(tmp_path_factory.mktemp("commands") / PROJECT, wanted)
    server.cli("env", "set", "-p", PROJECT, "X=1", check=False)
    server.deploy(repository.folder, check=False)  # makes the project; the secret is missing
    server.cli("secrets", "set", "token", "-p", PROJECT, stdin="s3cret-of-the-app")
    server.deploy(repository.folder)
    yield repository
    server.cli("destroy", "-p", PROJECT, "--volumes", "--yes-destroy", f"{PROJECT}-production")


def jobs(engine: docker.APIClient) -> list[str]:
    """Names of the project's jobs that the engine still has."""
    found = engine.services(filters={"label": [f"havre.project={PROJECT}", "havre.role=job"]})
    return sorted(service["Spec"]["Name"] for service in found)


def left_behind(engine: docker.APIClient) -> list[str]:
    """Jobs and their containers, running or not."""
    label = [f"havre.project={PROJECT}", "havre.role=job"]
    return jobs(engine) + [c["Names"][0] for c in engine.containers(all=True, filters={"label": label})]


def last_operation(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.json("operations", "list", "-p", PROJECT)[0]
    return found


def wait_for(condition: Callable[[], Any], patience: float = 90) -> Any:
    """What a condition becomes."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.1)
    return found


def run(server: Server, script: str, *options: str, check: bool = False) -> Any:
    return server.cli("run", "-p", PROJECT, *options, "api", "--", "node", "-e", script, check=check)


def test_run_passes_on_output_streams_and_exit_code(
    server: Server, deployed: Repository, engine: docker.APIClient
) -> None:
    script = (
        "const e = process.env; console.log(e.GREETING, e.TOKEN.length, e.MORE, process.argv[1]);"
        "console.error('oops'); process.exitCode = Number(process.argv[2])"
    )
    done = server.cli(
        *("run", "-p", PROJECT, "--env-var", "MORE=a b", "api", "--", "node", "-e", script, "$HOME;id", "7"),
        check=False,
    )
    assert done.returncode == 7
    assert done.stdout == "hello 17 a b $HOME;id\n"
    assert done.stderr.startswith("oops\n")
    assert "exited with code 7" in done.stderr
    assert left_behind(engine) == []
    assert last_operation(server)["result"]["exit_code"] == 7
    assert run(server, "0", check=True).stdout == ""


def test_what_cannot_be_run_is_told(server: Server, deployed: Repository, engine: docker.APIClient) -> None:
    slow = run(server, "console.log('on it'); setInterval(() => 0, 1000)", "--timeout", "2s")
    assert slow.returncode == 124
    assert "on it" in slow.stdout
    assert "still ran after 2 s" in slow.stderr
    missing = server.cli("run", "-p", PROJECT, "api", "--", "no-such-program", check=False)
    assert missing.returncode in {125, 127}
    assert "no-such-program" in missing.stderr
    nowhere = server.cli("run", "-p", PROJECT, "nope", "--", "true", check=False)
    assert nowhere.returncode == 125
    assert "api" in nowhere.stderr
    assert left_behind(engine) == []


def test_a_deployment_and_a_command_do_not_disturb_each_other(
    server: Server, deployed: Repository, engine: docker.APIClient
) -> None:
    """Also: a worker that is killed finds the command again, and every line is told once."""
    script = (
        "let n = 0; console.log('release', process.env.HOSTNAME); const t = setInterval(() => {"
        "console.log('line', n++); if (require('fs').existsSync('/tmp/go')) { clearInterval(t) } }, 100)"
    )
    command = server.popen("run", "-p", PROJECT, "api", "--", "node", "-e", script)
    name = wait_for(lambda: jobs(engine))[0]
    deployed.commit(version="2")
    server.deploy(deployed.folder)
    operation = server.json("operations", "list", "-p", PROJECT)[1]
    assert (operation["kind"], operation["state"]) == ("run", "running")
    os.kill(server.worker_pid(), signal.SIGKILL)
    label = [f"havre.operation={operation['id']}"]
    container = wait_for(lambda: engine.containers(filters={"label": label}))[0]
    wait_for(lambda: server.get(f"/api/v1/operations/{operation['id']}").json()["attempt"] == 2)
    made = engine.exec_create(container["Id"], ["node", "-e", "require('fs').writeFileSync('/tmp/go', '')"])
    engine.exec_start(made)
    output, _ = command.communicate(timeout=90)
    assert command.returncode == 0, output
    numbers = [int(line.split()[1]) for line in output.splitlines() if line.startswith("line")]
    assert numbers == list(range(len(numbers)))
    assert output.count("release ") == 1, "started twice"
    assert left_behind(engine) == []
    assert name.endswith(f"-run-{operation['id']}")


def test_cancelling_stops_it_with_its_signal(
    server: Server, deployed: Repository, engine: docker.APIClient
) -> None:
    script = (
        "process.on('SIGTERM', () => { console.log('cleaned up'); process.exit(0) });"
        "setInterval(() => 0, 99); console.log('up')"
    )
    command = server.popen("run", "-p", PROJECT, "api", "--", "node", "-e", script)
    assert command.stdout is not None
    assert command.stdout.readline() == "up\n"
    command.send_signal(signal.SIGINT)
    output, _ = command.communicate(timeout=90)
    assert command.returncode == 130
    assert "cleaned up" in output
    assert last_operation(server)["state"] == "cancelled"
    assert left_behind(engine) == []
