"""Take Havre away from this server; data and applications stay unless they are asked for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from havre.adapters import debian, systemd, versions
from havre.adapters.serving import Serve
from havre.adapters.swarm import networks
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import installation, naming
from havre.domain.installation import Action, Kind, Plan, Present, Removal
from havre.errors import HavreError
from havre.operations import local_authority
from havre.operations.server import place
from havre.operations.server.place import Share

_ENGINE_TIMEOUT = 10


@dataclass(frozen=True)
class Uninstaller:
    """A removal of Havre from this server."""

    config: Config
    asked: Removal
    share: Share

    def plan(self) -> Plan:
        """What there is to remove."""
        return installation.removal(self.asked, self._present(), user=self.config.web_user)

    def _present(self) -> Present:
        files = [*(Path(path) for path in self.share), Path(installation.COMMAND)]
        files += [Path(place.UNIT_FOLDER / name) for name in systemd.UNITS]
        kept = [self.config.state, Path(installation.SETTINGS).parent, local_authority.TRUSTED]
        return Present(
            files=tuple(str(file) for file in files if file.is_symlink() or file.exists()),
            versions=Path(installation.VERSIONS.parent).exists(),
            kept=tuple(str(folder) for folder in kept if folder.exists()),
            has_account=self.config.web_user in debian.accounts(),
            is_running=place.manager(self.config).is_running(),
            services=self._services(),
            is_root=os.geteuid() == 0,
        )

    def _services(self) -> int | None:
        try:
            return len(Engine(self.config.docker_host, timeout=_ENGINE_TIMEOUT).snapshot().services)
        except (HavreError, OSError):
            return None

    def execute(self, plan: Plan, *, report: Callable[[Action], None]) -> None:
        """Do what a plan says.

        Raises:
            HavreError: an action failed; run again, it goes on with what is left.
        """
        for action in plan.actions:
            report(action)
            try:
                self._do(action)
            except OSError as error:
                raise HavreError(
                    f"{action}: {error.strerror}: {error.filename}", hint="run the command again"
                ) from error
        if systemd.is_running():
            systemd.Systemd().reload()

    def _do(self, action: Action) -> None:
        doing: dict[Kind, Callable[[], None]] = {
            Kind.STOP: self._stop,
            Kind.APPLICATIONS: lambda: remove_applications(self.config, volumes=self.asked.purge),
            Kind.REMOVE: lambda: _remove(Path(action.subject)),
            Kind.REMOVE_ACCOUNT: lambda: debian.remove_account(action.subject),
        }
        doing[action.kind]()

    def _stop(self) -> None:
        manager = place.manager(self.config)
        if isinstance(manager, systemd.Systemd):
            manager.disable()
        elif isinstance(manager, Serve):
            manager.end()


def _remove(path: Path) -> None:
    if path == local_authority.TRUSTED:
        local_authority.untrust()
        return
    if path.is_dir() and not path.is_symlink():
        if path == Path(installation.VERSIONS.parent):
            versions.remove(Path(installation.VERSIONS))
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_applications(config: Config, *, volumes: bool) -> None:
    """Remove every service, network and secret that Havre made, and with ``volumes`` all data.

    Raises:
        EngineError: the engine refused.
    """
    engine = Engine(config.docker_host)
    managed = {naming.MANAGED: "true"}
    for service in engine.snapshot().services:
        engine.remove_service(service.name)
    for secret in engine.secrets(managed):
        engine.remove_secret(secret)
    for network in engine.networks(managed):
        networks.remove(engine, network)
    if volumes:
        for volume in engine.volumes(managed):
            engine.remove_volume(volume)
