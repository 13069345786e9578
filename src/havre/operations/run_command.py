"""Run: a command in the image, the environment and the network of a release, to its end.

It runs beside whatever else happens in the environment: all it adds is a job of its own, which no
deployment touches.
"""

from __future__ import annotations

import shlex
from typing import Final

from havre.domain import naming
from havre.errors import CommandError, EngineError, UsageError
from havre.manifest import AppService, EnvironmentSpec
from havre.operations.context import Run, Runbook, Step
from havre.operations.drafts import live_release
from havre.operations.jobs import Ending, Job, take_away
from havre.operations.workloads import Composition
from havre.records import queries
from havre.records.models import Release

_GRACE_WITHOUT_RELEASE: Final = 10.0  # seconds; what the manifest says is gone with the release
SOURCES: Final = {"stdout": "stdout", "stderr": "stderr"}


def runbook(run: Run) -> Runbook:
    """The steps of a one-off command."""
    command = RunCommand(run)
    return Runbook(steps=command.steps, undo=command.undo)


class RunCommand:
    """One command, as the operation's parameters say it."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._job: Job | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps, which scheduled commands have too."""
        return (
            Step("check", "Find the release and its image", self.check),
            Step("start", "Start the command", self.start),
            Step("wait", "Run it to its end", self.wait),
            Step("tidy", "Take its job away", self.tidy),
        )

    @property
    def name(self) -> str:
        """The service in whose image it runs."""
        return str(self.run.operation.params["service"])

    @property
    def command(self) -> tuple[str, ...]:
        """Program and arguments."""
        return tuple(self.run.operation.params["command"])

    @property
    def timeout(self) -> float:
        """Seconds that it may take."""
        return float(self.run.operation.params["timeout"])

    # Steps

    def check(self) -> str:
        """The release stays the same one, whatever goes live while the command runs."""
        release = self._release
        service = self._service(release)
        image = release.images.get(self.name, "")
        if not image or not self.run.platform.engine.image_id(image):
            raise EngineError(
                f"the image of {self.name} of release {release.number} is gone from this server",
                hint=f"deploy its commit again: havre deploy --ref {release.commit[:12]}",
            )
        self.run.remember(in_release=release.number)
        return f"release {release.number}, {service.kind} {self.name}"

    def start(self) -> str:
        """Once: a job that is there already was started by a worker that died."""
        if "exit_code" in self.run.operation.result:
            return "it ran already"
        return shlex.join(self.command) if self.job.start() else "it was started before"

    def wait(self) -> str:
        """To its end; its exit code is the outcome."""
        if "exit_code" not in self.run.operation.result:
            try:
                ending = self.job.wait(at_most=self.timeout)
            except CommandError:
                self.run.remember(timed_out=self.job.is_there)
                raise
            self._judge(ending)
        return "exited with code 0"

    def tidy(self) -> str:
        """Its job is of no more use: the lines are recorded."""
        self._remove()
        return "done"

    def undo(self) -> str:
        """Stop a command that runs, and take its job away."""
        return "stopped and removed" if self._remove() else "its job is gone"

    # What is needed for that

    @property
    def job(self) -> Job:
        """The job; composed when it is first needed, for that opens secrets."""
        if self._job is None:
            release = self._release
            composition = Composition.of(self.run.platform.config, release)
            self.run.redact.hide(composition.opened())
            workload = composition.one_off(
                self.name,
                self._service(release),
                self.command,
                operation=self.run.operation.pk,
                variables=self.run.operation.params.get("variables") or {},
            )
            self._job = Job(self.run, workload, sources=SOURCES)
        return self._job

    def _remove(self) -> bool:
        name = naming.run_name(self.run.project, self.run.environment.name, self.name, self.run.operation.pk)
        is_there = self.run.platform.engine.has_service(name)
        if is_there and self._release_or_none is not None:
            self.job.remove()
        else:  # only containers are left, if the last worker died in between
            take_away(self.run, name, grace=_GRACE_WITHOUT_RELEASE)
        return is_there

    def _judge(self, ending: Ending) -> None:
        if ending.exit_code is not None:
            self.run.remember(exit_code=ending.exit_code)
        if not ending.is_good:
            raise CommandError(
                f"{shlex.join(self.command)[:200]} {ending.cause}",
                hint=ending.remedy,
                detail="\n".join(ending.last_lines),
            )

    @property
    def _release(self) -> Release:
        environment = self.run.environment
        begun = self.run.operation.result.get("in_release")
        if begun is not None:  # whatever became of that release meanwhile
            found = environment.releases.filter(number=begun).first()
            if found is None:
                raise UsageError(
                    f"release {begun} of {environment} is gone, for the environment was destroyed"
                )
            return found
        number = self.run.operation.params.get("release")
        if number is not None:
            return queries.release_numbered(environment, int(number))
        return live_release(environment)

    @property
    def _release_or_none(self) -> Release | None:
        """The release, where there is one still."""
        try:
            return self._release
        except UsageError:
            return None

    def _service(self, release: Release) -> AppService:
        services = EnvironmentSpec.model_validate(release.spec).services
        service = services.get(self.name)
        if isinstance(service, AppService):
            return service
        apps = sorted(name for name, s in services.items() if isinstance(s, AppService))
        what = f"is a {service.kind} service" if service else "is not a service"
        raise UsageError(
            f"{self.name} {what} of release {release.number} of {self.run.environment}",
            hint=f"commands run in the image of an app: {', '.join(apps) or 'there is none'}",
        )
