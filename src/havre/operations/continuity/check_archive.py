"""Read the archive back: what restic holds, compared with its checksums."""

from __future__ import annotations

from havre.domain import naming
from havre.domain.continuity import archive
from havre.domain.continuity.archive import Place
from havre.errors import BackupError
from havre.operations.builds import Asker
from havre.operations.context import Run
from havre.operations.continuity.archive import ROLE, Archive, offsite_place
from havre.operations.continuity.storage import Storage
from havre.operations.platform import ensure_tool
from havre.records import continuity


def offsite(run: Run) -> Place | None:
    """The repository of the archive off-site, if that is set; its keys stay out of the operation's log."""
    row = continuity.newest_storage()
    if row is None:
        return None
    storage = Storage.opened(run.platform.config, row)
    run.redact.hide([storage.keys.key, storage.keys.secret, storage.keys.passphrase])
    return offsite_place(storage, upload_limit=run.platform.config.upload_limit)


def places(run: Run) -> list[Place]:
    """The repositories of the archive: here, and off-site where that is set."""
    there = offsite(run)
    return [archive.local(), there] if there else [archive.local()]


def ready(run: Run, opened: Archive) -> str:
    """Have an opened repository there; what had to be done for it, which the log keeps. Empty if nothing.

    Raises:
        BackupError: it cannot be opened or made, with the cause.
    """
    told = opened.ensure()
    if told:
        run.log(f"archive {opened.repository}: {told}")
    return told


def check(run: Run, place: Place) -> tuple[str, str]:
    """What was read back of a repository, and what is wrong with it, empty if nothing is."""
    ensure_tool(run.platform, "backup", asker(run))
    patience = run.platform.config.storage_patience
    with Archive.opened(
        run.platform.engine, place, labels=labels(run), watch=lambda _: run.checkpoint(), patience=patience
    ) as opened:
        try:
            if not opened.is_there():
                return "nothing is saved yet", ""
            return opened.check(), ""
        except BackupError as error:
            for line in error.detail.splitlines():
                run.log(line, f"verify archive {place.repository}")
            return "", error.message


def stop(run: Run) -> None:
    """End what reads."""
    run.platform.engine.remove_containers(labels(run))


def labels(run: Run) -> dict[str, str]:
    """Labels of the container of an operation."""
    return naming.labels(run.project, run.environment.name, role=ROLE, operation=run.operation.pk)


def asker(run: Run) -> Asker:
    """On whose behalf the image is made."""
    return Asker(
        f"{run.environment} (operation {run.operation.pk})",
        run.log,
        run.tell,
        run.checkpoint,
        run.operation.pk,
    )
