"""Upgrade this server: rehearse on a copy, stop, back up, switch, migrate, start, prove; or roll back.

Applications do not notice: Swarm keeps their tasks, Traefik keeps their routes, and both go on
without Havre. What stops for some seconds is deploying. A step's failure before the stop changes
nothing; one after it brings back the version and the database from before. The journal
``STATE/backups/upgrade.json`` is there while it is uncertain which version runs, so that an
upgrade whose own process died is rolled back by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from packaging.version import Version

from havre.adapters import versions
from havre.adapters.serving import health, worker_pid
from havre.config import Config
from havre.domain import installation
from havre.errors import HavreError, ServerError, UsageError
from havre.operations.server import backup, place
from havre.operations.server.place import ServiceManager

_SETUP_TIMEOUT: Final = 600.0
_PATIENCE: Final = 90.0  # seconds in which a version has to become well
_DEATHS: Final = 3  # workers one after the other, of a version that does not become well
_PROOF: Final = 4.0  # seconds for which it has to stay so, with the same worker
_CURRENT: Final = Path(installation.CURRENT)
_VERSIONS: Final = Path(installation.VERSIONS)

Report = Callable[[str], None]


class RolledBack(HavreError):  # noqa: N818 - it is an outcome, like Cancelled
    """An upgrade failed, and the version from before runs again."""


@dataclass(frozen=True)
class Journal:
    """What is under way: enough to undo it. ``copy`` is empty until the state was copied."""

    before: str
    after: str
    was_running: bool
    copy: str = ""

    @classmethod
    def read(cls, config: Config) -> Journal | None:
        """The journal of an upgrade that did not end; None if there is none."""
        try:
            return cls(**json.loads(_journal(config).read_text()))
        except FileNotFoundError:
            return None

    def write(self, config: Config) -> None:
        """Write it, for good, before the first change."""
        file = _journal(config)
        draft = file.with_suffix(".draft")
        with draft.open("w") as stream:
            json.dump(asdict(self), stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(file)


def _journal(config: Config) -> Path:
    return backup.folder(config) / "upgrade.json"


@dataclass(frozen=True)
class Target:
    """What to upgrade to."""

    wheel: Path
    version: str
    before: str


@contextmanager
def target(to: str) -> Iterator[Target]:
    """The wheel that is meant: a file, a version to fetch, or the newest if nothing is said.

    Raises:
        UsageError: it is not newer than what is installed, or nothing is installed here.
        HavreError: it could not be fetched.
    """
    before = versions.linked(_CURRENT)
    if not before:
        raise UsageError("Havre is not installed by `havre server install` here", hint="do that first")
    with tempfile.TemporaryDirectory(prefix="havre-upgrade-") as folder:
        is_file = to.endswith(".whl") or "/" in to
        wanted = f"{versions.NAME}=={to}" if to else versions.NAME
        wheel = Path(to).absolute() if is_file else versions.fetch(wanted, Path(folder))
        version = versions.version_of(wheel)
        if version <= Version(before):
            same = version == Version(before)
            raise UsageError(
                f"{version} is installed already" if same else f"{version} is older than {before}",
                hint="" if same else "a database does not go back: uninstall, and put a backup back by hand",
            )
        yield Target(wheel, str(version), before)


def steps(wanted: Target, manager: ServiceManager) -> list[str]:
    """What an upgrade will do, in words."""
    after = wanted.version
    return [
        f"install {after} beside {wanted.before}, in {_VERSIONS / after}",
        "rehearse the migration on a copy of the database",
        f"stop web and worker ({manager.name}); applications go on",
        "back up database, keys, certificates and settings",
        f"switch {_CURRENT} to {after} and migrate",
        "start, and prove for some seconds that web and worker are well",
        f"if anything fails: back to {wanted.before} and its database",
    ]


def settle_interrupted(config: Config, report: Report) -> bool:
    """Roll back an upgrade whose own process died; True if there was one.

    The version that runs this code may be the one that was taken away: go on as the current one.

    Raises:
        ServerError: that failed.
    """
    journal = Journal.read(config)
    if journal:
        report(f"an upgrade to {journal.after} was interrupted: going back to {journal.before}")
        _roll_back(config, place.manager(config), journal, report)
    return journal is not None


def go_on_as_current(arguments: list[str]) -> NoReturn:
    """Become the current version's command, with these arguments."""
    program = str(_CURRENT / "bin" / "havre")
    os.execv(program, [program, *arguments])  # noqa: S606 - our own program and arguments


