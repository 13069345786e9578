"""One-off commands: in a release's image, beside what serves, found again after a crash."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import docker
import pytest

from support.repository import Repository, manifest
from support.server import Server

PROJECT = "commands"
UNTIL_TOLD = (
    "let n = 0; console.log('release', process.env.HOSTNAME); const t = setInterval(() => {"
    "console.log('line', n++); if (require('fs').existsSync('/tmp/go')) { clearInterval(t) } }, 100)"
)
FAILS_IN_VERSION_1 = (
    "const v = require('/app/behaviour.json').version; console.log(v); process.exit(v === '1' ? 3 : 0)"
)
BROKEN = {
    "schedule": "0 0 29 2 *",
    "command": ["node", "-e", FAILS_IN_VERSION_1],
    "on_failure": {"url": {"secret": "hook"}},
}


@pytest.fixture(scope="module")
def due() -> datetime:
    """The scheduled command is due every day at this minute, so it was a moment ago."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def deployed(
    server: Server, tmp_path_factory: pytest.TempPathFactory, alerts: tuple[str, Any], due: datetime
) -> Iterator[Repository]:
    """A project that serves, for all tests of this file."""
    env = {"TOKEN": {"secret": "token"}, "GREETING": "hello"}
    daily = {"schedule": f"{due.minute} {due.hour} * * *", "command": ["node", "-e", UNTIL_TOLD]}
    wanted = manifest(PROJECT, env=env, drain="0s", cron={"daily": daily, "broken": BROKEN})
    repository = Repository(tmp_path_factory.mktemp("commands") / PROJECT, wanted)
    server.deploy(repository.folder, check=False)  # makes the project; the secret is missing
    server.cli("secrets", "set", "token", "-p", PROJECT, stdin="s3cret-of-the-app")
    server.cli("secrets", "set", "hook", "-p", PROJECT, stdin=alerts[0])
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


def cron(server: Server, *words: str) -> Any:
    return server.json("cron", words[0], "-p", PROJECT, *words[1:])


def test_a_failed_scheduled_command_is_told(
    server: Server, deployed: Repository, alerts: tuple[str, list[dict[str, Any]]]
) -> None:
    """Its recovery is told further down, in the version that a test in between deploys."""
    _, received = alerts
    failed = server.cli("cron", "run", "-p", PROJECT, "broken", check=False)
    assert failed.returncode == 3
    assert failed.stdout == "1\n"
    (alert,) = received
    assert (alert["job"], alert["outcome"], alert["exit_code"]) == ("broken", "failed", 3)
    assert alert["lines"] == ["1"]
    (broken,) = [job for job in cron(server, "list") if job["name"] == "broken"]
    assert broken["last"]["state"] == "failed"
    assert broken["next"].startswith("2028-02-29T00:00:00")


def test_a_deployment_and_a_command_do_not_disturb_each_other(
    server: Server, deployed: Repository, engine: docker.APIClient
) -> None:
    """Also: a worker that is killed finds the command again, and every line is told once."""
    command = server.popen("run", "-p", PROJECT, "api", "--", "node", "-e", UNTIL_TOLD)
    name = wait_for(lambda: jobs(engine))[0]
    deployed.commit(version="2")
    server.deploy(deployed.folder)
    operation = server.json("operations", "list", "-p", PROJECT)[1]
    assert (operation["kind"], operation["state"]) == ("run", "running")
    kill_the_worker_and_let_it_end(server, engine, operation["id"])
    output, _ = command.communicate(timeout=90)
    assert command.returncode == 0, output
    numbers = [int(line.split()[1]) for line in output.splitlines() if line.startswith("line")]
    assert numbers == list(range(len(numbers)))
    assert output.count("release ") == 1, "started twice"
    assert left_behind(engine) == []
    assert name.endswith(f"-run-{operation['id']}")


def kill_the_worker_and_let_it_end(server: Server, engine: docker.APIClient, operation: int) -> None:
    """kill -9 while a command runs; when the next worker has found it, tell it to end."""
    container = wait_for(
        lambda: engine.containers(filters={"label": [f"havre.operation={operation}"]}),
    )[0]
    os.kill(server.worker_pid(), signal.SIGKILL)
    wait_for(lambda: server.get(f"/api/v1/operations/{operation}").json()["attempt"] == 2)
    made = engine.exec_create(container["Id"], ["node", "-e", "require('fs').writeFileSync('/tmp/go', '')"])
    engine.exec_start(made)


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


