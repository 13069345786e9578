"""Services that take no requests: their readiness, and how they end."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import docker

from support.repository import Repository
from support.server import Server

PROJECT = "workers"

# Takes 1.5 s per job; told to end, it finishes the one it has.
QUEUE = """
let stop = false, job = 0;
process.on('SIGINT', () => { stop = true; console.log('told to end during', job) });
console.log('waiting for jobs of version', require('/app/behaviour.json').version);
(async () => {
  while (!stop) {
    job++; console.log('begins', job);
    await new Promise((done) => setTimeout(done, 1500));
    console.log('ends', job);
  }
  process.exit(0);
})();
"""
SLOW_PORT = """
console.log('starts');
setTimeout(() => require('net').createServer().listen(7000, () => console.log('listens')), 1500);
setInterval(() => 0, 1000);
"""
BY_COMMAND = """
setTimeout(() => require('fs').writeFileSync('/tmp/ready', ''), 1000);
setInterval(() => 0, 1000);
"""
CHECK = "console.log('not yet'); process.exit(require('fs').existsSync('/tmp/ready') ? 0 : 1)"


def wanted(**changes: Any) -> dict[str, Any]:
    """Three workers, each ready in another way."""

    def worker(script: str, **keys: Any) -> dict[str, Any]:
        command = ["node", "-e", script]
        return {"kind": "app", "build": ".", "command": command, "drain": "0s", "stop_grace": "20s", **keys}

    return {
        "project": PROJECT,
        "services": {
            "queue": worker(QUEUE, stop_signal="SIGINT", ready={"log": "^waiting for jobs of .* [0-9]+"}),
            "port": worker(SLOW_PORT, **{"ready": {"tcp": 7000, "interval": "500ms"}, **changes}),
            "checked": worker(BY_COMMAND, ready={"command": ["node", "-e", CHECK], "interval": "1s"}),
        },
    }


def _has_ended(rows: list[dict[str, Any]]) -> bool:
    """Whether the old release told that it was told to end, and that it ended its job."""
    old = [row["line"] for row in rows if row["release"] == "1"]
    told = next((at for at, line in enumerate(old) if line.startswith("told to end")), None)
    return told is not None and f"ends {old[told].split()[-1]}" in old[told:]


def test_workers_are_ready_in_their_own_way_and_finish_what_they_do(
    server: Server, tmp_path: Any, engine: docker.APIClient
) -> None:
    repository = Repository(tmp_path / PROJECT, wanted())
    try:
        server.deploy(repository.folder)
        operation = server.json("operations", "list", "-p", PROJECT)[0]
        gate = next(step for step in operation["steps"] if step["name"] == "gate")
        waited = float(gate["message"].rpartition(" after ")[2].split()[0])
        assert waited > 1.5, "the port accepts only then"

        following = server.popen("logs", "-p", PROJECT, "-s", "queue", "--follow", "--json")
        rows: list[dict[str, Any]] = []
        reader = threading.Thread(target=lambda: rows.extend(map(json.loads, following.stdout or ())))
        reader.start()
        repository.commit(version="2")
        server.deploy(repository.folder)
        deadline = time.monotonic() + 60  # what was written a moment ago is being collected
        while not _has_ended(rows) and time.monotonic() < deadline:
            time.sleep(0.1)
        following.terminate()
        following.communicate()
        reader.join(30)
        old = [row["line"] for row in rows if row["release"] == "1"]
        told = next(at for at, line in enumerate(old) if line.startswith("told to end"))
        job = old[told].split()[-1]
        assert f"ends {job}" in old[told:], "it was killed in the middle of its job"
        assert f"begins {int(job) + 1}" not in old
        ready = next(row["at"] for row in rows if row["line"] == "waiting for jobs of version 2")
        end = next(row["at"] for row in rows if row["line"] == old[told] and row["release"] == "1")
        assert ready < end, "the old one was told to end before the new one was ready"

        never = {"tcp": 7001, "interval": "300ms", "timeout": "300ms", "retries": 1, "start_period": "6s"}
        repository.commit(version="2", manifest=wanted(ready=never, env={"X": "2"}))
        failed = server.deploy(repository.folder, check=False)
        said = " ".join((failed.stdout + failed.stderr).split())
        assert failed.returncode == 1
        assert "port 7001 does not accept connections" in said
        assert "starts" in said, "the last lines are shown"
        running = {row["service"]: row["release"] for row in server.json("ps", "-p", PROJECT)}
        assert running == {"queue": 2, "port": 2, "checked": 2}
    finally:
        server.cli("destroy", "-p", PROJECT, "--volumes", "--yes-destroy", f"{PROJECT}-production")
