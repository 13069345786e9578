"""Save: what an environment is beside its databases, and Havre's own state, into the archive.

The images of its live release and of the one before, its volumes, and the state of this server: so that a
rebuild needs neither Git nor a registry. It runs beside whatever else happens, and changes nothing that runs.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from havre.adapters.swarm.toolbox import Mount
from havre.domain import naming, times
from havre.domain.continuity import archive, saving
from havre.domain.continuity.archive import Place
from havre.errors import BackupError, UsageError
from havre.operations import platform
from havre.operations.context import Run, Runbook, Step
from havre.operations.continuity import dates
from havre.operations.continuity.archive import Archive, Report
from havre.operations.continuity.check_archive import asker, labels, offsite, ready
from havre.operations.continuity.volumes import path_of, volumes_of
from havre.operations.routing import TRAEFIK_IMAGE
from havre.operations.server import backup
from havre.records import queries
from havre.records import saving as saved

_STATE: Final = "/state"


def runbook(run: Run) -> Runbook:
    """The steps of saving. Each may be run again: what is in the archive already is not sent twice."""
    save = Save(run)
    return Runbook(
        steps=(
            Step("look", "Find what is to be saved", save.look),
            Step("local", "Save volumes and state here", save.local),
            Step("images", "Save the images off-site", save.images),
            Step("volumes", "Save the volumes off-site", save.volumes),
            Step("state", "Save Havre's own state off-site", save.state),
            Step("forget", "Let go what is older than wanted", save.forget),
            Step("judge", "Say what is saved", save.judge),
        ),
        undo=save.undo,
    )


class Save:
    """One saving of one environment."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._engine = run.platform.engine
        self._offsite = offsite(run)

    # Steps

    def look(self) -> str:
        """Images by their ids, which no registry can change meanwhile; volumes by name."""
        if self.run.platform.config.database_url:
            raise UsageError(
                "the state is in a PostgreSQL of your own, which is not saved here",
                hint="save it yourself; HAVRE_DATABASE_URL says where it is",
            )
        run = self.run
        release = run.environment.current_release
        if release is None:
            raise UsageError(f"nothing is deployed in {run.environment}", hint="deploy first: havre deploy")
        with run.logging_as("platform"):
            platform.ensure_tool(run.platform, "backup", asker(run))
        if "images" in run.operation.result:
            return "as found before"
        before = queries.previous_release(run.environment)
        found = saving.contents(
            [release.images, *([before.images] if before else [])],
            volumes=volumes_of(run.environment, release),
            also=[TRAEFIK_IMAGE],
        )
        ids = {name: number for name in found.images if (number := self._engine.image_id(name))}
        missing = sorted(set(release.images.values()) - ids.keys())
        there = self._engine.volumes(naming.labels(run.project, run.environment.name))
        missing += sorted(set(found.volumes) - set(there))
        if missing or saved.is_coming_back(run.environment):
            # What is empty or half must not stand before what was saved whole.
            raise BackupError(
                f"not all of {run.environment} is here: {', '.join(missing) or 'it is being brought back'}",
                hint="bring it back: havre rebuild; or deploy again: havre deploy",
            )
        run.remember(release=release.number, images=ids, volumes=list(found.volumes))
        return f"{len(ids)} images, {len(found.volumes)} volumes, release {release.number}"

    def local(self) -> str:
        """A copy on this server, for what somebody deletes or spoils."""
        return self._unless_failed(archive.local(), self._save_here)

    def images(self) -> str:
        """Unless the same ones were saved before, and are there."""
        return self._unless_failed(self._offsite, self._save_images)

    def volumes(self) -> str:
        """Files as they are at this moment."""
        if not self.run.operation.result["volumes"]:
            return "there are none"
        return self._unless_failed(self._offsite, self._save_volumes)

    def state(self) -> str:
        """Last, so that whatever it names is in the archive."""
        return self._unless_failed(self._offsite, self._save_state)

    def forget(self) -> str:
        """Only where all that is new is complete. A failure here loses nothing; it is tried again."""
        doubt = dates.look(self.run.platform.config.paths.clock).doubt
        if doubt:
            return doubt
        told = []
        for place in filter(None, (archive.local(), self._offsite)):
            if place.repository in self._problems:
                told.append(f"{place.repository}: nothing is removed, for saving there failed")
                continue
            with self._opened(place) as opened:
                try:
                    told.append(f"{place.repository}: {opened.forget(saved.retentions(place.repository))}")
                except BackupError as error:
                    self.run.log(f"{place.repository}: {error.message}")
                    told.append(f"{place.repository}: {error.message}")
        return "; ".join(told)

    def judge(self) -> str:
        """One place that failed is a failure, and did not keep the other from being saved to."""
        problems = self._problems
        if problems:
            raise BackupError(
                "; ".join(f"{place}: {problem['message']}" for place, problem in problems.items()),
                hint=next((p["hint"] for p in problems.values() if p["hint"]), ""),
                detail="\n".join(p["detail"] for p in problems.values() if p["detail"]),
                retryable=True,
            )
        return "complete" if self._offsite else f"complete here; {_NO_STORAGE}"

    def undo(self) -> str:
        """Its container goes; what was saved completely stays."""
        self._engine.remove_containers(labels(self.run))
        return "what was saved completely stays"

    # What is needed for that

    @property
    def _problems(self) -> dict[str, dict[str, str]]:
        """Why saving failed, by place."""
        found: dict[str, dict[str, str]] = self.run.operation.result.get("problems", {})
        return found

    def _unless_failed(self, place: Place | None, save: Callable[[Place], str]) -> str:
        """Save to a place; what fails there is kept for the end, and what follows is not tried there."""
        if place is None:
            return _NO_STORAGE
        if place.repository in self._problems:
            return f"not tried: {self._problems[place.repository]['message']}"
        try:
            return save(place)
        except BackupError as error:
            problem = {"message": error.message, "hint": error.hint, "detail": error.detail[-2000:]}
            self.run.remember(problems={**self._problems, str(place.repository): problem})
            self.run.log(f"{place.repository}: {error.message}")
            return f"failed: {error.message}"

    def _save_here(self, place: Place) -> str:
        with self._drafted() as draft, self._opened(place, draft) as here:
            told = [*filter(None, [ready(self.run, here)])]
            told += [f"state: {here.save_folder(_STATE, archive.STATE)}"]
            told += self._volumes_into(here)
        return "; ".join(told)

    def _save_images(self, place: Place) -> str:
        tag = archive.images_tag(str(self.run.environment))
        ids: dict[str, str] = self.run.operation.result["images"]
        with self._opened(place) as there:
            ready(self.run, there)
            newest = archive.newest(there.snapshots(), tag)
            last = saved.last_saved(self.run.environment)
            before = last.result if last else {}
            if newest and newest.id == before.get("image_snapshot") and ids == before.get("images"):
                self.run.remember(image_snapshot=newest.id)
                self._note(tag, Report(newest.id, newest.size, 0))
                return f"unchanged since {times.shown(newest.made_at)}"
            report = there.save_images(self._names(ids), tag)
        self.run.remember(image_snapshot=report.snapshot)
        self._note(tag, report)
        return str(report)

    def _save_volumes(self, place: Place) -> str:
        with self._opened(place) as there:
            ready(self.run, there)
            return "; ".join(self._volumes_into(there))

    def _save_state(self, place: Place) -> str:
        with self._drafted() as draft, self._opened(place, draft) as there:
            ready(self.run, there)
            report = there.save_folder(_STATE, archive.STATE)
        self.run.remember(state_snapshot=report.snapshot)
        self._note(archive.STATE, report)
        return str(report)

    def _names(self, ids: dict[str, str]) -> list[str]:
        """How to ask the engine for them: by tag where that is theirs, so that they have it again later."""
        return sorted({name if _is_tag(name) else number for name, number in ids.items()})

    @contextmanager
    def _opened(self, place: Place, draft: Path | None = None) -> Iterator[Archive]:
        volumes: list[str] = self.run.operation.result.get("volumes", [])
        mounts = [Mount(name, path_of(name)) for name in volumes]
        if draft:
            mounts.append(Mount(str(draft), _STATE))
        with Archive.opened(
            self._engine,
            place,
            labels=labels(self.run),
            mounts=mounts,
            watch=self._watch,
            patience=self.run.platform.config.storage_patience,
        ) as opened:
            yield opened

    def _watch(self, message: str) -> None:
        self.run.checkpoint()
        if message:
            self.run.tell(message)

    def _volumes_into(self, place: Archive) -> list[str]:
        told = []
        for name in self.run.operation.result["volumes"]:
            report = place.save_folder(path_of(name), archive.volume_tag(name))
            self._note(archive.volume_tag(name), report)
            told.append(f"{name}: {report}")
        return told

    def _note(self, tag: str, report: Report) -> None:
        """For who lists what is saved; the off-site copy comes last and counts."""
        sizes = {**self.run.operation.result.get("sizes", {}), tag: report.size}
        self.run.remember(sizes=sizes)

    @contextmanager
    def _drafted(self) -> Iterator[Path]:
        """A copy of the state, while others use it."""
        config = self.run.platform.config
        draft = Path(tempfile.mkdtemp(prefix="save-", dir=config.paths.builds))
        try:
            backup.fill(config, draft)
            yield draft
        except (OSError, sqlite3.Error) as error:
            raise BackupError(f"the state could not be copied: {error}", hint="is the disk full?") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)


_NO_STORAGE: Final = "there is no off-site storage: havre backup storage set"


def _is_tag(name: str) -> bool:
    return ":" in name and "@" not in name and not name.startswith("sha256:")
