"""A server from the wheel to its end: pipx, install, deploy, upgrades good and bad, uninstall."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import socketserver
import sqlite3
import ssl
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
import httpx
import pytest

from havre.adapters import certificates as x509
from havre.interfaces.cli.trouble import USAGE
from support import machine as machines
from support import wheels
from support.load import Shape, under_load
from support.machine import Machine
from support.repository import Repository, manifest
from support.server import Server

HAVRE = "/usr/local/bin/havre"
HOST = "installed.localhost"
SICK = """
import time

def run(config):
    time.sleep(0.5)  # so that each death is seen, and not only some of them, ever later
    raise SystemExit("this version's worker ends at once")
"""
MIGRATION = """
from django.db import migrations

class Migration(migrations.Migration):
    dependencies = [("records", "{after}")]
    operations = [migrations.{operation}]
"""
LONGER = 'RunSQL("CREATE TABLE only_in_the_sick_version (id integer)")'
BROKEN = 'RunSQL("CREATE TABLE broken (")'


@pytest.fixture(scope="module")
def machine(server: Server, engine: docker.APIClient) -> Iterator[Machine]:
    """A private machine on the test engine; the other tests' Havre and router rest meanwhile."""
    server.stop()
    remove_router(engine)
    try:
        with machines.private() as made:
            yield made
    finally:
        remove_router(engine)
        server.start()


def remove_router(engine: docker.APIClient) -> None:
    for service in engine.services(filters={"name": "havre-router"}):
        engine.remove_service(service["ID"])
    deadline = time.monotonic() + 60
    while engine.containers(filters={"label": "com.docker.swarm.service.name=havre-router"}):
        assert time.monotonic() < deadline, "the router does not end"
        time.sleep(0.2)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


