"""``havre serve``: set up, then keep worker and web running until asked to stop.

It imports nothing but the standard library and holds no file open, so it stays small and has nothing
to fail with. The web process is started under an account without rights; where that account
cannot read the code (a checkout in root's home), it is started as root and drops its rights itself,
before it listens.

An upgrade needs both to rest for a moment: at SIGUSR1 they are stopped, at SIGUSR2 this program
becomes itself again, as the version that is current then, under the same pid.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from havre.errors import ServerError

log = logging.getLogger("havre")

_FIRST_DELAY: Final = 1.0  # seconds before a process that died is started again
_LONGEST_DELAY: Final = 30.0
_STABLE: Final = 60.0  # seconds of life after which a death counts as the first again
_STOP_GRACE: Final = 20.0  # seconds between SIGTERM and SIGKILL
_SETUP_TIMEOUT: Final = 300.0
_LONGEST_REST: Final = 900.0  # seconds after which an upgrade that said no more counts as dead


def command(role: str) -> list[str]:
    """The arguments that start a role; ``-P``: nothing is imported from the current folder."""
    return [sys.executable, "-P", "-m", "havre.interfaces.server", role]


def prepare() -> tuple[int, int, Path]:
    """Set up in a process of its own; uid and gid of the web process, and where pid files go.

    Raises:
        ServerError: it failed; it has told why.
    """
    done = subprocess.run(command("set-up"), stdout=subprocess.PIPE, timeout=_SETUP_TIMEOUT, check=False)
    if done.returncode != 0:
        raise ServerError("the server could not be set up", hint="the lines above say why")
    told = json.loads(done.stdout)
    return told["uid"], told["gid"], Path(told["run"])


def run() -> None:
    """Run worker and web until SIGTERM, SIGINT or SIGHUP; rest at SIGUSR1 (see the module).

    Raises:
        ServerError: the server could not be set up.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s serve %(levelname)s %(name)s: %(message)s"
    )
    alarm = _Alarm()
    if state := os.environ.get("HAVRE_STATE"):
        os.environ["HAVRE_STATE"] = str(Path(state).absolute())  # the processes run in another folder
    uid, gid, run_folder = prepare()
    lock = _hold_lock(run_folder)
    _write_pid(run_folder)
    children = [
        Child("worker", _environment(), {}),
        Child("web", _environment(), _account(uid, gid)),
    ]
    for child in children:
        child.start()
    while not alarm.stopping:
        if alarm.resting:
            _rest(children, alarm)
        now = time.monotonic()
        for child in children:
            child.look(now)
        waiting = [child.start_at - now for child in children if child.start_at is not None]
        alarm.sleep(max(0.0, min(waiting)) if waiting else None)
    _stop(children, alarm)
    os.close(lock)


@dataclass
class Child:
    """A process that is started again when it dies, later each time.

    ``start_at`` is when, on the monotonic clock; None while it runs.
    """

    role: str
    environment: dict[str, str]
    account: Mapping[str, Any]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = 0.0
    start_at: float | None = None

    def start(self) -> None:
        """Start it; a failure counts as its death."""
        self.started, self.start_at = time.monotonic(), None
        try:
            self.process = subprocess.Popen(
                command(self.role), env=self.environment, stdin=subprocess.DEVNULL, cwd="/", **self.account
            )
        except OSError as error:
            self.process = None
            self._died(f"could not be started: {error}")
            return
        log.info("%s runs as pid %d", self.role, self.process.pid)

    def look(self, now: float) -> None:
        """See whether it died, and start it when it is time."""
        if self.start_at is not None:
            if now >= self.start_at:
                self.start()
        elif self.process is not None and (code := self.process.poll()) is not None:
            self._died(f"ended with {f'signal {-code}' if code < 0 else f'status {code}'}")

    def _died(self, how: str) -> None:
        now = time.monotonic()
        was_stable = now - self.started > _STABLE
        self.delay = _FIRST_DELAY if was_stable or not self.delay else min(self.delay * 2, _LONGEST_DELAY)
        self.start_at = now + self.delay
        log.error("%s %s; starting it again in %g s", self.role, how, self.delay)


