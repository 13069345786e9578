"""Rebuild this server: Havre's own state comes back from the off-site storage, by the recovery kit.

Then each environment comes back by an operation of its own (:mod:`havre.operations.rebuild`). The journal
``STATE/rebuild.json`` is there until all of them did, so that a rebuild whose process died goes on.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from havre.adapters.buildkit.platform import prepare
from havre.adapters.serving import health
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.toolbox import Mount
from havre.config import Config
from havre.domain import installation, naming, times
from havre.domain.continuity import archive
from havre.domain.continuity.archive import Place
from havre.domain.continuity.kit import Kit
from havre.errors import BackupError, HavreError, ServerError, UsageError
from havre.operations.continuity.archive import Archive, trusted
from havre.operations.server import backup, place
from havre.operations.set_up import ROUTER_UID, set_up, web_ids
from havre.records.opening import open_records

_PATIENCE: Final = 120.0
_TICK: Final = 0.2
_STATE: Final = "/state"
_TARGET: Final = "/restored"
_JOURNAL: Final = "rebuild.json"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Journal:
    """How far a rebuild is.

    Attributes:
        kit: the mark of its kit.
        started_at: when it began first.
        is_placed: the state is in its place, and prepared.
        operations: number of the operation that brings each environment back.
        steps: what was done, each with its seconds.
        hosts: names under which the environments are reached.
    """

    kit: str
    started_at: str
    is_placed: bool = False
    operations: dict[str, int] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, config: Config) -> Journal | None:
        """The one of a rebuild that did not end; None if there is none."""
        try:
            return cls(**json.loads((config.state / _JOURNAL).read_text()))
        except FileNotFoundError:
            return None

    def write(self, config: Config) -> None:
        """Write it, for good."""
        draft = config.state / f".{_JOURNAL}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(asdict(self), stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(config.state / _JOURNAL)

    @property
    def seconds(self) -> float:
        """Since it began first."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.started_at)).total_seconds()


def place_of(kit: Kit) -> Place:
    """The archive that a kit opens."""
    return archive.elsewhere(kit.place, kit.keys, trusted(kit.ca))


def read_with(config: Config, kit: Kit, *, report: Report) -> archive.Snapshot:
    """The newest state in the archive, read with exactly what the kit holds.

    Raises:
        BackupError: the archive cannot be opened, or has no state.
    """
    prepare(config.docker_host, report=report, only=("backup",))
    with Archive.opened(Engine(config.docker_host), place_of(kit), labels=_labels("kit")) as there:
        found = archive.newest(there.snapshots(), archive.STATE)
    if found is None:
        raise BackupError(
            f"{kit.place.place} has no state of a Havre yet", hint="save it first: havre backup now"
        )
    return found


class Rebuilding:
    """One rebuild of this server, up to the operations that bring its environments back."""

    def __init__(self, config: Config, kit: Kit, *, report: Report) -> None:
        self._config = config
        self._kit = kit
        self._report = report
        self._engine = Engine(config.docker_host)

    def begin(self) -> Journal:
        """Have the state in its place, Havre running, and an operation for each environment.

        Raises:
            UsageError: this server is not empty, or no Havre runs on it.
            HavreError: a step failed; the same command goes on there.
        """
        journal = self._journal()
        if not journal.is_placed:
            self._engine.require_swarm()
            journal = self._timed(journal, "read the archive", self._read)
            journal = self._timed(journal, "bring Havre's state back", self._bring_state)
            journal = self._prepared(journal)
            journal.write(self._config)
        manager = place.manager(self._config)
        if not health(self._config.paths).is_well:
            journal = self._timed(journal, "start Havre", lambda: self._start(manager))
            journal.write(self._config)
        return journal

    def end(self) -> None:
        """It is complete."""
        (self._config.state / _JOURNAL).unlink(missing_ok=True)

    # Its steps

    def _journal(self) -> Journal:
        if place.manager(self._config).name == "nobody":
            raise UsageError(
                "no Havre runs on this server",
                hint="install and start it first: havre server install, or havre serve",
            )
        found = Journal.read(self._config)
        if found:
            if found.kit != self._kit.mark:
                raise UsageError(
                    "a rebuild with another kit did not end here",
                    hint=f"go on with that kit, or give that rebuild up: rm {self._config.state / _JOURNAL}",
                )
            self._report("going on with the rebuild that was interrupted")
            return found
        open_records(self._config)
        from havre.records.models import Environment  # noqa: PLC0415 - after Django is set up

        if Environment.objects.exists():
            raise UsageError(
                "this server is not empty: it has environments of its own",
                hint="rebuild on a new one; a database alone comes back by havre restore",
            )
        journal = Journal(self._kit.mark, datetime.now(UTC).isoformat())
        journal.write(self._config)
        return journal

    def _read(self) -> str:
        self._snapshot = read_with(self._config, self._kit, report=self._report)
        return f"state of {times.shown(self._snapshot.made_at)}"

    def _bring_state(self) -> str:
        from django.db import connections  # noqa: PLC0415 - after Django is set up

        draft = Path(tempfile.mkdtemp(prefix=".rebuild-", dir=self._config.state))
        try:
            mount = Mount(str(draft), _TARGET, read_only=False)
            with Archive.opened(
                self._engine, place_of(self._kit), labels=_labels("rebuild"), mounts=[mount], writes=True
            ) as there:
                there.restore_folder(self._snapshot.id, _STATE, _TARGET)
            place.manager(self._config).stop()
            with suppress(HavreError):
                connections.close_all()
            _put_in_place(self._config, draft)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return "database, keys, certificates"

    def _prepared(self, journal: Journal) -> Journal:
        """What was under way when the server was lost is over; each environment is to come back."""
        set_up(self._config, web_ids=web_ids(self._config))
        open_records(self._config)
        from havre.records import returning  # noqa: PLC0415 - after Django is set up

        operations, hosts = returning.prepare()
        return replace(journal, is_placed=True, operations=operations, hosts=hosts)

    def _start(self, manager: place.ServiceManager) -> str:
        manager.start()
        deadline = time.monotonic() + _PATIENCE
        while not health(self._config.paths).is_well:
            if time.monotonic() > deadline:
                raise ServerError("Havre does not become well", hint="see its log, then run this again")
            time.sleep(_TICK)
        return manager.name

    def _timed(self, journal: Journal, what: str, act: Callable[[], str]) -> Journal:
        self._report(f"{what} …")
        began = time.monotonic()
        told = act()
        row = {"what": what, "environment": "", "seconds": time.monotonic() - began, "told": told}
        self._report(f"{what}: {told}")
        return replace(journal, steps=[*journal.steps, row])


def _labels(what: str) -> dict[str, str]:
    """Labels of a container that belongs to no operation."""
    return {naming.ROLE: f"archive-{what}"}


def _put_in_place(config: Config, draft: Path) -> None:
    """The restored files take the place of those of an empty Havre, which does not run now."""
    try:
        for folder, name in backup.folders(config).items():
            if (draft / name).is_dir():
                shutil.copytree(draft / name, folder, dirs_exist_ok=True)
        if os.geteuid() == 0:
            for path in config.paths.traefik_acme.rglob("*"):
                os.chown(path, ROUTER_UID, ROUTER_UID)
        settings = Path(installation.SETTINGS)
        if (draft / settings.name).exists() and not _has_settings(settings):
            settings.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(draft / settings.name, settings)
    except OSError as error:
        raise ServerError(
            f"the state could not be put in place: {error}", hint="is the disk full?"
        ) from error
    backup.put_back(config, draft)


def _has_settings(path: Path) -> bool:
    try:
        return bool(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False