class Installed:
    """What the tests ask of the installed server."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.state = machine.shared / "state"
        self.log = machine.shared / "serve.log"
        self.process: subprocess.Popen[bytes] | None = None

    def serve(self) -> None:
        self.process = self.machine.popen(HAVRE, "serve", log=self.log)
        deadline = time.monotonic() + 60
        while self.ask("/healthz") != 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ask(self, path: str) -> int:
        transport = httpx.HTTPTransport(uds=str(self.state / "run/api.sock"))
        try:
            with httpx.Client(transport=transport, base_url="http://localhost", timeout=10) as client:
                return client.get(path).status_code
        except httpx.TransportError:
            return 0

    def version(self) -> dict[str, str]:
        told: dict[str, str] = json.loads(self.machine.run(HAVRE, "version", "--json").stdout)
        return told

    def worker(self) -> str:
        return (self.state / "run/worker.lock").read_text().strip()

    def has_table(self, name: str) -> bool:
        with closing(sqlite3.connect(self.state / "db/havre.sqlite3")) as database:
            rows = database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
            return rows.fetchone() is not None

    def upgrade(
        self, to: Path | str, *more: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = (HAVRE, "server", "upgrade", "--yes", "--to", str(to), *more)
        return self.machine.run(*command, check=check, **environment)


def test_from_the_wheel_to_the_last_file(machine: Machine, engine: docker.APIClient) -> None:
    installed = Installed(machine)
    wheel = wheels.build(machine.shared)
    try:
        installs(machine, installed, wheel)
        repository = Repository(machine.shared / "shop", manifest("installed"))
        machine.run(HAVRE, "deploy", "--source", str(repository.folder), "--yes")
        with under_load(
            Shape("http://127.0.0.1/", HOST, 25), Shape("http://127.0.0.1/", HOST, 5, "POST")
        ) as report:
            upgrades(installed, wheel)
            refuses_what_cannot_migrate(installed, wheel)
            goes_back_when_the_upgrade_itself_was_killed(installed, wheel)
            rolls_back_what_is_not_well(installed, wheel)
        assert report["failed"] == 0, report["causes"]
        assert report["ok"] == report["sent"] > 200
        is_trusted_on_request_only(installed)
        uninstalls(installed)
        if machines.SYSTEMD.exists():
            machine.boot()
            runs_under_systemd(installed)
        removes_everything(installed, engine)
    finally:
        if installed.process and installed.process.poll() is None:
            installed.process.send_signal(signal.SIGTERM)
            installed.process.wait(60)


def installs(machine: Machine, installed: Installed, wheel: Path) -> None:
    machines.pipx(machine, wheel)
    assert machine.run("havre", "--version").stdout == "havre 0.1.0\n"
    assert json.loads(machine.run("havre", "doctor", "--json", check=False).stdout)[0]["level"] == "ok"
    assert "services:" in machine.run("havre", "manifest", "sample").stdout
    assert (machine.path("/opt/pipx/venvs/havre/share/man/man1/havre.1")).exists()
    # A fresh pipx has its program where the installed one belongs: both names are the administrator's.
    machine.run("mv", "/usr/local/bin/havre", "/root/havre")

    settings = machine.path("/etc/havre/havre.toml")
    settings.parent.mkdir()
    settings.write_text(f'state = "{installed.state}"\n')
    machine.run("useradd", "me")
    shown = json.loads(machine.run("/root/havre", "server", "install", "--dry-run", "--json").stdout)
    assert [row["action"] for row in shown["actions"]][:1] == ["make the account"]
    assert not machine.path("/opt/havre").exists()
    refused = machine.run("/root/havre", "server", "install", "--admin", "nobody-such", check=False)
    assert (refused.returncode, "no account nobody-such" in refused.stderr) == (USAGE, True)

    done = machine.run("/root/havre", "server", "install", "--yes", "--admin", "me")
    assert "systemd does not run this machine" in done.stderr
    again = json.loads(machine.run(HAVRE, "server", "install", "--dry-run", "--admin", "me", "--json").stdout)
    assert again["actions"] == []

    assert machine.run("id", "--groups", "--name", "me").stdout.split() == ["me", "havre"]
    account = machine.run("getent", "passwd", "havre").stdout.strip().split(":")
    assert account[5:] == ["/nonexistent", "/usr/sbin/nologin"]
    assert settings.read_text().startswith("state = "), "what is there is the administrator's"
    access = machine.run("stat", "--format", "%a %U %G", "/etc/havre/havre.toml")
    assert access.stdout == "640 root havre\n"
    assert mode(installed.state) == "0o750"
    assert mode(installed.state / "keys/secrets.key") == "0o600"
    assert mode(installed.state / "db/havre.sqlite3") == "0o660"
    version = machine.path("/opt/havre/versions/0.1.0")
    loose = [p for p in version.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o022]
    assert not loose, loose[:3]
    for shell in ("bash-completion/completions/havre", "zsh/site-functions/_havre", "man/man1/havre.1"):
        assert machine.path(f"/usr/local/share/{shell}").exists()
    completion = "source /usr/local/share/bash-completion/completions/havre; complete -p havre"
    assert "_havre_completion" in machine.run("bash", "-c", completion).stdout

    installed.serve()
    assert installed.version() == {"version": "0.1.0", "server": "0.1.0"}
    # Administrators by their group, and nobody else.
    assert machine.run(
        "setpriv", "--reuid=me", "--regid=me", "--init-groups", HAVRE, "projects", "--json"
    ).stdout
    stranger = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    assert machine.run(*stranger, HAVRE, "projects", check=False).returncode != 0


def upgrades(installed: Installed, wheel: Path) -> None:
    assert installed.process is not None
    before, pid = installed.worker(), installed.process.pid
    newer = wheels.next_version(wheel, "0.1.1")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(newer.parent)}
    told = json.loads(installed.upgrade("0.1.1", "--json", **index).stdout)
    assert (told["from"], told["to"]) == ("0.1.0", "0.1.1")
    assert installed.version() == {"version": "0.1.1", "server": "0.1.1"}
    assert installed.worker() != before
    assert installed.process.poll() is None, "havre serve goes on under its pid"
    assert installed.process.pid == pid
    copy = Path(told["state_copy"])
    assert (mode(copy.parent), mode(copy), mode(copy / "havre.sqlite3")) == ("0o700", "0o700", "0o600")
    assert (copy / "keys/secrets.key").read_bytes() == (installed.state / "keys/secrets.key").read_bytes()
    with closing(sqlite3.connect(copy / "havre.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM records_release").fetchone() == (1,)
    older = installed.upgrade(wheel, check=False)
    assert (older.returncode, "older than 0.1.1" in older.stderr) == (USAGE, True)


def refuses_what_cannot_migrate(installed: Installed, wheel: Path) -> None:
    before = installed.worker()
    text = MIGRATION.format(after=wheels.last_migration(wheel), operation=BROKEN)
    broken = wheels.next_version(wheel, "0.1.2", {"havre/records/migrations/9998_broken.py": text})
    failed = installed.upgrade(broken, check=False)
    assert failed.returncode == 1
    assert "nothing was changed" in failed.stderr
    assert "syntax error" in failed.stderr or "incomplete input" in failed.stderr
    assert installed.worker() == before, "nothing was stopped"
    assert not installed.machine.path("/opt/havre/versions/0.1.2").exists()


def sick_version(wheel: Path) -> Path:
    """A version that migrates, but whose worker ends at once."""
    text = MIGRATION.format(after=wheels.last_migration(wheel), operation=LONGER)
    changes = {"havre/records/migrations/9998_longer.py": text, "havre/controllers/worker.py": SICK}
    return wheels.next_version(wheel, "0.1.3", changes)


def goes_back_when_the_upgrade_itself_was_killed(installed: Installed, wheel: Path) -> None:
    sick, log = sick_version(wheel), installed.machine.shared / "killed.log"
    upgrade = installed.machine.popen(HAVRE, "server", "upgrade", "--yes", "--to", str(sick), log=log)
    deadline = time.monotonic() + 120
    while not installed.has_table("only_in_the_sick_version"):
        assert upgrade.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    os.killpg(upgrade.pid, signal.SIGKILL)
    upgrade.wait()
    assert (installed.state / "backups/upgrade.json").exists()


def rolls_back_what_is_not_well(installed: Installed, wheel: Path) -> None:
    failed = installed.upgrade(sick_version(wheel), check=False)
    assert failed.returncode == 1
    assert "upgrade to 0.1.3 was interrupted: going back to 0.1.1" in failed.stderr
    assert re.search(r"0\.1\.3 failed and was rolled back: .* not well", failed.stderr)
    assert installed.version() == {"version": "0.1.1", "server": "0.1.1"}
    assert installed.ask("/healthz") == 200
    assert not installed.has_table("only_in_the_sick_version")
    assert not (installed.state / "backups/upgrade.json").exists()
    assert not installed.machine.path("/opt/havre/versions/0.1.3").exists()


CONNECT = """
import socket, ssl, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as plain:
    with ssl.create_default_context().wrap_socket(plain, server_hostname=sys.argv[2]) as secure:
        print(secure.recv(10).decode())
