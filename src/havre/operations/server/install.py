"""Install Havre on this server: look, plan, then do what is missing, one action after the other."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from havre.adapters import debian, systemd, versions
from havre.adapters.host import machine
from havre.adapters.serving import health
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import installation
from havre.domain.installation import Action, Choices, Kind, Plan, Wanted
from havre.errors import HavreError
from havre.operations.server import place
from havre.operations.server.place import Answers, Share

_ENGINE_PATIENCE = 60.0
_START_PATIENCE = 90.0
_SETUP_TIMEOUT = 600.0


@dataclass(frozen=True)
class Installer:
    """An installation of this code on this server.

    Attributes:
        config: the settings of this server.
        choices: what the administrator asked for.
        answers: what goes into new settings.
        share: files that the command line makes of itself.
        version: of this code.
    """

    config: Config
    choices: Choices
    answers: Answers
    share: Share
    version: str

    @property
    def files(self) -> list[Wanted]:
        """Every file of Havre's own."""
        return [place.settings_file(self.config, self.answers), *place.program_files(self.config, self.share)]

    def plan(self) -> Plan:
        """What is missing now."""
        facts = place.look(self.config, self.files, version=self.version)
        return installation.plan(
            self.choices,
            facts,
            self.files,
            user=self.config.web_user,
            units=systemd.UNITS,
            state=PurePosixPath(self.config.state),
        )

    def execute(self, plan: Plan, *, report: Callable[[Action], None]) -> None:
        """Do what a plan says; each action is reported before it begins.

        Raises:
            HavreError: one failed; its hint says what is left.
        """
        for number, action in enumerate(plan.actions):
            report(action)
            try:
                self._do(action)
            except (HavreError, OSError) as error:
                raise _unfinished(error, action, plan.actions[number + 1 :]) from error

    def _do(self, action: Action) -> None:
        doing: dict[Kind, Callable[[], None]] = {
            Kind.PACKAGES: lambda: debian.install(action.names),
            Kind.ACCOUNT: lambda: debian.make_account(action.subject),
            Kind.MEMBER: lambda: debian.join(action.subject, self.config.web_user),
            Kind.VERSION: lambda: versions.copy_running(Path(action.subject)),
            Kind.LINK: lambda: versions.link(Path(action.names[0]), Path(action.names[1])),
            Kind.ENGINE: self._start_engine,
            Kind.SWARM: lambda: begin_swarm(self.config, action.names[0]),
            Kind.SETTINGS: self._write_settings,
            Kind.FILE: lambda: self._write(PurePosixPath(action.subject)),
            Kind.SET_UP: set_up,
            Kind.START: self._start,
        }
        doing[action.kind]()

    def _write(self, path: PurePosixPath) -> None:
        place.write(next(file for file in self.files if file.path == path))

    def _write_settings(self) -> None:
        listen = bridge_gateway(self.config) if self.answers.domain else ""
        folder = Path(installation.SETTINGS).parent
        folder.mkdir(mode=0o755, exist_ok=True)
        place.write(place.settings_file(self.config, self.answers, api_listen=listen))

    def _start_engine(self) -> None:
        if not systemd.is_running():
            raise HavreError(
                "the Docker engine does not run, and no systemd is here to start it",
                hint="start dockerd, then run this again",
            )
        subprocess.run(["systemctl", "enable", "--now", "docker.service"], check=False, capture_output=True)
        engine = Engine(self.config.docker_host)
        _wait(lambda: bool(engine.info()), _ENGINE_PATIENCE, "the Docker engine does not answer")

    def _start(self) -> None:
        manager = systemd.Systemd()
        manager.reload()
        manager.enable()
        _wait(lambda: health(self.config.paths).is_well, _START_PATIENCE, "Havre was started but is not well")


def write_program_files(config: Config, share: Share) -> bool:
    """Write the files of the installed version that are not as they should be; whether any was."""
    changed = False
    for file in place.program_files(config, share):
        found = place.read(Path(file.path))
        if found is None or found.text != file.text:
            place.write(file)
            changed = True
    return changed


def set_up() -> None:
    """Have the current version make directories, keys and database."""
    current = Path(installation.CURRENT)
    versions.run(current, ["havre.interfaces.server", "set-up"], timeout=_SETUP_TIMEOUT)


def begin_swarm(config: Config, address: str) -> None:
    """Make this engine the manager of a new Swarm.

    Raises:
        HavreError: the engine refused, or no address is known.
    """
    address = address or machine.address()
    if not address:
        raise HavreError("this machine has no address", hint="name one: --address ADDRESS")
    Engine(config.docker_host).begin_swarm(address)


def bridge_gateway(config: Config) -> str:
    """The address of this server on the bridge by which the router reaches it; empty if there is none yet."""
    return Engine(config.docker_host).gateway("docker_gwbridge")


def _wait(is_so: Callable[[], bool], patience: float, failure: str) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            if is_so():
                return
        except HavreError:
            pass  # not yet
        if time.monotonic() > deadline:
            raise HavreError(failure, hint="see: journalctl -u docker -u havre-web -u havre-worker")
        time.sleep(0.5)


def _unfinished(error: HavreError | OSError, action: Action, left: tuple[Action, ...]) -> HavreError:
    told = error.message if isinstance(error, HavreError) else f"{error.strerror}: {error.filename}"
    hint = error.hint if isinstance(error, HavreError) else ""
    detail = error.detail if isinstance(error, HavreError) else ""
    rest = "; ".join(str(each) for each in left) or "nothing"
    remedy = f"{hint}; " if hint else ""
    return HavreError(
        f"{action}: {told}",
        hint=f"{remedy}run the command again, it goes on here. Left to do: {rest}",
        detail=detail,
    )