class _Alarm:
    """Sleeps until a signal comes: a child's death, or the request to stop."""

    def __init__(self) -> None:
        self.stopping = self.resting = self.renewed = False
        self._ears, mouth = socket.socketpair()
        self._mouth = mouth
        for each in (self._ears, mouth):
            each.setblocking(False)
        signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGUSR1, self._rest)
        signal.signal(signal.SIGUSR2, self._renew)

    def sleep(self, seconds: float | None) -> None:
        """Sleep, at most so long."""
        select.select([self._ears], [], [], seconds)
        try:
            while self._ears.recv(4096):
                pass
        except BlockingIOError:
            return

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _rest(self, _number: int, _frame: FrameType | None) -> None:
        self.resting = True

    def _renew(self, _number: int, _frame: FrameType | None) -> None:
        self.resting = self.renewed = True


def _rest(children: list[Child], alarm: _Alarm) -> None:
    """Stop the children, wait to be told to go on, and become the current version; or be stopped."""
    log.info("web and worker are stopped for an upgrade")
    _stop(children, alarm)
    deadline = time.monotonic() + _LONGEST_REST
    while not (alarm.renewed or alarm.stopping) and (left := deadline - time.monotonic()) > 0:
        alarm.sleep(left)
    if not alarm.stopping:
        program = successor(Path(sys.prefix), Path(sys.executable))
        os.execv(program, [str(program), *command("serve")[1:]])  # noqa: S606 - fixed arguments


def successor(prefix: Path, executable: Path) -> Path:
    """The interpreter of the version that is current; of an environment without versions, its own.

    The link is resolved: what is imported late must come from the version that was started.
    """
    current = prefix.parent.parent / "current"
    if prefix.parent.name == "versions" and (current / "bin/python").exists():
        return current.resolve() / "bin/python"
    return executable


def _hold_lock(folder: Path) -> int:
    """Be the only one for this state directory; the kernel lets go of the lock however this ends.

    Raises:
        ServerError: another one runs.
    """
    descriptor = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        pid = (folder / "serve.pid").read_text().strip() if (folder / "serve.pid").exists() else "unknown"
        raise ServerError(
            f"havre serve runs already for {folder.parent} (pid {pid})",
            hint="stop it first, or name another directory by HAVRE_STATE",
            retryable=True,
        ) from error
    return descriptor


def _write_pid(folder: Path) -> None:
    """Say by ``serve.pid`` who runs here, for upgrades."""
    file = folder / "serve.pid"
    draft = folder / f".serve.pid.{os.getpid()}"
    draft.write_text(f"{os.getpid()}\n")
    draft.rename(file)


def _stop(children: list[Child], alarm: _Alarm) -> None:
    running = [child for child in children if child.process is not None and child.process.poll() is None]
    for child in running:
        if child.process is not None:
            child.process.terminate()
    deadline = time.monotonic() + _STOP_GRACE
    while any(child.process and child.process.poll() is None for child in running):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        alarm.sleep(left)
    for child in running:
        if child.process is not None and child.process.poll() is None:
            log.error("%s did not stop in %g s and is killed", child.role, _STOP_GRACE)
            child.process.kill()
            child.process.wait()
    log.info("stopped")


def _environment() -> dict[str, str]:
    # Few malloc arenas: threads come and go, and each arena keeps what was freed in it.
    return {"MALLOC_ARENA_MAX": "2", **os.environ, "HAVRE_SUPERVISOR_PID": str(os.getpid())}


def _account(uid: int, gid: int) -> Mapping[str, Any]:
    """How to start the web process: as the account, unless that cannot run this program."""
    if os.geteuid() != 0:
        return {}
    account: dict[str, Any] = {"user": uid, "group": gid, "extra_groups": [], "umask": 0o007}
    attempt = [sys.executable, "-P", "-c", "import havre.errors, django"]
    try:
        can = (
            subprocess.run(attempt, cwd="/", stderr=subprocess.DEVNULL, check=False, **account).returncode
            == 0
        )
    except OSError:
        can = False
    if can:
        return account
    log.info("uid %d cannot read %s or the code: web drops root's rights itself", uid, sys.executable)
    return {}
