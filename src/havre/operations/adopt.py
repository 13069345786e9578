"""Adopt: take what was changed in the engine by hand into Havre's records, where that is possible."""

from __future__ import annotations

from havre.adapters.swarm.inspection import env_of
from havre.domain import naming
from havre.domain import plan as plans
from havre.domain.drift import Adoption, Way
from havre.errors import ConflictError, UsageError
from havre.operations import drafts, drift, planning
from havre.operations.context import Run, Runbook, Step
from havre.operations.planning import Planned
from havre.operations.workloads import Composition
from havre.records import configuration, drifts, queries
from havre.records.models import Environment, Release


def runbook(run: Run) -> Runbook:
    """The steps of adopting. Tasks go on as they run; only records and labels change."""
    adopt = Adopt(run)
    return Runbook(
        steps=(
            Step("look", "Look at what was changed", adopt.look),
            Step("record", "Take it into the records", adopt.record),
            Step("mark", "Make a release of it", adopt.mark),
        ),
        undo=adopt.undo,
    )


class Adopt:
    """One adoption: a new release of the same images, served by the tasks that run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def look(self) -> str:
        """What can be adopted; it must still be what was seen when adoption was asked for."""
        if self.run.operation.result.get("looked"):
            return "looked before"
        drafts.live_release(self.run.environment)
        planned = self._planned()
        seen = self.run.operation.params.get("basis")
        moved = plans.moved(seen, planned.basis) if seen is not None else []
        if moved:
            raise ConflictError(
                "what was changed by hand is not what was seen: " + "; ".join(moved),
                hint="look again: havre plan --drift",
                retryable=False,
            )
        ways = [each for each in planned.adoptions if each.way is not Way.NONE]
        if not ways:
            raise UsageError(
                "there is nothing that can be adopted",
                hint="`havre plan --drift` says what to do; `havre apply` puts the engine back",
            )
        # From here on it finds its own traces, if it has to begin again.
        self.run.remember(looked=True)
        return ", ".join(f"{each.service} {each.field.path}" for each in ways)

    def record(self) -> str:
        """Numbers of tasks as by scale, variables as by `havre env`."""
        if self._is_begun:
            return "recorded before"
        done = list(self.run.operation.result.get("adopted", ()))
        for each in self._planned().adoptions:
            if each.way is not Way.NONE:
                self._take(each)
                done.append(f"{each.service}: {each.way} {each.field.path.removeprefix('env.')}")
        self.run.remember(adopted=list(dict.fromkeys(done)))
        self._draft()
        return ", ".join(self.run.operation.result["adopted"])

    def mark(self) -> str:
        """The tasks that run are the new release's; the engine's labels say so."""
        release = Release.objects.get(environment=self.run.environment, operation=self.run.operation)
        engine = self.run.platform.engine
        now = Composition.unopened(self.run.platform.config, release).applications()
        if self._current and self._current != release:
            before = Composition.unopened(self.run.platform.config, self._current).applications()
            for name, workload in now.items():
                if before[name].fingerprint() != workload.fingerprint():
                    engine.mark(release.swarm_services[name], naming.SPEC, workload.fingerprint())
        if self._current != release:
            self.run.remember(release=release.number)
            queries.go_live(release)
            self.run.environment.refresh_from_db()
        self.run.platform.routing.publish(self.run.environment)
        # The watch may not be woken by this: what is left is known now.
        left = drift.look(self.run.platform, self.run.environment)
        drifts.record(self.run.environment, [each.as_data() for each in left])
        return f"release {release.number}; nothing was restarted"

    def undo(self) -> str:
        """What was recorded stays: it says what runs. The draft does not."""
        Release.objects.filter(operation=self.run.operation, live_at=None).update(state=Release.State.FAILED)
        return "the tasks went on as they were"

    def _planned(self) -> Planned:
        self.run.environment.refresh_from_db()
        return planning.of_drift(self.run.platform, self.run.environment)

    @property
    def _current(self) -> Release | None:
        self.run.environment.refresh_from_db()
        return self.run.environment.current_release

    @property
    def _is_begun(self) -> bool:
        return Release.objects.filter(operation=self.run.operation).exists()

    def _take(self, adoption: Adoption) -> None:
        environment, name = self.run.environment, adoption.field.path.removeprefix("env.")
        if adoption.way is Way.SCALE:
            replicas = {**environment.replicas, adoption.service: int(adoption.field.after)}
            Environment.objects.filter(pk=environment.pk).update(replicas=replicas)
            environment.refresh_from_db()
        elif adoption.way is Way.UNSET:
            configuration.unset_variables(environment, adoption.service, [name])
        elif adoption.way is Way.SET:
            current = self._current
            swarm_name = current.swarm_services[adoption.service] if current else ""
            value = env_of(self.run.platform.engine, swarm_name)[name]
            configuration.set_variables(environment, adoption.service, {name: value})

    def _draft(self) -> None:
        self.run.environment.refresh_from_db()
        environment = self.run.environment
        current = drafts.live_release(environment)
        adopted = {
            (each.service, each.field.path.removeprefix("env."))
            for each in self._planned().adoptions
            if each.way in {Way.SET, Way.UNSET}
        }
        set_now = {(v.service, v.name): v.value for v in environment.variables.all()}
        # Only what was adopted: other variables take effect with the next deployment.
        recorded = {(service, name): value for service, name, value in current.variables}
        for key in adopted:
            if key in set_now:
                recorded[key] = set_now[key]
            else:
                recorded.pop(key, None)
        drafts.like_the_live_one(
            self.run,
            secret_versions=current.secret_versions,
            variables=[[service, name, value] for (service, name), value in sorted(recorded.items())],
            swarm_services=current.swarm_services,
            storage_version=current.storage_version,
        )
