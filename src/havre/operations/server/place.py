"""Havre's own files on a server, what is there of them, and what keeps its processes running."""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from havre.adapters import debian, systemd, versions
from havre.adapters.host import machine
from havre.adapters.serving import Nobody, Serve
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import installation
from havre.domain.installation import Facts, Found, Swarm, Wanted
from havre.errors import HavreError

_ENGINE_TIMEOUT = 5
UNIT_FOLDER = PurePosixPath("/etc/systemd/system")
ENVIRONMENT_FILE = PurePosixPath("/etc/havre/environment")

Share = Mapping[PurePosixPath, str]
"""Files that the command line makes of itself: completion of each shell, the manual page."""


@dataclass(frozen=True)
class Answers:
    """What goes into the settings of a new server."""

    domain: str = ""
    acme_email: str = ""


class ServiceManager(Protocol):
    """What keeps web and worker running."""

    name: str

    def is_running(self) -> bool:
        """Whether it runs them."""

    def stop(self) -> None:
        """Stop both."""

    def start(self) -> None:
        """Start both, as the version that is current."""

    def reload(self) -> None:
        """Read unit files that have changed."""


def manager(config: Config) -> ServiceManager:
    """What keeps Havre running here."""
    if systemd.is_running() and Path(UNIT_FOLDER / systemd.WORKER).exists():
        return systemd.Systemd()
    serve = Serve(config.paths, current=Path(installation.CURRENT))
    return serve if serve.is_running() else Nobody()


def program_files(config: Config, share: Share) -> list[Wanted]:
    """The files that belong to the installed version: units where systemd runs, completion, manual."""
    files = [Wanted(path, text) for path, text in share.items()]
    if systemd.is_running():
        python = Path(installation.CURRENT / "bin/python")
        socket = config.docker_host.removeprefix("unix://")
        files += [
            Wanted(
                UNIT_FOLDER / name,
                systemd.unit(
                    name,
                    python=python,
                    state=config.state,
                    docker_socket=socket if socket.startswith("/") else "/run/docker.sock",
                    user=config.web_user,
                ),
            )
            for name in systemd.UNITS
        ]
    return files


def settings_file(config: Config, answers: Answers, *, api_listen: str = "") -> Wanted:
    """The settings of a new server; those that are there are left alone."""
    lines = [
        "# Settings of Havre: docs/reference/settings.md, or man havre. A change needs a restart:",
        "#   systemctl restart havre-worker havre-web",
        "",
    ]
    given = {"acme_email": answers.acme_email, "domain": answers.domain}
    if answers.domain:
        given["api_listen"] = api_listen
    lines += [f"{key} = {json.dumps(value)}" for key, value in given.items() if value]
    if not answers.acme_email:
        lines.append('# acme_email = "you@example.org"   # certificates by Let\'s Encrypt')
    text = "\n".join(lines) + "\n"
    return Wanted(installation.SETTINGS, text, mode=0o640, group=config.web_user, keep=True)


def look(config: Config, wanted: Iterable[Wanted], *, version: str) -> Facts:
    """What is on this server now."""
    paths = [
        *(file.path for file in wanted),
        installation.CURRENT,
        installation.COMMAND,
    ]
    packages = {*installation.PACKAGES, *installation.ENGINE_PACKAGES_SPLIT}
    engine, held = _engine(config)
    return Facts(
        version=version,
        is_wheel=versions.is_wheel(),
        is_root=os.geteuid() == 0,
        debian=debian.release(),
        installed=debian.installed(packages),
        accounts=debian.accounts(),
        members=debian.members(config.web_user),
        versions=versions.installed(Path(installation.VERSIONS)),
        current=versions.linked(Path(installation.CURRENT)),
        files={path: found for path in paths if (found := read(Path(path))) is not None},
        engine=engine,
        has_systemd=systemd.is_running(),
        is_running=manager(config).is_running(),
        is_set_up=bool(config.database_url) or _exists(config.paths.database),
        ports=tuple(
            (port, program or "another program")
            for port, program, _ in machine.listeners()
            if port in {config.http_port, config.https_port} and port not in held
        ),
        address=machine.address(),
    )


def _engine(config: Config) -> tuple[Swarm, frozenset[int]]:
    """What the engine is, and the ports that Havre's own router holds."""
    engine = Engine(config.docker_host, timeout=_ENGINE_TIMEOUT)
    try:
        swarm = engine.info().get("Swarm") or {}
        has_router = engine.has_service("havre-router") if swarm.get("ControlAvailable") else False
    except (HavreError, OSError):
        there = bool({"docker.io", "docker-ce"} & debian.installed({"docker.io", "docker-ce"}))
        return (Swarm.SILENT if there else Swarm.NO_ENGINE), frozenset()
    held = frozenset({config.http_port, config.https_port}) if has_router else frozenset()
    if swarm.get("LocalNodeState") == "active":
        return (Swarm.MANAGER if swarm.get("ControlAvailable") else Swarm.WORKER), held
    return Swarm.NONE, held


def read(path: Path) -> Found | None:
    """A file or link as it is; None if it is not there or may not be read."""
    try:
        status = path.lstat()
        text = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else path.read_text(errors="replace")
    except OSError:
        return None
    return Found(text, stat.S_IMODE(status.st_mode), _account(status.st_uid), _group(status.st_gid))


def write(file: Wanted) -> None:
    """Write a file at one moment; of one that is to be kept, correct only mode and owners."""
    path = Path(file.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if file.keep and path.exists():
        _give(path, file)
        return
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(file.text)
        stream.flush()
        os.fsync(stream.fileno())
    _give(draft, file)
    draft.rename(path)


def _give(path: Path, file: Wanted) -> None:
    os.chown(path, pwd.getpwnam(file.owner).pw_uid, grp.getgrnam(file.group).gr_gid)
    path.chmod(file.mode)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
