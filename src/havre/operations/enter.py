"""Exec: a command in the container of a running task, by whoever may use the engine anyway.

It runs in the process of the person who asks and talks to the engine itself: no process of Havre can be
asked to do it, so none that is taken over can (docs/adr/0016).
"""

from __future__ import annotations

import os
import pwd
import signal
import sys
import syslog
from collections.abc import Sequence
from dataclasses import dataclass

from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.exec import Session, raw_terminal
from havre.domain import naming
from havre.domain.snapshot import Service, Task
from havre.errors import EngineError, UsageError


@dataclass(frozen=True)
class Place:
    """A running task of this node."""

    service: Service
    task: Task

    @property
    def name(self) -> str:
        """``shop-production-api-r3.1``."""
        return f"{self.service.name}.{self.task.slot}"


def find(
    engine: Engine,
    project: str,
    environment: str,
    service: str,
    *,
    serving: str = "",
    slot: int | None = None,
) -> Place:
    """The task to go into.

    Args:
        engine: this node's engine.
        project: the project.
        environment: the environment.
        service: as the manifest names it.
        serving: the Swarm service that serves, if that is known; else that of the newest release.
        slot: number of the task; None for the first.

    Raises:
        UsageError: there is no such service or task.
        EngineError: its tasks run on other nodes.
    """
    snapshot = engine.environment(project, environment)
    named = [
        s
        for s in snapshot.services
        if s.label(naming.SERVICE) == service and not s.is_job and (not serving or s.name == serving)
    ]
    if not named:
        known = sorted({s.label(naming.SERVICE) for s in snapshot.services if not s.is_job})
        raise UsageError(
            f"nothing of {service} runs in {project}/{environment}",
            hint=f"it has {', '.join(known)}" if known else "deploy first: havre deploy",
        )
    newest = max(named, key=lambda s: (bool(s.running), int(s.label(naming.RELEASE) or 0)))
    tasks = sorted(newest.running, key=lambda task: task.slot)
    wanted = [task for task in tasks if slot in (None, task.slot)]
    if not wanted:
        slots = ", ".join(str(task.slot) for task in tasks)
        raise UsageError(
            f"{service} has no running task {slot or ''}".rstrip(),
            hint=f"those that run: {slots}" if slots else "`havre ps` shows its state",
        )
    here = set(engine.running_containers([task.container for task in wanted]))
    for task in wanted:
        if task.container in here:
            return Place(newest, task)
    raise EngineError(
        f"the tasks of {service} run on other nodes",
        hint="go there: ssh NODE docker exec …; or use `havre run`, which runs a task of its own",
    )


def note(place: Place, command: Sequence[str]) -> None:
    """Write who goes where into the system's log of authorisations; the program, not its arguments."""
    syslog.openlog("havre", syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_NOTICE, f"exec by {who()} in {place.name}: {command[0]!r}")


def who() -> str:
    """The account that asks, and the one behind a sudo."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        account = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "")
    return f"{account} ({behind})" if behind and behind.isprintable() else account


def enter(engine: Engine, place: Place, command: Sequence[str], *, stdin: bool, tty: bool) -> int:
    """Run a command in a task's container, joined to this process; its exit code.

    Args:
        engine: this node's engine.
        place: the task.
        command: program and arguments.
        stdin: whether it reads what this process reads.
        tty: whether it gets a terminal: this process's own, which has to be one.
    """
    session = Session(engine, place.task.container, list(command), tty=tty, stdin=stdin)
    source, out, err = sys.stdin.fileno() if stdin else -1, sys.stdout.fileno(), sys.stderr.fileno()
    if not tty:
        return session.run(source, out, err)

    def fit(*_: object) -> None:
        session.resize(*os.get_terminal_size(out))

    # Not by shutil, which believes COLUMNS and LINES of the environment before the terminal.
    size = os.get_terminal_size(out)
    before = signal.signal(signal.SIGWINCH, fit)
    try:
        with raw_terminal(source):
            return session.run(source, out, err, size=(size.columns, size.lines))
    finally:
        signal.signal(signal.SIGWINCH, before)
