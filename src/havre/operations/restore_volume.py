"""Restore one volume: its files return to what the archive has; what they were is saved first.

Whoever uses the volume is stopped for as long as writing it takes, and started again. Nothing in restic
changes files that are alike, so that is quick where little differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from havre.adapters.swarm.toolbox import Mount
from havre.domain import naming
from havre.domain.continuity import archive
from havre.domain.continuity.archive import Place, Snapshot
from havre.domain.continuity.repositories import Repository
from havre.domain.snapshot import ENDED
from havre.domain.times import shown
from havre.errors import BackupError, UsageError
from havre.manifest import AppService, RedisService
from havre.operations import platform
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import check_archive
from havre.operations.continuity.archive import Archive
from havre.operations.continuity.live import live_composition
from havre.operations.continuity.volumes import path_of, volumes_of
from havre.records import saving

_SAVED_WITHIN: Final = 3600.0
_STOPS_WITHIN: Final = 300.0
_STARTS_WITHIN: Final = 600.0
_POLL: Final = 0.3


def runbook(run: Run) -> Runbook:
    """The steps; of a dry run, the first one only."""
    restore = RestoreVolume(run)
    look = Step("plan", "Find the copy", restore.plan)
    if run.operation.params.get("dry_run"):
        return Runbook(steps=(look,), undo=lambda: "nothing had been changed")
    return Runbook(
        steps=(
            look,
            Step("stop", "Stop who uses the volume", restore.stop),
            Step("keep", "Save what is there now", restore.keep),
            Step("restore", "Write the files", restore.restore),
            Step("start", "Start who uses it", restore.start),
        ),
        undo=restore.undo,
    )


class RestoreVolume:
    """One restore of one volume, in place."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._engine = run.platform.engine

    # Steps

    def plan(self) -> str:
        """Decided once: a later run of this operation takes the same copy.

        Raises:
            UsageError: there is no such volume, or no copy of it from then.
        """
        if "plan" in self.run.operation.result:
            return "as planned before"
        with self.run.logging_as("platform"):
            platform.ensure_tool(self.run.platform, "backup", check_archive.asker(self.run))
        name, users = self._named()
        place, found = self._find(name)
        kept = f"what it holds now is saved before, as replaced:{name}, until `havre restore --confirm`"
        who = ", ".join(users) or "nobody"
        made = f"{shown(found.made_at)}, {found.size / 1e6:.1f} MB, from the {place.repository} repository"
        plan: dict[str, Any] = {
            "volume": name,
            "repository": place.repository.value,
            "snapshot": found.id,
            "size": found.size,
            "users": users,
            "steps": [
                f"stop {who}; {kept}",
                f"write the files of {name} as they were on {made}; what came later goes",
                f"start {who} again",
            ],
        }
        self.run.remember(service=name, plan=plan)
        return f"{found.id[:8]} of {shown(found.made_at)}, {place.repository}"

    def stop(self) -> str:
        """Nothing may write while files change."""
        users: dict[str, int] = self._plan["users"]
        for _ in self.run.wait(every=_POLL, at_most=_SAVED_WITHIN):
            if not saving.is_being_saved(self.run.environment):
                break
            self.run.tell("the volumes are being saved")
        for name in users:
            self._engine.scale(name, 0)
        for _ in self.run.wait(every=_POLL, at_most=_STOPS_WITHIN):
            if all(task.state in ENDED for task in self._engine.tasks_of(list(users))) or not users:
                return ", ".join(users) or "nobody uses it"
        raise BackupError(f"{', '.join(users)} did not stop", retryable=True)

    def keep(self) -> str:
        """On this server, where it stays until it is confirmed."""
        if "kept" in self.run.operation.result:
            return "saved before"
        with self._opened(archive.local()) as here:
            check_archive.ready(self.run, here)
            report = here.save_folder(self._path, archive.replaced_tag(self._plan["volume"]))
        self.run.remember(kept=report.snapshot)
        return f"{report.snapshot[:8]}, {report}"

    def restore(self) -> str:
        """As they were then; what is there and is not in the copy goes."""
        place = self._places[Repository(self._plan["repository"])]
        with self._opened(place, writes=True) as there:
            there.restore_folder(self._plan["snapshot"], self._path, self._path)
        return f"{self._plan['size'] / 1e6:.1f} MB"

    def start(self) -> str:
        """Until its tasks run; requests reach them again."""
        users: dict[str, int] = self._plan["users"]
        for name, replicas in users.items():
            self._engine.scale(name, replicas)
        for _ in self.run.wait(every=_POLL, at_most=_STARTS_WITHIN):
            running = [task for task in self._engine.tasks_of(list(users)) if task.is_running]
            if len(running) >= sum(users.values()):
                return f"what was there before is kept: {self.run.operation.result.get('kept', '')[:8]}"
        raise BackupError(f"{', '.join(users)} did not start again", hint="havre ps, havre logs")

    def undo(self) -> str:
        """The files are what they were, and who uses them runs."""
        if "plan" not in self.run.operation.result:
            return "nothing had been changed"
        check_archive.stop(self.run)
        kept = self.run.operation.result.get("kept")
        if kept:
            self.stop()
            with self._opened(archive.local(), writes=True) as here:
                here.restore_folder(kept, self._path, self._path)
        self.start()
        return "the files are what they were"

    # What is needed for that

    @property
    def _plan(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.operation.result["plan"]
        return found

    @property
    def _path(self) -> str:
        return path_of(self._plan["volume"])

    @property
    def _places(self) -> dict[Repository, Place]:
        return {place.repository: place for place in check_archive.places(self.run)}

    def _named(self) -> tuple[str, dict[str, int]]:
        """The volume as the engine knows it, and the Swarm services that use it, with their tasks."""
        composition, release = live_composition(self.run), self.run.environment.current_release
        prefix = naming.environment_name(self.run.project, self.run.environment.name)
        wanted, name = self.run.operation.params["volume"], f"{prefix}-{self.run.operation.params['volume']}"
        known = volumes_of(self.run.environment, release) if release else []
        if name not in known:
            names = ", ".join(each.removeprefix(f"{prefix}-") for each in known) or "none"
            raise UsageError(
                f"{self.run.environment} saves no volume {wanted}",
                hint=f"those are: {names}; a database is restored by --service",
            )
        users = {}
        for service, spec in composition.spec.services.items():
            if isinstance(spec, AppService) and wanted in {volume.name for volume in spec.volumes}:
                workload = composition.applications()[service]
            elif isinstance(spec, RedisService) and service == wanted:
                workload = composition.data()[service]
            else:
                continue
            if self._engine.has_service(workload.name):
                users[workload.name] = workload.replicas
        return name, users

    def _find(self, name: str) -> tuple[Place, Snapshot]:
        """The newest copy that is not of after the wanted moment, here if there is one here."""
        params = self.run.operation.params
        at = datetime.fromisoformat(params["at"]) if params.get("at") else None
        tags = {archive.volume_tag(name), *([archive.replaced_tag(name)] if at else [])}
        for repository, place in self._places.items():
            if params.get("repository") in {None, repository.value}:
                with self._opened(place, name) as there:
                    found = [
                        each
                        for each in (there.snapshots() if there.is_there() else ())
                        if each.tag in tags and each.made_at <= (at or timezone.now())
                    ]
                if found:
                    return place, found[-1]
        when = f" of {shown(at)} or before" if at else ""
        raise UsageError(f"there is no copy of {name}{when}", hint="havre backup now makes one")

    @contextmanager
    def _opened(self, place: Place, name: str = "", *, writes: bool = False) -> Iterator[Archive]:
        volume = name or self._plan["volume"]
        with Archive.opened(
            self._engine,
            place,
            labels=check_archive.labels(self.run),
            mounts=[Mount(volume, path_of(volume), read_only=not writes)],
            writes=writes,
            watch=self._watch,
            patience=self.run.platform.config.storage_patience,
        ) as opened:
            yield opened

    def _watch(self, message: str) -> None:
        self.run.checkpoint()
        if message:
            self.run.tell(message)


def forget_replaced(run: Run) -> list[str]:
    """Let go what restores of an environment's volumes replaced; the volumes."""
    release = run.environment.current_release
    names = volumes_of(run.environment, release) if release else []
    if not names:
        return []
    with run.logging_as("platform"):
        platform.ensure_tool(run.platform, "backup", check_archive.asker(run))
    with Archive.opened(
        run.platform.engine,
        archive.local(),
        labels=check_archive.labels(run),
        watch=lambda _: run.checkpoint(),
    ) as here:
        wanted = {archive.replaced_tag(name): name for name in names}
        found = [each for each in (here.snapshots() if here.is_there() else ()) if each.tag in wanted]
        if found:
            here.drop(*(each.id for each in found))
    return sorted({wanted[each.tag] for each in found})
