"""Restart: a new release of the same images with the present variables and secrets."""

from __future__ import annotations

from havre.errors import UsageError
from havre.manifest import EnvironmentSpec
from havre.operations import drafts
from havre.operations.context import Run, Runbook, Step
from havre.operations.release_secrets import secret_versions
from havre.operations.rollout import Rollout
from havre.records.models import Release


def runbook(run: Run) -> Runbook:
    """The steps of a restart: no request fails, as in a deployment."""
    restart = Restart(run)
    return Runbook(
        steps=(
            Step("draft", "Take the present images and settings", restart.draft),
            restart.rollout.data_step,
            *restart.rollout.switch_steps,
        ),
        undo=restart.undo,
    )


class Restart:
    """One restart."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rollout = Rollout(run)
        # A worker that died left the draft.
        self._release = Release.objects.filter(operation=run.operation).first()
        if self._release:
            self._take(self._release)

    def draft(self) -> str:
        """The next release, of the same commit and images."""
        environment = self.run.environment
        release = self._release or self._draft()
        wanted = self.run.operation.params.get("services")
        unknown = sorted(set(wanted or ()) - release.spec["services"].keys())
        if unknown:
            raise UsageError(
                f"{environment} has no service {', '.join(unknown)}",
                hint=f"it has {', '.join(sorted(release.spec['services']))}",
            )
        self._take(release)
        return f"release {release.number}, of commit {release.commit[:12]}"

    def _take(self, release: Release) -> None:
        wanted = self.run.operation.params.get("services")
        self.rollout.take(release, force=frozenset(wanted or release.spec["services"]))

    def _draft(self) -> Release:
        environment = self.run.environment
        spec = EnvironmentSpec.model_validate(drafts.live_release(environment).spec)
        return drafts.like_the_live_one(
            self.run,
            secret_versions=secret_versions(environment, spec),
            variables=drafts.variables_of(environment),
        )

    def undo(self) -> str:
        """The tasks that served go on serving."""
        return self.rollout.undo() if self.rollout.is_taken else "nothing had been changed"