def upgrade(config: Config, wanted: Target, *, report: Report) -> Path:
    """Do it; the directory of the state's copy.

    Raises:
        RolledBack: it failed after the stop, and the version from before runs again.
        ServerError: it failed and could not be rolled back.
        HavreError: it failed before anything was changed.
    """
    manager = place.manager(config)
    was_running = manager.is_running()
    if not was_running and (worker_pid(config.paths) or health(config.paths).answers):
        raise UsageError(
            "Havre runs here, but neither by systemd nor by `havre serve`, so it cannot be stopped",
            hint="stop web and worker yourself for as long as the upgrade takes",
        )
    after = _VERSIONS / wanted.version
    report(f"installing {wanted.version} in {after}")
    versions.make(after, wanted.wheel)
    report("rehearsing the migration on a copy of the database")
    try:
        _rehearse(config, after)
    except (HavreError, OSError, sqlite3.Error) as error:
        versions.remove(after)
        raise HavreError(
            f"{wanted.version} cannot take over this database; nothing was changed: {_told(error)}",
            hint="report it with the lines above",
            detail=error.detail if isinstance(error, HavreError) else "",
        ) from error
    backup.folder(config).mkdir(mode=0o700, exist_ok=True)
    journal = Journal(wanted.before, wanted.version, was_running)
    journal.write(config)
    try:
        report(f"stopping web and worker ({manager.name})")
        manager.stop()
        report("backing up the state")
        copy = backup.make(config, wanted.before)
        journal = replace(journal, copy=copy.name)
        journal.write(config)
        report(f"switching to {wanted.version} and migrating")
        _switch(after, manager)
        versions.run(_CURRENT, ["havre.interfaces.server", "set-up"], timeout=_SETUP_TIMEOUT)
        if was_running:
            report("starting web and worker")
            _start(config, manager, wanted.version)
    except (HavreError, OSError) as error:
        report(f"it failed: {_told(error)}")
        _roll_back(config, manager, journal, report)
        raise RolledBack(
            f"the upgrade to {wanted.version} failed and was rolled back: {_told(error)}",
            hint=f"{wanted.before} is back, with its database; copies are in {backup.folder(config)}",
            detail=error.detail if isinstance(error, HavreError) else "",
        ) from error
    _journal(config).unlink()
    _tidy(config, keep={wanted.before, wanted.version})
    return copy


def _rehearse(config: Config, version: Path) -> None:
    """Let a version set up a state of its own, with a copy of the database."""
    if config.database_url:
        return
    state = Path(tempfile.mkdtemp(prefix=".rehearsal-", dir=config.state))
    try:
        shutil.copytree(config.paths.keys, state / "keys")
        (state / "db").mkdir()
        backup.copy_database(config.paths.database, state / "db" / config.paths.database.name)
        environment = {**os.environ, "HAVRE_STATE": str(state)}
        versions.run(
            version, ["havre.interfaces.server", "set-up"], environment=environment, timeout=_SETUP_TIMEOUT
        )
    finally:
        shutil.rmtree(state, ignore_errors=True)


def _switch(version: Path, manager: ServiceManager) -> None:
    """Make a version the current one, with its own units, completion and manual page."""
    versions.link(_CURRENT, version)
    versions.run(version, ["havre.interfaces.cli.share"], timeout=_SETUP_TIMEOUT)
    manager.reload()


def _start(config: Config, manager: ServiceManager, version: str) -> None:
    """Start a version, and see it well for some seconds with one and the same worker."""
    began = time.monotonic()
    manager.start()
    well_since, worker = 0.0, 0
    workers: set[int] = set()
    while time.monotonic() - began < _PATIENCE and len(workers) < _DEATHS:
        time.sleep(0.2)
        told, pid, now = health(config.paths), worker_pid(config.paths), time.monotonic()
        workers |= {pid} - {0}
        # A sign of life that is older than this start came from the worker before.
        is_new = told.worker_seen is not None and told.worker_seen < now - began
        if not (told.is_well and is_new and told.version == version and pid):
            well_since = 0.0
        elif not well_since or pid != worker:
            well_since, worker = now, pid
        elif now - well_since >= _PROOF:
            return
    told = health(config.paths)
    what = "the worker does not stay alive" if told.answers else "web does not answer"
    raise ServerError(
        f"{version} was started but is not well: {what}", hint="see: journalctl -u havre-worker -u havre-web"
    )


def _told(error: Exception) -> str:
    return error.message if isinstance(error, HavreError) else str(error)


def _roll_back(config: Config, manager: ServiceManager, journal: Journal, report: Report) -> None:
    """Bring back the version and the database from before. It may run again."""
    report(f"going back to {journal.before}")
    try:
        manager.stop()
        _switch(_VERSIONS / journal.before, manager)
        if journal.copy:
            backup.put_back(config, backup.folder(config) / journal.copy)
        versions.run(_CURRENT, ["havre.interfaces.server", "set-up"], timeout=_SETUP_TIMEOUT)
        if journal.was_running:
            _start(config, manager, journal.before)
    except (HavreError, OSError) as error:
        raise ServerError(
            f"{journal.before} could not be brought back: {_told(error)}",
            hint=f"run havre server upgrade again; the copy of the state is {journal.copy or 'not needed'}",
        ) from error
    _journal(config).unlink()
    versions.remove(_VERSIONS / journal.after)


def _tidy(config: Config, *, keep: set[str]) -> None:
    for version in versions.installed(_VERSIONS) - keep:
        versions.remove(_VERSIONS / version)
    backup.prune(config)
