"""Rebuild: an environment comes back from the off-site storage, as its live release says.

Images, volumes and databases that are missing are taken from there; what is there stays. Then the live
release is started and proven, as in a deployment. ``havre rebuild`` brings the records back before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from havre.adapters.swarm.toolbox import Mount
from havre.domain import naming, times
from havre.domain.continuity import archive, rebuilding, saving
from havre.domain.continuity.archive import Snapshot
from havre.errors import BackupError
from havre.manifest import PostgresService
from havre.operations import data_services, platform
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity.archive import Archive, offsite_place
from havre.operations.continuity.check_archive import asker, labels
from havre.operations.continuity.live import live_composition
from havre.operations.continuity.storage import Storage
from havre.operations.continuity.view import databases
from havre.operations.continuity.volumes import path_of, restore_volume, volumes_of
from havre.operations.database_versions import versions
from havre.operations.restore import Restore
from havre.operations.rollout import Rollout
from havre.operations.routing import TRAEFIK_IMAGE
from havre.operations.workloads import Composition
from havre.records import continuity, queries, returning
from havre.records import saving as saved
from havre.records.models import Event, Release

_RESTORE_STEPS: Final = ("plan", "restore", "swap", "start", "protect")


def runbook(run: Run) -> Runbook:
    """The steps of a rebuild; each looks what is there, so it may be run any number of times."""
    rebuild = Rebuild(run)
    return Runbook(
        steps=(
            Step("look", "See what is missing", rebuild.look),
            Step("images", "Bring the images back", rebuild.images),
            Step("release", "Choose the newest release that is whole", rebuild.release),
            Step("router", "Start the router", rebuild.router),
            Step("volumes", "Bring the volumes back", rebuild.volumes),
            Step("databases", "Restore the databases to the newest moment", rebuild.databases),
            Step("data", "Start databases and caches", rebuild.data),
            *(step for step in rebuild.rollout.switch_steps if step.name != "shift"),
        ),
        undo=rebuild.undo,
    )


class Rebuild:
    """One rebuild of one environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._engine = run.platform.engine
        self._composition: Composition | None = None
        self.rollout = Rollout(run)
        if run.environment.current_release:
            self.rollout.take(run.environment.current_release)

    @property
    def composition(self) -> Composition:
        """The live release as workloads."""
        if self._composition is None:
            self._composition = live_composition(self.run)
        return self._composition

    # Steps

    def look(self) -> str:
        """Decided once: a later run of this operation brings back the same."""
        if "missing" in self.run.operation.result:
            return "as found before"
        self.run.remember(release=self.composition.release.number, **self._found(self.composition))
        return ", ".join(f"{len(found)} {what}" for what, found in self._missing.items())

    def images(self) -> str:
        """From the archive, without a registry. Those named by a registry's digest are named by id then."""
        wanted = self._missing["images"]
        if not wanted:
            return "they are here"
        with self.run.logging_as("platform"):
            platform.ensure_tool(self.run.platform, "backup", asker(self.run))
        ids = saved.image_ids(self.run.environment)
        if self._absent([ids.get(name, name) for name in wanted]) and not self._lost:
            with self._archive() as there:
                found = self._snapshot(there, archive.images_tag(str(self.run.environment)))
                self.run.tell(f"{found.size / 1e6:.0f} MB of {times.shown(found.made_at)}")
                there.load_images(found.id)
        self._name_by_id(ids)
        never = len(self._absent([ids.get(name, name) for name in wanted]))
        told = f"{len(wanted) - never} images"
        return f"{told}; {never} were not saved before the loss" if never else told

    def release(self) -> str:
        """The live one; the newest one before it where that was lost before its images were saved."""
        if not self._lost:
            release = self.composition.release
            absent = self._absent(_images_of(release))
            if not absent:
                return f"release {release.number}, which was live"
            served = queries.served_releases(self.run.environment)
            live = _served(release)
            whole = [_served(each) for each in served if not self._absent(_images_of(each))]
            number = rebuilding.next_best(live, whole)
            if number is None:
                why = rebuilding.why_none(live, whole)
                raise BackupError(
                    f"images of release {release.number} are not in the archive: {', '.join(absent)}"
                    + (f"; {why}" if why else ""),
                    hint="it was lost before it was saved: deploy its commit again, or roll back",
                )
            older = Composition.of(
                self.run.platform.config, queries.release_numbered(self.run.environment, number)
            )
            changed = queries.releases_that_changed_data(self.run.environment, since=number)
            self.run.remember(
                release=number,
                lost_release=release.number,
                newer_data=rebuilding.newer_data(changed),
                **self._found(older),
            )
        returning.serve_instead(self.run.environment, self.run.operation.result["release"])
        self._look_again()
        lost = self.run.environment.releases.get(number=self._lost)
        told = f"release {self.composition.release.number}: release {self._lost} was lost before it was saved"
        if newer := self.run.operation.result.get("newer_data"):
            told += f"; {newer}"
        self.run.log(f"{told}; deploy it again: havre deploy --ref {lost.commit[:12]}")
        return told

    def router(self) -> str:
        """It answers for every environment of this server."""
        change = platform.ensure_router(self.run.platform, wait=self.run.wait)
        return f"it was {change}" if change else "it runs"

    def volumes(self) -> str:
        """Files as they were when they were saved last."""
        names: list[str] = self._missing["volumes"]
        done: list[str] = self.run.operation.result.get("volumes", [])
        if not names:
            return "they are here, or there are none"
        told = []
        marks = naming.labels(self.run.project, self.run.environment.name)
        mounts = [Mount(name, path_of(name), read_only=False, labels=marks) for name in names]
        with self._archive(mounts) as there:
            found = there.snapshots()
            for name in names:
                if name not in done:
                    saved_last = archive.newest(found, archive.volume_tag(name))
                    told.append(restore_volume(self.run, there, name, saved_last))
                    done = [*done, name]
                    self.run.remember(volumes=done)
        return "; ".join(told) or "done before"

    def databases(self) -> str:
        """Each to the newest moment that its repository elsewhere has."""
        names: list[str] = self._missing["databases"]
        if not names:
            return "they are here, or there are none"
        data_services.ground(self.run, self.composition)
        workloads = self.composition.data()
        for name in names:
            if not self._engine.has_service(workloads[name].name):
                # Without a task: an empty cluster must not get near the archive of the lost one.
                self._engine.ensure_service(replace(workloads[name], replicas=0))
        for name in names:
            restore = Restore(self.run, part=name)
            acts: dict[str, Callable[[], str]] = {each: getattr(restore, each) for each in _RESTORE_STEPS}
            for part, act in acts.items():
                if not self._is_done(name, part):
                    self.run.part(f"{part} {name}", f"{name}: {part}")
                    act()
                    self._note(name, part)
        return "; ".join(f"{name}: {self._newest_commit(name)}" for name in names)

    def data(self) -> str:
        """Caches too, and databases that have no backups."""
        return self.rollout.prepare_data()

    def undo(self) -> str:
        """What came back stays; a database that did not come back whole is as missing as before."""
        self._engine.remove_containers(labels(self.run))
        if "missing" not in self.run.operation.result:
            return "nothing had been changed"
        for name in set(self._missing["volumes"]) - set(self.run.operation.result.get("volumes", [])):
            if name in self._engine.volumes(naming.labels(self.run.project, self.run.environment.name)):
                self._engine.remove_volume(name)
        for name in self._missing["databases"]:
            if self._is_done(name, "start"):
                continue
            swarm_name = self.composition.data()[name].name
            if self._engine.has_service(swarm_name):
                Restore(self.run, part=name).give_up()
                self._engine.remove_service(swarm_name)
        return "what came back stays; ask for the rebuild again to go on"

    # What is needed for that

    @property
    def _missing(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.operation.result["missing"]
        return found

    @property
    def _lost(self) -> int:
        """The number of the release that was live, where another one comes back instead of it; else 0."""
        return int(self.run.operation.result.get("lost_release") or 0)

    def _found(self, composition: Composition) -> dict[str, Any]:
        """What a release needs that is not here."""
        release, known = composition.release, databases(composition)
        there = set(self._engine.volumes(naming.labels(self.run.project, self.run.environment.name)))
        lost = [
            name
            for name, workload in composition.data().items()
            if isinstance(composition.spec.services[name], PostgresService)
            and not self._engine.has_service(workload.name)
        ]
        unsaved = sorted(set(lost) - set(known))
        if unsaved:
            self.run.log(f"without backups, so empty from now on: {', '.join(unsaved)}")
        missing = {
            "images": self._absent(_images_of(release)),
            "volumes": [name for name in volumes_of(self.run.environment, release) if name not in there],
            "databases": [name for name in lost if name in known],
        }
        return {"missing": missing, "unsaved": unsaved}

    def _absent(self, images: Iterable[str]) -> list[str]:
        return [name for name in images if not self._engine.image_id(name)]

    @contextmanager
    def _archive(self, mounts: list[Mount] | None = None) -> Iterator[Archive]:
        row = continuity.newest_storage()
        if row is None:
            raise BackupError("there is no off-site storage", hint="havre backup storage set")
        storage = Storage.opened(self.run.platform.config, row)
        self.run.redact.hide([storage.keys.key, storage.keys.secret, storage.keys.passphrase])
        with Archive.opened(
            self._engine,
            offsite_place(storage),
            labels=labels(self.run),
            mounts=mounts or [],
            writes=bool(mounts),
        ) as opened:
            yield opened

    def _snapshot(self, there: Archive, tag: str) -> Snapshot:
        found = archive.newest(there.snapshots(), tag)
        if found is None:
            raise BackupError(
                f"the archive has no images of {self.run.environment}",
                hint="deploy its commit again: havre deploy",
            )
        return found

    def _name_by_id(self, ids: dict[str, str]) -> None:
        """No registry is asked for what came back: the engine knows it by its id only."""
        here = {name: number for name, number in ids.items() if not self._engine.image_id(name)}
        for release in queries.served_releases(self.run.environment):
            if (named := saving.renamed(release.images, here)) != release.images:
                Release.objects.filter(pk=release.pk).update(images=named)
        self._look_again()

    def _look_again(self) -> None:
        """The release to go to is another one, or was written anew."""
        self.run.environment.refresh_from_db()
        self._composition = None
        if self.run.environment.current_release:
            self.rollout.take(self.run.environment.current_release)

    def _is_done(self, name: str, part: str) -> bool:
        return part in self.run.operation.result.get("parts", {}).get(name, [])

    def _note(self, name: str, part: str) -> None:
        parts: dict[str, list[str]] = self.run.operation.result.get("parts", {})
        self.run.remember(parts={**parts, name: [*parts.get(name, []), part]})

    def _newest_commit(self, name: str) -> str:
        """By the log of its replay; stored, for it tells what was lost."""
        commits: dict[str, str | None] = self.run.operation.result.get("commits", {})
        if name not in commits:
            self.run.flush()
            lines = Event.objects.filter(
                operation=self.run.operation, kind="log", data__source=f"restore {name}"
            ).order_by("id")
            found = rebuilding.newest_commit(str(line.data.get("line", "")) for line in lines)
            commits = {**commits, name: found.isoformat() if found else None}
            self.run.remember(commits=commits)
        return f"newest commit {commits[name] or 'in its last copy'}"


def _served(release: Release) -> rebuilding.Served:
    return rebuilding.Served(release.number, versions(release))


def _images_of(release: Release) -> list[str]:
    """What it takes to serve a release."""
    return sorted({*release.images.values(), TRAEFIK_IMAGE})
