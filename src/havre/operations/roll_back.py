"""Roll back: an earlier release serves again, as it was: images, configuration, secret versions."""

from __future__ import annotations

from havre.errors import EngineError, UsageError
from havre.operations import database_versions, images, roll_back_with_data
from havre.operations.context import Run, Runbook, Step
from havre.operations.rollout import Rollout
from havre.records import queries
from havre.records.models import Release


def runbook(run: Run) -> Runbook:
    """The steps of a rollback; nothing is built."""
    if run.operation.params.get("with_data"):
        return roll_back_with_data.runbook(run, RollBack(run))
    roll_back = RollBack(run)
    return Runbook(
        steps=(
            Step("find", "Find the release", roll_back.find),
            roll_back.rollout.kept_data_step,
            *roll_back.rollout.switch_steps,
        ),
        undo=roll_back.undo,
    )


class RollBack:
    """One rollback."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rollout = Rollout(run)
        # A worker that died after it had found the release left its number.
        number = run.operation.result.get("target")
        if number is not None:
            self.rollout.take(queries.release_numbered(run.environment, int(number)))

    def find(self) -> str:
        """The release asked for, else the one before the live one; its images are there, or come back."""
        release = self._target()
        missing = images.bring_back(self.run, release)
        if missing:
            raise EngineError(
                f"the image of {', '.join(missing)} of release {release.number} is gone from this server",
                hint=f"deploy its commit again: havre deploy --ref {release.commit[:12]}",
            )
        self._keep_data(release)
        self.rollout.take(release)
        self.run.remember(target=release.number)
        return f"release {release.number}: {release.commit[:12]} {release.subject}"

    def undo(self) -> str:
        """The release that served goes on serving."""
        return self.rollout.undo() if self.rollout.is_taken else "nothing had been changed"

    def _keep_data(self, release: Release) -> None:
        """Databases go on as they run, so they are of the version, and backed up, as they are now."""
        live = self.run.environment.current_release
        if live is not None and live.pk != release.pk:
            release.storage_version = live.storage_version
            release.save(update_fields=["storage_version"])
            database_versions.keep_present(release, live)

    def _target(self) -> Release:
        environment = self.run.environment
        number = self.run.operation.result.get("target") or self.run.operation.params.get("release")
        if number is not None:
            return queries.release_numbered(environment, int(number))
        previous = queries.previous_release(environment)
        if previous is None:
            raise UsageError(
                f"{environment} has no earlier release to return to", hint="`havre releases` lists them"
            )
        return previous
