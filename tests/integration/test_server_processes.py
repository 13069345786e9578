"""Real processes on a real unix socket; no engine is needed, the worker only says that there is none."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from havre.config import Paths
from havre.controllers.queries import QueryServer
from havre.operations import read_logs
from havre.operations.live_log import LiveLog
from support.authenticator import Authenticator
from support.server_processes import command, environment, python_for_anybody

WEB = 61987
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="havre-server-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def wait_for(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


class Server:
    """A running process of Havre, with its own state directory."""

    def __init__(self, folder: Path, role: str = "serve", python: str = sys.executable) -> None:
        self.paths = Paths(folder / "state")
        self.log = folder / "log"
        self.port = free_port()
        settings = {"api_listen": "127.0.0.1", "api_port": str(self.port)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command(python, role), env=environment(self.paths.state, **settings), stderr=log, cwd="/"
            )
        wait_for(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            with self.client() as client:
                return client.get("/healthz").status_code in {200, 503}
        except httpx.TransportError:
            return False

    def client(self) -> httpx.Client:
        transport = httpx.HTTPTransport(uds=str(self.paths.api_socket))
        return httpx.Client(transport=transport, base_url="http://havre", timeout=10, trust_env=False)

    def remote(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"http://127.0.0.1:{self.port}"
        return httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False)

    def child(self, role: str) -> int:
        """Pid of a child by its role."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            if Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").endswith(role.encode()):
                return int(pid)
        return 0

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def running(folder: Path, role: str = "serve", python: str = sys.executable) -> Iterator[Server]:
    server = Server(folder, role, python)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and status_of(pid)["State"][0] != "Z"


@pytest.fixture(params=["readable", "unreadable"])
def python(request: pytest.FixtureRequest, folder: Path) -> str:
    """A Python that the web process's account can run, and one that it cannot."""
    if request.param == "unreadable":
        if python_for_anybody() != sys.executable:
            return sys.executable
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        (closed / "python").symlink_to(Path(sys.executable).resolve())
        return str(closed / "python")
    found = python_for_anybody()
    if found is None:
        pytest.skip("no Python that another account can run")
    return found


@needs_root
def test_the_web_process_has_no_rights_and_the_walk_works(folder: Path, python: str) -> None:
    with running(folder, python=python) as server:
        wait_for(server.paths.worker_socket.exists)
        web = status_of(server.child("web"))
        assert web["Uid"].split() == [str(WEB)] * 4
        assert web["Gid"].split() == [str(WEB)] * 4
        assert web["Groups"] == ""
        assert int(web["CapEff"], 16) == int(web["CapPrm"], 16) == int(web["CapInh"], 16) == 0
        assert web["NoNewPrivs"] == "1"
        assert status_of(server.child("worker"))["Uid"].split() == ["0"] * 4
        assert Path(f"/proc/{server.child('web')}/cwd").readlink() == Path("/")

        cannot_read(server.paths.private_key)
        docker = folder / "docker.sock"
        with socket.socket(socket.AF_UNIX) as engine:
            engine.bind(str(docker))
            docker.chmod(0o660)
            engine.listen()
            cannot_connect(docker)
        for name in (server.paths.worker_socket, server.paths.run / "worker.lock"):
            as_web(["rm", "-f", str(name)], fails=True)
        as_web(["cat", str(server.paths.public_key)])

        walk(server)
        walk_panel(server)
        assert "Traceback" not in server.log.read_text()
        for file in server.paths.db.iterdir():
            assert (stat.S_IMODE(file.stat().st_mode), file.stat().st_gid) == (0o660, WEB), file
        api = server.paths.api_socket.stat()
        assert (stat.S_IMODE(api.st_mode), api.st_gid) == (0o660, WEB)
        assert server.stop() == 0


