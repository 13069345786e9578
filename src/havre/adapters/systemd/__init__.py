"""systemd: Havre's units, made from templates, and the service manager that runs them.

Options: systemd.exec(5), systemd.service(5), systemd.resource-control(5). The oldest systemd that
is supported is Debian 12's, 252.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import jinja2

WEB: Final = "havre-web.service"
WORKER: Final = "havre-worker.service"
UNITS: Final = (WORKER, WEB)
"""The units, in the order in which they are started."""

_RUNS: Final = Path("/run/systemd/system")


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
