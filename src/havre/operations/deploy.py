"""Deploy: from a commit to a release that serves."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from havre.adapters.buildkit.static import StaticSite, static_request, top_files
from havre.adapters.git.checkout import Checkout
from havre.domain import naming
from havre.domain.build import BuildRequest
from havre.domain.database_version import NEWEST
from havre.errors import CommandError, RolloutError
from havre.manifest import AppService, EnvironmentSpec, PostgresService, RedisService, StaticService
from havre.operations import (
    consent,
    data_services,
    database_versions,
    drafts,
    images,
    platform,
    restore_points,
    teardown,
)
from havre.operations.builds import Asker
from havre.operations.context import Run, Runbook, Step
from havre.operations.domains import refuse_taken
from havre.operations.jobs import Job, take_away
from havre.operations.release_secrets import ensure_passwords, secret_versions
from havre.operations.rollout import Rollout
from havre.operations.source import SourceReader, inside
from havre.operations.workloads import (
    REDIS_IMAGE,
)
from havre.records import queries
from havre.records.models import Build, Release

_RELEASE_COMMAND_PATIENCE: Final = 1800.0


def runbook(run: Run) -> Runbook:
    """The steps of a deployment."""
    return runbook_of(Deploy(run))


def runbook_of(deploy: Deploy) -> Runbook:
    """The steps of a deployment that somebody else may have prepared."""
    return Runbook(
        steps=(
            Step("source", "Check out the source", deploy.check_out),
            Step("platform", "Prepare the platform", deploy.prepare_platform),
            Step("build", "Build the images", deploy.build),
            deploy.rollout.data_step,
            Step("restore-point", "Make a restore point", deploy.make_restore_point),
            Step("release-command", "Run the release command", deploy.run_release_commands),
            *deploy.rollout.switch_steps,
            Step("tidy", "Take away what is over", deploy.tidy),
        ),
        undo=deploy.undo,
    )


class Deploy:
    """One deployment: its checkout, its draft of a release, its rollout."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.source = SourceReader(run)
        self.images: Mapping[str, str] = {}
        """By service, images that need not be built: as a plan found them."""
        self.rollout = Rollout(run, is_gradual=True)
        # A worker that died left the draft; the deployment goes on with the same commit.
        self.release = Release.objects.filter(operation=run.operation).first()
        if self.release:
            self.rollout.take(self.release)

    @property
    def draft(self) -> Release:
        """The release being made."""
        if self.release is None:
            raise RuntimeError("the release is drafted by the first step")
        return self.release

    @property
    def spec(self) -> EnvironmentSpec:
        """The manifest resolved for this environment."""
        return EnvironmentSpec.model_validate(self.draft.spec)

    # Steps

    def check_out(self) -> str:
        """A clean checkout, its manifest, and the draft of the release."""
        found, spec = self.source.read(self.release.commit if self.release else None)
        spec = database_versions.settle(self.run.environment, spec)
        refuse_taken(self.run.platform.config, self.run.environment, spec)
        if self.release is None:
            consent.require(self.run, found, spec)
        ensure_passwords(self.run.platform.config, self.run.environment, spec)
        versions = secret_versions(self.run.environment, spec)
        self.release = queries.new_release(
            self.run.environment,
            self.run.operation,
            commit=found.commit,
            ref=found.branch or self.run.operation.params.get("ref") or "",
            subject=found.subject[:300],
            spec=spec.model_dump(mode="json"),
            secret_versions=versions,
            variables=drafts.variables_of(self.run.environment),
            replicas=self.run.environment.replicas,
            images=dict(self.images),
        )
        self.rollout.take(self.release)
        self.run.remember(release=self.draft.number)
        return f"{found.commit[:12]} {found.subject}"

    def prepare_platform(self) -> str:
        """The platform's images and the router, made on the first deployment and then found."""
        with self.run.logging_as("platform"):
            made, change = platform.ensure(self.run.platform, self._asker, wait=self.run.wait)
        for name, service in self.spec.services.items():
            if isinstance(service, PostgresService):
                self.draft.images[name] = self._postgres_image(service, made)
            elif isinstance(service, RedisService):
                self.draft.images[name] = made[REDIS_IMAGE]
        self.draft.save(update_fields=["images"])
        return f"the router was {change}" if change else "ready"

    def build(self) -> str:
        """The image of each service, addressed by its id, or its digest if a registry has it."""
        built = []
        for name, service in self.spec.services.items():
            if isinstance(service, AppService | StaticService) and not self._has_image(name):
                image = service.image if isinstance(service, AppService) else None
                with self.run.logging_as(f"image {name}" if image else f"build {name}"):
                    if image:
                        images.fetch(self.run, self.draft, name, image)
                    else:
                        self._build(name, service)
                built.append(name)
                self.run.checkpoint()
        self.run.platform.builds.queue.give_up(self.run.operation.pk)
        self.source.clean_up()
        done = Build.objects.filter(release=self.draft)
        return ", ".join(f"{b.service} {b.size / 1e6:.0f} MB in {b.seconds:.1f} s" for b in done) or "none"

    def make_restore_point(self) -> str:
        """A moment of the data to return to, before the release command may change it."""
        if not any(isinstance(s, AppService) and s.release for s in self.spec.services.values()):
            return "not needed: no release command"
        point = self.draft.restore_point or restore_points.make(
            self.run, self.draft, self.rollout.composition
        )
        self.draft.restore_point = point
        self.draft.save(update_fields=["restore_point"])
        return str(point["name"]) if point else "none: no database is backed up"

    def run_release_commands(self) -> str:
        """Each service's release command to its end, in the new image, before any traffic."""
        ran = []
        for name, service in self.spec.services.items():
            if isinstance(service, AppService) and service.release:
                with self.run.logging_as(f"release {name}"):
                    self._run_release_command(name, service)
                ran.append(name)
        return ", ".join(ran) or "none"

    def tidy(self) -> str:
        """Jobs that ran to their end, and databases that the manifest does not name any more."""
        self._remove_jobs()
        gone = data_services.retire(self.run, self.rollout.composition)
        return f"removed {gone}; their volumes are kept" if gone else "done"

    def undo(self) -> str:
        """Take away whatever this deployment made; what served goes on serving."""
        self.source.clean_up()
        if self.release is None:
            return "nothing had been changed"
        self._remove_jobs()
        if self.release.swarm_services:
            return self.rollout.undo()
        Release.objects.filter(pk=self.release.pk).update(state=Release.State.FAILED)
        current = self.run.environment.current_release
        if current is None:
            teardown.remove_all(self.run)
            return "nothing had served before; what was started was removed"
        back = Rollout(self.run)
        back.take(current)
        return f"databases as before: {back.prepare_data()}; release {current.number} went on serving"

    # What is needed for that

    @property
    def _asker(self) -> Asker:
        owner = f"{self.run.project}/{self.run.environment.name} (operation {self.run.operation.pk})"
        return Asker(owner, self.run.log, self.run.tell, self.run.checkpoint, number=self.run.operation.pk)

    def _postgres_image(self, service: PostgresService, made: Mapping[str, str]) -> str:
        tag = database_versions.tag_of(service)
        if tag in made:
            return made[tag]
        with self.run.logging_as("platform"):
            name = database_versions.image_name(service.version or NEWEST)
            return platform.ensure_tool(self.run.platform, name, self._asker)

    def _has_image(self, name: str) -> bool:
        image = self.draft.images.get(name)
        return bool(image and self.run.platform.engine.image_id(image))

    def _build(self, name: str, service: AppService | StaticService) -> None:
        found = self.source.check_out(self.draft.commit)
        composition = self.rollout.composition
        tag = naming.image_tag(
            self.run.project, self.run.environment.name, name, self.draft.commit, self.draft.number
        )
        request = self._request(found, service, composition.build_args(service), tag)
        if isinstance(service, AppService):
            platform.ensure_bases(self.run.platform, request, self._asker)
        result = self.run.platform.builds.build(request, self._asker, composition.build_secrets(service))
        self.run.checkpoint()
        Build.objects.update_or_create(
            release=self.draft,
            service=name,
            defaults={
                "image_id": result.image_id,
                "tag": tag,
                "size": result.size,
                "seconds": result.seconds,
                "stages": [
                    {"name": s.name, "seconds": round(s.seconds, 2), "cached": s.cached}
                    for s in result.stages
                ],
            },
        )
        self.draft.images[name] = result.image_id
        self.draft.save(update_fields=["images"])

    def _request(
        self, found: Checkout, service: AppService | StaticService, args: dict[str, str], tag: str
    ) -> BuildRequest:
        if service.build is None:
            raise RuntimeError("a ready image is not built")
        labels = naming.labels(self.run.project, self.run.environment.name)
        context = inside(found, service.build.context)
        if isinstance(service, AppService):
            inside(found, Path(service.build.context) / service.build.dockerfile)
            return BuildRequest(
                context=context,
                dockerfile=service.build.dockerfile,
                target=service.build.target or "",
                args=args,
                tags=(tag,),
                labels=labels,
            )
        site = StaticSite(
            output=service.build.output,
            command=shlex.join(service.build.command),
            install=shlex.join(service.build.install or ()),
            args=args,
            spa=service.spa,
            cache=self.run.project,
            files=top_files(context),
            secrets=tuple(service.build.secrets),
        )
        return static_request(context, site, tags=(tag,), labels=labels)

    def _run_release_command(self, name: str, service: AppService) -> None:
        """Run it as a job: it goes on if this worker dies, and is found again after."""
        if self.run.operation.result.get(f"released_{name}"):
            return
        job = self._job(name, service)
        job.start()
        try:
            ending = job.wait(at_most=_RELEASE_COMMAND_PATIENCE)
        except CommandError as error:
            raise RolloutError(
                f"the release command of {name}: {error.message}", detail=error.detail
            ) from error
        if not ending.is_good:
            raise RolloutError(
                f"the release command of {name} {ending.cause}",
                hint=ending.remedy or "what served before was not touched; fix the command and deploy again",
                detail="\n".join(ending.last_lines),
            )
        self.run.remember(**{f"released_{name}": True})

    def _job(self, name: str, service: AppService) -> Job:
        source = f"release {name}"
        workload = self.rollout.composition.job(name, service)
        return Job(self.run, workload, sources={"stdout": source, "stderr": source}, key=name)

    def _remove_jobs(self) -> None:
        for name, service in self.spec.services.items():
            if isinstance(service, AppService) and service.release:
                job = naming.job_name(self.run.project, self.run.environment.name, name, self.draft.number)
                take_away(self.run, job, grace=service.stop_grace)
