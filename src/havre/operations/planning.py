"""Make a plan: compare a commit with what is recorded and what runs, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from havre.adapters.git.checkout import Checkout
from havre.domain import naming
from havre.domain import plan as plans
from havre.domain.drift import Adoption, Drift, adoptions
from havre.domain.plan import Kind, Picture, Plan, Running
from havre.manifest import AppService, EnvironmentSpec, PostgresService, RedisService, ServiceSpec
from havre.operations import database_versions, drafts, drift
from havre.operations.context import Platform
from havre.operations.domains import refuse_taken
from havre.operations.picture import picture
from havre.operations.release_secrets import secret_versions
from havre.operations.rollout.serving import serving
from havre.operations.workloads import REDIS_IMAGE, Composition
from havre.records import continuity, queries
from havre.records.models import Environment, Release


@dataclass(frozen=True)
class Planned:
    """A plan, what it was made from, and what carrying it out needs.

    Attributes:
        plan: the changes, and the drift.
        environment: the environment.
        commit: the commit to be deployed; empty if only drift was looked for.
        subject: its first line.
        branch: the branch it was found on.
        basis: facts about the state that it was made from; if one differs, the plan is stale.
        images: by service, the images that need not be built.
        is_protected: whether the environment asks before what interrupts or destroys.
        adoptions: what can be made of the drift.
    """

    plan: Plan
    environment: Environment
    commit: str
    subject: str
    branch: str
    basis: Mapping[str, str]
    images: Mapping[str, str]
    is_protected: bool
    adoptions: tuple[Adoption, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The plan as it is shown, saved, and handed in to be carried out. Holds no secret."""
        return {
            "format": plans.FORMAT,
            "project": self.environment.project.name,
            "environment": self.environment.name,
            "commit": self.commit,
            "subject": self.subject,
            "protected": self.is_protected,
            "has_changes": self.plan.has_changes,
            **self.plan.as_data(),
            "adopt": [
                {
                    "service": each.service,
                    "path": each.field.path,
                    "way": str(each.way),
                    "remedy": each.remedy,
                }
                for each in self.adoptions
            ],
            "basis": dict(self.basis),
        }


def of_drift(platform: Platform, environment: Environment, found: tuple[Drift, ...] | None = None) -> Planned:
    """Only what was changed by hand, or of that what was found; needs no source."""
    found = drift.look(platform, environment) if found is None else found
    release = environment.current_release
    return Planned(
        plan=Plan(drift=found),
        environment=environment,
        commit="",
        subject="",
        branch="",
        basis=_basis_of_drift(found),
        images={},
        is_protected=queries.is_protected(environment),
        adoptions=adoptions(found, drift.known(platform, release)) if release else (),
    )


def of_commit(
    platform: Platform, environment: Environment, found: Checkout, spec: EnvironmentSpec
) -> Planned:
    """What deploying a commit would change.

    Args:
        platform: what the worker works with.
        environment: where to.
        found: a checkout of the commit.
        spec: what its manifest says about the environment.

    Raises:
        ConflictError: a domain is served by another environment.
        SecretError: a secret that the manifest names is not set.
        EngineError: the engine does not answer.
    """
    refuse_taken(platform.config, environment, spec)
    spec = database_versions.settle(environment, spec)
    current = environment.current_release
    draft = _draft(environment, found, spec)
    known = _known_images(platform, current, draft)
    draft.images = {name: known.get(name) or _to_come(draft, s) for name, s in spec.services.items()}
    before = picture(platform, current) if current else Picture()
    by_hand = drift.look(platform, environment)
    return Planned(
        plan=plans.plan(before, picture(platform, draft), _running(platform, environment, by_hand)),
        environment=environment,
        commit=found.commit,
        subject=found.subject,
        branch=found.branch or "",
        basis={**_basis(platform, environment, draft), **_basis_of_drift(by_hand)},
        images=known,
        is_protected=spec.protected or queries.is_protected(environment),
        adoptions=adoptions(by_hand, drift.known(platform, current)) if current else (),
    )


def _draft(environment: Environment, found: Checkout, spec: EnvironmentSpec) -> Release:
    last = environment.releases.order_by("-number").first()
    return Release(
        environment=environment,
        number=last.number + 1 if last else 1,
        commit=found.commit,
        spec=spec.model_dump(mode="json"),
        secret_versions=secret_versions(environment, spec),
        variables=drafts.variables_of(environment),
        replicas=environment.replicas,
        storage_version=continuity.storage_version(),
    )


def _known_images(platform: Platform, current: Release | None, draft: Release) -> dict[str, str]:
    """Images that are there: of databases, and of services whose build did not change."""
    before = Composition.unopened(platform.config, current) if current else None
    after = Composition.unopened(platform.config, draft)
    found = {}
    for name, service in after.spec.services.items():
        if isinstance(service, PostgresService | RedisService):
            image = platform.engine.image_id(
                database_versions.tag_of(service) if isinstance(service, PostgresService) else REDIS_IMAGE
            )
        else:
            image = _built(before, after, name, service) if before else None
            # An image of a registry stays addressed by its digest.
            image = image if image and platform.engine.image_id(image) else None
        if image:
            found[name] = image
    return found


def _built(before: Composition, after: Composition, name: str, service: ServiceSpec) -> str | None:
    """The image of the live release if building again could only give the same one."""
    earlier = before.spec.services.get(name)
    ready = service.image if isinstance(service, AppService) else None
    is_fixed = ready is not None and "@sha256:" in ready.name
    is_same = (
        (is_fixed or before.release.commit == after.release.commit)
        and earlier == service
        and not isinstance(service, PostgresService | RedisService)
        and not isinstance(earlier, PostgresService | RedisService)
        and before.build_args(earlier) == after.build_args(service)
    )
    return before.release.images.get(name) if is_same else None


def _to_come(draft: Release, service: ServiceSpec) -> str:
    if isinstance(service, PostgresService | RedisService):
        return "made on this server"
    if isinstance(service, AppService) and service.image:
        return f"{service.image.name}, as it is when it is deployed"
    return f"new image from {draft.commit[:12]}"


def _running(platform: Platform, environment: Environment, by_hand: tuple[Drift, ...]) -> Running:
    fingerprints = {name: mark for name, (_, mark) in serving(platform.engine, environment).items()}
    current = environment.current_release
    if current:
        snapshot = platform.engine.environment(environment.project.name, environment.name)
        for name, workload in Composition.unopened(platform.config, current).data().items():
            service = snapshot.get(workload.name)
            if service:
                fingerprints[name] = service.label(naming.SPEC)
    things = drift.present_things(platform, environment)
    return Running(fingerprints, frozenset((Kind(kind), name) for kind, name in things), by_hand)


def _basis(platform: Platform, environment: Environment, draft: Release) -> dict[str, str]:
    """What a plan depends on beside the commit; values of variables are disguised."""
    hide = drift.disguise(platform)
    current = environment.current_release
    return {
        "commit": draft.commit,
        "release": str(current.number) if current else "",
        **{f"secret {name}": f"version {version}" for name, version in draft.secret_versions.items()},
        **{f"variable {name} of {service or 'every app'}": hide(v) for service, name, v in draft.variables},
        **{f"replicas of {name}": str(count) for name, count in environment.replicas.items()},
    }


def _basis_of_drift(found: tuple[Drift, ...]) -> dict[str, str]:
    basis: dict[str, str] = {}
    for each in found:
        basis[f"{each.kind} {each.name} in the engine"] = str(each.state)
        for field in each.fields:
            basis[f"{each.kind} {each.name} {field.path} in the engine"] = field.after or "removed"
    return basis
