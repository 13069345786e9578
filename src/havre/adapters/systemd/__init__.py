"""systemd: Havre's units, made from templates, and the service manager that runs them.

Options: systemd.exec(5), systemd.service(5), systemd.resource-control(5). The oldest systemd that
is supported is Debian 12's, 252.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import jinja2

from havre.errors import HavreError

WEB: Final = "havre-web.service"
WORKER: Final = "havre-worker.service"
UNITS: Final = (WORKER, WEB)
"""The units, in the order in which they are started."""

_RUNS: Final = Path("/run/systemd/system")
_TIMEOUT: Final = 400.0  # seconds; a start may migrate the database first


def is_running() -> bool:
    """Whether systemd runs this machine (sd_booted(3))."""
    return _RUNS.is_dir()


def unit(name: str, *, python: Path, state: Path, docker_socket: str, user: str) -> str:
    """The text of a unit file.

    Args:
        name: one of :data:`UNITS`.
        python: interpreter that runs the processes.
        state: the state directory.
        docker_socket: path of the engine's socket, which the web process must not reach.
        user: account of the web process.

    Raises:
        ValueError: a path has a character that unit files treat specially.
    """
    for value in (str(python), str(state), docker_socket, user):
        if not value or any(character in value for character in " \t\n\"'\\%$:;#"):
            raise ValueError(f"{value!r} cannot stand in a unit file")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("havre.adapters.systemd", "units"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - not HTML; what is filled in is checked above
        keep_trailing_newline=True,
    )
    return environment.get_template(f"{name}.j2").render(
        python=python, state=state, docker_socket=docker_socket, user=user
    )


class Systemd:
    """The service manager of this machine, by its ``systemctl``."""

    name = "systemd"

    def is_running(self) -> bool:
        """Whether the worker's unit is active, or being started again."""
        done = _systemctl("is-active", WORKER, check=False)
        return done.stdout.strip() in {"active", "activating", "reloading"}

    def stop(self) -> None:
        """Stop web, then worker.

        Raises:
            HavreError: systemd refused.
        """
        _systemctl("stop", WEB, WORKER)

    def start(self) -> None:
        """Start worker and web.

        Raises:
            HavreError: one did not start.
        """
        _systemctl("start", *UNITS)

    def enable(self) -> None:
        """Start worker and web, now and at every boot.

        Raises:
            HavreError: one did not start.
        """
        _systemctl("enable", "--now", *UNITS)

    def disable(self) -> None:
        """Stop both, now and for good."""
        _systemctl("disable", "--now", *UNITS, check=False)

    def reload(self) -> None:
        """Read the unit files again."""
        _systemctl("daemon-reload")


def _systemctl(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = ["systemctl", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HavreError(f"{' '.join(command)} did not end: {error}") from error
    if check and done.returncode != 0:
        raise HavreError(
            f"{' '.join(command)} failed",
            hint="see: journalctl -u havre-web -u havre-worker",
            detail=done.stderr.strip(),
        )
    return done
