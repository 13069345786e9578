"""Ready images of a release: a tag resolved once, the image on this server, brought back if it is gone."""

from __future__ import annotations

import time

from havre.adapters import sealing
from havre.adapters.swarm import images
from havre.adapters.swarm.images import LocalImage
from havre.domain import naming
from havre.domain.images import ImageName, Login, is_image_id, parse_login, short
from havre.errors import EngineError, SecretError
from havre.manifest import AppService, EnvironmentSpec, Image
from havre.operations.context import Run
from havre.records import queries
from havre.records.models import Build, Release


def fetch(run: Run, release: Release, service: str, image: Image) -> None:
    """Have the image of a service on this server, and store with the release what it is.

    A tag is resolved once for a commit: a release of it that served already decides. An image that
    exists on this server only is addressed by its id, any other by its digest.

    Raises:
        SourceError: the registry has no such image, or refuses the login.
        EngineError: the registry or the engine cannot be reached, or the image is gone.
        SecretError: the login's secret is missing, or is no login.
    """
    started = time.monotonic()
    # A worker that died may have stored what the tag is, and not yet have pulled it.
    reference = release.images.get(service) or _of_this_commit(run, release, service, image)
    if reference is None:
        reference = _resolve(run, image)
        run.log(f"{image.name} is {short(reference)}")
    release.images[service] = reference
    release.save(update_fields=["images"])
    found = _present(run, image, reference)
    tag = _tag(run, release, service, found)
    Build.objects.update_or_create(
        release=release,
        service=service,
        defaults={
            "image_id": found.id,
            "tag": tag,
            "size": found.size,
            "seconds": round(time.monotonic() - started, 3),
            "stages": [],
        },
    )


def bring_back(run: Run, release: Release) -> list[str]:
    """Pull those of a release's images that this server lost, by their digests.

    Returns:
        The services whose image is gone for good: built here, or an image that no registry has.

    Raises:
        SourceError, EngineError, SecretError: a registry did not give one back.
    """
    gone = []
    services = EnvironmentSpec.model_validate(release.spec).services
    for name, reference in release.images.items():
        if run.platform.engine.image_id(reference):
            continue
        service = services.get(name)
        if isinstance(service, AppService) and service.image and not is_image_id(reference):
            with run.logging_as(f"image {name}"):
                _tag(run, release, name, _present(run, service.image, reference))
        else:
            gone.append(name)
    return gone


def _of_this_commit(run: Run, release: Release, service: str, image: Image) -> str | None:
    """What the name was resolved to when this commit was deployed before."""
    known = queries.resolved_image(run.environment, release.commit, service, image.name)
    if known:
        run.log(f"{image.name} is {short(known)}, as when this commit was deployed before")
    return known


def _resolve(run: Run, image: Image) -> str:
    """What the name stands for now: an image of a registry by digest, one of this server only by id."""
    name, engine = ImageName.parse(image.name), run.platform.engine
    if name.digest:
        return name.at(name.digest)
    local = images.find(engine, str(name))
    if local and not any(ImageName.parse(digest).is_same_repository(name) for digest in local.digests):
        return local.id
    return name.at(images.digest_of(engine, name, _login(run, image)))


def _present(run: Run, image: Image, reference: str) -> LocalImage:
    """The image on this server, pulled if it is not there."""
    engine = run.platform.engine
    if found := images.find(engine, reference):
        return found
    if is_image_id(reference):
        raise EngineError(
            f"{image.name} is {short(reference)}, which is gone from this server and in no registry",
            hint="load that image again (docker load), or commit the manifest with another tag",
        )
    name = ImageName.parse(reference)
    run.log(f"pulling {short(reference)}")
    images.pull(engine, name, _login(run, image), report=run.log, cancelled=run.is_stopped)
    run.checkpoint()
    if found := images.find(engine, reference):
        return found
    raise EngineError(f"the engine pulled {short(reference)}, and does not have it", retryable=True)


def _tag(run: Run, release: Release, service: str, image: LocalImage) -> str:
    """Name the image as built ones are; an image without a tag is taken for one nobody needs."""
    tag = naming.image_tag(run.project, run.environment.name, service, release.commit, release.number)
    images.give_tag(run.platform.engine, image.id, tag)
    return tag


def _login(run: Run, image: Image) -> Login | None:
    """The login as it is set now, not as it was when a release was made."""
    if image.auth is None:
        return None
    name = image.auth.secret
    row = queries.current_secrets(run.environment).get(name)
    if row is None:
        raise SecretError(
            f"{run.environment} has no secret {name}, the login for {image.name}",
            hint=f"run `havre secrets set {name}` with USER:PASSWORD",
        )
    return parse_login(
        name, sealing.unseal(run.platform.config.paths.private_key, bytes(row.sealed)).decode()
    )