"""


@contextmanager
def greeting_by_tls(certificate: Path, key: Path) -> Iterator[int]:
    """A server that greets whoever accepts its certificate; its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as secure:
                secure.sendall(b"hello")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def is_trusted_on_request_only(installed: Installed) -> None:
    """The machine's own programs accept what the local authority signs after `trust`, and not before."""
    machine, host = installed.machine, "shop.localhost"
    machine.run(HAVRE, "server", "local-ca", "create", "--also", "shop.example.org")
    files = machine.shared / "leaf.pem", machine.shared / "leaf.key"
    issued = x509.issue(installed.state / "certificates", host, now=dt.datetime.now(dt.UTC))
    for file, content in zip(files, issued, strict=True):
        file.write_bytes(content)
    with greeting_by_tls(*files) as port:

        def connects(to: str = host) -> str:
            done = machine.run(
                *("env", "-u", "SSL_CERT_FILE", "-u", "SSL_CERT_DIR"),
                *("/usr/bin/python3", "-c", CONNECT, str(port), to),
                check=False,
            )
            return done.stdout.strip() or done.stderr

        assert "CERTIFICATE_VERIFY_FAILED" in connects()
        told = json.loads(machine.run(HAVRE, "server", "local-ca", "trust", "--json").stdout)
        assert told["is_trusted_here"]
        assert connects() == "hello"
        assert "CERTIFICATE_VERIFY_FAILED" in connects("other.localhost"), "it is trusted, not believed"
        machine.run(HAVRE, "server", "local-ca", "remove", "--yes")
        assert "CERTIFICATE_VERIFY_FAILED" in connects()