def as_web(command: list[str], *, fails: bool = False) -> None:
    done = subprocess.run(
        command, user=WEB, group=WEB, extra_groups=[], capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == fails, done.stderr
    assert not fails or "ermi" in done.stderr, done.stderr


def cannot_read(path: Path) -> None:
    as_web(["cat", str(path)], fails=True)


def cannot_connect(path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(WEB, WEB, WEB)
        os.setresuid(WEB, WEB, WEB)
        with socket.socket(socket.AF_UNIX) as attempt:
            try:
                attempt.connect(str(path))
            except PermissionError:
                os._exit(0)
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def walk(server: Server) -> None:
    """Everything that the API does, once, from outside."""
    home = "/api/v1/environments/shop/production"
    with server.client() as client:
        assert client.get("/api/v1/version").json()["version"]
        wait_for(lambda: client.get("/healthz").status_code == 200)
        assert client.put(f"{home}/secrets/session-key", json={"value": "hunter2"}).json()["version"] == 1
        assert client.put(f"{home}/variables", json={"values": {"LOG": "debug"}}).status_code == 200
        deploy = {
            "kind": "deploy",
            "project": "shop",
            "environment": "production",
            "params": {"source": "/no/such/folder"},
        }
        queued = client.post("/api/v1/operations", json=deploy)
        assert queued.status_code == 202
        assert queued.json()["actor"] == "root"
        number = queued.json()["id"]
        events = follow(client, number)
        assert events[-1][1] == "outcome"
        assert events[-1][2]["state"] == "failed"
        assert follow(client, number, last=events[0][0]) == events[1:]
        assert client.get(f"/api/v1/operations/{number}").json()["state"] == "failed"
        assert client.get(f"{home}/releases").status_code == 200
        assert client.get(f"{home}/services").status_code == 503
        assert client.get(f"{home}/logs").status_code == 200, "what is kept is read without an engine"
        assert client.get("/metrics").text.count("havre_operations{") >= 1
        assert client.get("/no/such/page").status_code == 404
        assert client.request("DELETE", f"{home}/variables", json={"names": ["LOG"]}).json() == []
        assert client.delete(f"{home}/secrets/session-key").status_code == 204
        token = client.post("/api/v1/tokens", json={"name": "ci", "days": 1, "role": "maintainer"}).json()[
            "token"
        ]
        assert client.get("/api/v1/version", headers={"Host": "evil.example"}).status_code == 400
    with server.remote() as stranger:
        assert stranger.get("/healthz").status_code == 200
        for path in ("/api/v1/version", "/metrics", "/api/v1/openapi.json"):
            assert stranger.get(path).status_code == 401
    with server.remote(token) as holder:
        assert holder.get("/api/v1/environments").status_code == 200
        assert holder.get("/api/v1/tokens").status_code == 403
        assert holder.post("/api/v1/operations", json=deploy).status_code == 403
    assert "hunter2" not in server.log.read_text()
    assert token not in server.log.read_text()


def walk_panel(server: Server) -> None:
    """The panel in French from the first sign-in on, by a process that can read nothing any more."""
    with server.client() as admin:
        link = admin.post("/api/v1/users", json={"name": "ada", "role": "owner"}).json()["url"]
    transport = httpx.HTTPTransport(uds=str(server.paths.panel_socket))
    with httpx.Client(
        transport=transport, base_url="http://localhost", headers={"Accept-Language": "fr"}, timeout=60
    ) as browser:

        def send(path: str, form: dict[str, str], page: str = "") -> str:
            page = page or browser.get(path).text
            token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
            answer = browser.post(path, data={**form, "csrfmiddlewaretoken": token})
            assert answer.status_code == 302, answer.text
            return answer.headers["location"]

        password = "a long walk by the sea"
        assert "Nouveau mot de passe" in browser.get(link).text
        assert send(link, {"new_password1": password, "new_password2": password}) == "/account/two-factor/"
        assert browser.get("/").status_code == 302  # nothing else is open yet
        add = "/account/two-factor/app/add/"
        page = browser.get(add).text  # each look at it makes another secret
        secret = re.findall(r'<code class="secret">(\w+)</code>', page)[0]
        assert send(add, {"code": Authenticator(secret).code()}, page) == "/account/two-factor/codes/"
        home = "/environments/shop/production/"
        pages = [
            "/",
            "/activity/",
            "/data/",
            home,
            f"{home}data/",
            f"{home}do/deploy",
            f"{home}data/measured",
        ]
        pages += ["/operations/1/", "/operations/1/live", "/projects/new"]
        pages += [f"/account/{name}/" for name in ("sessions", "tokens", "two-factor", "password")]
        pages += ["/account/two-factor/codes/new/", "/account/two-factor/keys/add/"]
        pages += [f"/settings/{name}/" for name in ("people", "tokens", "audit")]
        for page in pages:
            answer = browser.get(page)
            assert answer.status_code == 200, (page, answer.text)
            for file in re.findall(r'(?:href|src)="(/static/[^"#]+)', answer.text):
                assert browser.get(file).status_code == 200, file
        asked = browser.get("/settings/people/new/").headers["location"]
        assert send(asked, {"password": password, "next": "/settings/people/new/"}) == "/settings/people/new/"
        assert browser.get("/settings/people/new/").status_code == 200
        assert browser.get("/no/such/page").status_code == 404
        assert send("/account/logout/", {}) == "/account/login/"
        assert browser.get("/").headers["location"] == "/account/login/"


def follow(client: httpx.Client, number: int, last: int = 0) -> list[tuple[int, str, dict[str, object]]]:
    text = client.get(f"/api/v1/operations/{number}/events", headers={"Last-Event-ID": str(last)}).text
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


@needs_root
def test_a_process_that_dies_is_started_again_and_all_end_with_the_supervisor(folder: Path) -> None:
    with running(folder) as server:
        wait_for(server.paths.worker_socket.exists)
        web = server.child("web")
        os.kill(web, signal.SIGKILL)
        wait_for(lambda: server.child("web") not in {0, web})
        wait_for(server.answers)
        children = [server.child("web"), server.child("worker")]
        assert all(children)
        assert stat.S_ISSOCK(server.paths.api_socket.stat().st_mode)

        server.process.kill()
        server.process.wait()
        wait_for(lambda: not any(map(runs, children)), 20)


@needs_root
def test_a_second_worker_and_a_second_web_refuse(folder: Path) -> None:
    with running(folder) as server:
        wait_for((server.paths.run / "worker.lock").exists)
        wait_for(server.paths.worker_socket.exists)
        for role, told in (("worker", "runs already"), ("web", "another process answers")):
            second = subprocess.run(
                command(sys.executable, role),
                env=environment(server.paths.state),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert second.returncode == 1
            assert told in second.stderr
            assert "Traceback" not in second.stderr
        assert server.answers()


@needs_root
def test_logs_are_followed_through_web_and_closed_with_the_client(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def rows(
        *_args: object, live: LiveLog | None, stopped: Callable[[], bool], **_more: object
    ) -> Iterator[dict[str, str]]:
        try:
            yield {"line": "first"}
            while live and not stopped():
                time.sleep(0.02)
        finally:
            ended.set()

    monkeypatch.setattr(read_logs, "rows", rows)
    with running(folder, "web") as server, server.client() as client:
        path = "/api/v1/environments/shop/production"
        client.put(f"{path}/variables", json={"values": {"A": "1"}})
        queries = QueryServer(server.paths, lambda: None, LiveLog())
        queries.start()
        server.paths.worker_socket.chmod(0o666)
        try:
            answer = client.get(f"{path}/logs", headers={"Accept": "application/x-ndjson"})
            assert answer.headers["content-type"] == "application/x-ndjson"
            assert [json.loads(line) for line in answer.text.splitlines()] == [{"line": "first"}]
            ended.clear()
            with client.stream("GET", f"{path}/logs", params={"follow": True}) as answer:
                lines = answer.iter_lines()  # held: letting go of it closes the connection
                assert next(lines) == "event: line"
                assert not ended.wait(0.3)
            assert ended.wait(5)
        finally:
            queries.stop()


@needs_root
def test_an_idle_server_is_small_and_quiet(folder: Path) -> None:
    with running(folder) as server:
        wait_for(server.paths.worker_socket.exists)
        pids = [server.child("web"), server.child("worker")]
        with server.client() as client:
            client.get("/api/v1/environments")
        before = [ticks(pid) for pid in pids]
        time.sleep(5)
        used = ticks(pids[0]) - before[0]
        assert used <= 0.01 * 5 * os.sysconf("SC_CLK_TCK"), "web uses more than 1 % of a processor"
        resident = [int(status_of(pid)["VmRSS"].split()[0]) / 1024 for pid in pids]
        assert sum(resident) <= 190, f"web and worker hold {resident} MB"


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_second_serve_ends_with_a_clear_error(folder: Path) -> None:
    with running(folder) as first:
        second = subprocess.run(
            command(sys.executable, "serve"),
            env=environment(first.paths.state),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert f"havre serve runs already for {first.paths.state} (pid {first.process.pid})" in second.stderr
        assert "hint: stop it first" in second.stderr
        assert first.answers()