def test_the_recovery_of_a_scheduled_command_is_told_once(
    server: Server, deployed: Repository, alerts: tuple[str, list[dict[str, Any]]]
) -> None:
    url, received = alerts
    for _ in range(2):
        server.cli("cron", "run", "-p", PROJECT, "broken")
    assert [alert["outcome"] for alert in received] == ["failed", "recovered"]
    history = cron(server, "history", "broken")
    assert [(run["state"], run["exit_code"], run["trigger"]) for run in history] == [
        ("succeeded", 0, "manual"),
        ("succeeded", 0, "manual"),
        ("failed", 3, "manual"),
    ]
    assert url not in server.log.read_text()
    assert url not in json.dumps(server.get("/api/v1/operations?project=commands").json())

    assert cron(server, "pause", "broken")["paused"]
    assert [job["paused"] for job in cron(server, "list")] == [True, False]
    assert cron(server, "resume", "broken")["next"]
    unknown = server.cli("cron", "run", "-p", PROJECT, "nightly", check=False)
    assert unknown.returncode == 64
    assert "broken, daily" in unknown.stderr


def test_what_is_due_runs_once_though_the_worker_is_killed(
    server: Server, deployed: Repository, engine: docker.APIClient, due: datetime
) -> None:
    assert cron(server, "history", "daily") == []
    with sqlite3.connect(server.state / "db" / "havre.sqlite3") as records:
        before = (due - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M:%S")
        records.execute("UPDATE records_scheduledjob SET looked_at = ? WHERE name = 'daily'", (before,))
    (run,) = wait_for(lambda: cron(server, "history", "daily"))
    assert run["state"] != "missed", run
    busy = server.cli("cron", "run", "-p", PROJECT, "daily", check=False)
    assert busy.returncode == 4, busy.stderr
    kill_the_worker_and_let_it_end(server, engine, run["operation"])
    wait_for(lambda: cron(server, "history", "daily")[0]["state"] == "succeeded")
    (run,) = cron(server, "history", "daily")
    assert run["trigger"] == "schedule"
    assert datetime.fromisoformat(run["due_at"]) == due
    shown = server.get(f"/api/v1/operations/{run['operation']}").json()
    assert (shown["actor"], shown["attempt"]) == ("scheduler", 2)
    assert left_behind(engine) == []


def test_exec_goes_into_a_running_task(server: Server, deployed: Repository) -> None:
    def go(*words: str, stdin: str | None = None) -> Any:
        return server.cli("exec", "-p", PROJECT, *words, check=False, stdin=stdin)

    script = (
        "process.stdin.on('data', (d) => process.stdout.write(d.toString().toUpperCase()));"
        "process.stdin.on('end', () => { console.error(process.env.GREETING); process.exit(5) })"
    )
    large = "a" * 1_000_000
    done = go("api", "--", "node", "-e", script, "secret-word", stdin=large)
    assert (done.returncode, done.stderr) == (5, "hello\n")
    assert done.stdout == large.upper()
    recorded = last_operation(server)
    assert (recorded["kind"], recorded["params"]["program"]) == ("exec", "node")
    assert "secret-word" not in json.dumps(recorded)

    assert go("nope", "--", "true").returncode == 64
    assert go("api", "--task", "7", "--", "true").returncode == 64
    assert go("api", "--", "no-such-program").returncode in {126, 127}
    server.environment |= {"HAVRE_URL": "https://havre.example.org", "HAVRE_TOKEN": "havre_x"}
    try:
        refused = go("api", "--", "true")
    finally:
        del server.environment["HAVRE_URL"], server.environment["HAVRE_TOKEN"]
    assert refused.returncode == 64
    assert "havre run" in refused.stderr


def test_exec_on_a_terminal(server: Server, deployed: Repository) -> None:
    """With the terminal's size, keys that are passed on as they are, and the terminal as before."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    before = termios.tcgetattr(theirs)
    script = (
        # An engine without ConsoleSize (before API 1.42) sets the size when the command runs already.
        "const o = process.stdout; const tell = () => console.log(`${o.isTTY} ${o.columns} ${o.rows}`);"
        "o.on('resize', tell); tell();"
        "process.stdin.setRawMode(true); process.stdin.on('data', (d) => {"
        "console.log(`key ${d[0]}`); if (d[0] === 4) process.exit(6) })"
    )
    child = subprocess.Popen(
        [sys.executable, "-m", "havre", "exec", "-p", PROJECT, "api", "--", "node", "-e", script],
        env={**server.environment, "COLUMNS": "80", "LINES": "24"},  # of another terminal
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    seen = ""

    def until(words: str) -> None:
        nonlocal seen
        deadline = time.monotonic() + 60
        while words not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096).decode()

    try:
        until("true 101 33")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
        child.send_signal(signal.SIGWINCH)
        until("true 77 33")
        os.write(ours, b"\x03")
        until("key 3")
        os.write(ours, b"\x04")
        assert child.wait(60) == 6
        assert termios.tcgetattr(theirs) == before
    finally:
        child.kill()
        os.close(ours)
        os.close(theirs)