def uninstalls(installed: Installed) -> None:
    machine = installed.machine
    shown = machine.run(HAVRE, "server", "uninstall", "--dry-run")
    assert f"{installed.state} stays" in shown.stderr
    refused = machine.run(HAVRE, "server", "uninstall", "--purge", "--yes", check=False)
    assert (refused.returncode, "applications still run" in refused.stderr) == (USAGE, True)
    assert httpx.get("http://127.0.0.1/", headers={"Host": HOST}).status_code == 200

    machine.run(HAVRE, "server", "uninstall", "--yes")
    assert installed.process is not None
    assert installed.process.wait(60) == 0
    for gone in (HAVRE, "/opt/havre", "/usr/local/share/man/man1/havre.1"):
        assert not machine.path(gone).exists(), gone
    assert (installed.state / "keys/secrets.key").exists()
    assert httpx.get("http://127.0.0.1/", headers={"Host": HOST}).status_code == 200


def status_of(machine: Machine, unit: str) -> dict[str, str]:
    """What the kernel says of a unit's process."""
    pid = machine.run("systemctl", "show", "--property", "MainPID", "--value", unit).stdout.strip()
    lines = machine.run("cat", f"/proc/{pid}/status").stdout.splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def runs_under_systemd(installed: Installed) -> None:
    """The units as they are installed, with all their restrictions, on the state that was kept."""
    machine = installed.machine
    machine.run("/root/havre", "server", "install", "--yes", "--admin", "me")
    assert installed.ask("/healthz") == 200
    assert installed.version() == {"version": "0.1.0", "server": "0.1.0"}
    machine.run(HAVRE, "restart", "-p", "installed")
    assert httpx.get("http://127.0.0.1/", headers={"Host": HOST}).status_code == 200
    web, worker = (status_of(machine, f"havre-{role}") for role in ("web", "worker"))
    assert "0" not in web["Uid"].split()
    assert {int(web[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Bnd", "Amb")} == {0}
    assert (web["NoNewPrivs"], web["Seccomp"], worker["Seccomp"]) == ("1", "2", "2")
    assert int(worker["CapEff"], 16) & (1 << 16 | 1 << 12 | 1 << 22) == 0, "no modules, network, reboot"
    told = json.loads(
        machine.run("/root/havre", "server", "install", "--dry-run", "--admin", "me", "--json").stdout
    )
    assert told["actions"] == []


def removes_everything(installed: Installed, engine: docker.APIClient) -> None:
    machine = installed.machine
    purge = ("server", "uninstall", "--purge", "--applications", "--yes")
    machine.run("/root/havre", *purge)
    assert not installed.state.exists()
    assert not list(machine.path("/etc/systemd/system").glob("havre-*"))
    assert machine.run("getent", "passwd", "havre", check=False).returncode != 0
    assert not engine.services(filters={"label": "havre.managed=true"})
    deadline = time.monotonic() + 60
    while engine.networks(filters={"label": "havre.managed=true"}):
        assert time.monotonic() < deadline, "the engine forgets a network when its last task has ended"
        time.sleep(0.2)
