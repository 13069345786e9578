"""Scale: another number of tasks for services of the live release."""

from __future__ import annotations

from havre.errors import UsageError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations import drafts
from havre.operations.context import Run, Runbook, Step
from havre.operations.rollout import Rollout
from havre.records.models import Environment, Release


def runbook(run: Run) -> Runbook:
    """The steps of scaling."""
    scale = Scale(run)
    return Runbook(
        steps=(
            Step("check", "Check what is asked", scale.check),
            Step("scale", "Change the number of tasks", scale.scale),
            Step("gate", "Wait until all are healthy", scale.rollout.gate),
            Step("route", "Send traffic to them", scale.route),
            Step("converge", "Wait for the engine to converge", scale.rollout.converge),
        ),
        undo=scale.undo,
    )


class Scale:
    """One change of scale. The number stays for later releases, until it is reset."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rollout = Rollout(run)

    def check(self) -> str:
        """Every service must be one that can have several tasks."""
        release = self._release
        spec = EnvironmentSpec.model_validate(release.spec)
        scalable = {name for name, s in spec.services.items() if isinstance(s, AppService | StaticService)}
        wanted: dict[str, int | None] = self.run.operation.params["replicas"]
        wrong = sorted(wanted.keys() - scalable)
        if wrong:
            raise UsageError(
                f"{', '.join(wrong)} cannot be scaled",
                hint=f"services of {self.run.environment} that can: {', '.join(sorted(scalable))}",
            )
        for name, number in wanted.items():
            service = spec.services[name]
            if isinstance(service, AppService) and service.volumes and (number or 1) > 1:
                raise UsageError(f"{name} owns a volume, so it runs as one task")
        if "before" not in self.run.operation.result:
            self.run.remember(before=self.run.environment.replicas)
        return ", ".join(
            f"{name} to {'the manifest' if n is None else n}" for name, n in sorted(wanted.items())
        )

    def scale(self) -> str:
        """Tell the engine, and remember it for the next releases."""
        wanted: dict[str, int | None] = self.run.operation.params["replicas"]
        before: dict[str, int] = self.run.operation.result["before"]
        merged = {**before, **wanted}
        self._store({name: n for name, n in merged.items() if n is not None})
        return self._apply()

    def route(self) -> str:
        """Publish the addresses of all that are healthy."""
        self.run.platform.routing.publish(self.run.environment)
        return "published"

    def undo(self) -> str:
        """The number of before."""
        if "before" not in self.run.operation.result:
            return "nothing had been changed"
        self._store(self.run.operation.result["before"])
        return self._apply()

    @property
    def _release(self) -> Release:
        return drafts.live_release(self.run.environment)

    def _store(self, replicas: dict[str, int]) -> None:
        Environment.objects.filter(pk=self.run.environment.pk).update(replicas=replicas)
        self.run.environment.refresh_from_db()

    def _apply(self) -> str:
        release = self._release
        self.rollout.take(release)
        changed = []
        for name, workload in self.rollout.composition.applications().items():
            if name in self.run.operation.params["replicas"]:
                self.run.platform.engine.scale(release.swarm_services[name], workload.replicas)
                changed.append(f"{name} to {workload.replicas}")
        return ", ".join(changed)
