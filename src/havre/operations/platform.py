"""The platform's own images and its router: there before anything else is."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Iterator
from typing import Final, Protocol

from django.utils import timezone

from havre.adapters.buildkit.platform import prepare
from havre.adapters.swarm.engine import Change
from havre.domain.build import BuildRequest, BuildResult
from havre.errors import EngineError
from havre.images import named_in, platform_image, with_origins
from havre.operations.build_queue import WORKER
from havre.operations.builds import Asker
from havre.operations.context import Interrupted, Platform
from havre.operations.made_images import remember_made
from havre.operations.routing import TRAEFIK_IMAGE

log = logging.getLogger(__name__)

_ROUTER_PATIENCE: Final = 60.0
_PORT_PATIENCE: Final = 6.0


class Wait(Protocol):
    """Yields the seconds waited so far, every so often, until the time is over."""

    def __call__(self, *, every: float, at_most: float) -> Iterator[float]:
        """See :meth:`havre.operations.context.Run.wait`."""


def ensure(platform: Platform, asker: Asker, *, wait: Wait) -> tuple[dict[str, str], Change]:
    """Have the platform's images and the router running with this server's settings.

    Args:
        platform: what the worker works with.
        asker: on whose behalf images are built.
        wait: for the router to run.

    Returns:
        Id of each image by its tag, and whether the router had to be started or changed.

    Raises:
        EngineError: the engine manages no Swarm, or the router does not run (a port is taken).
        BuildError: an image could not be built.
    """
    platform.engine.require_swarm()
    with platform.preparing:
        images = _images(platform, asker)
        change = _ensure_router(platform, images[TRAEFIK_IMAGE], wait)
    return images, change


def ensure_router(platform: Platform, *, wait: Wait) -> Change:
    """Have the router running from the image that the engine has, and build nothing; what was done.

    Raises:
        EngineError: there is no such image, or the router does not run.
    """
    image = platform.engine.image_id(TRAEFIK_IMAGE)
    if image is None:
        raise EngineError(f"the engine has no image {TRAEFIK_IMAGE}", hint="deploy once, which makes it")
    with platform.preparing:
        return _ensure_router(platform, image, wait)


def _ensure_router(platform: Platform, image: str, wait: Wait) -> Change:
    began = timezone.now()
    change = platform.routing.ensure_router(image)
    is_taken = False
    for elapsed in wait(every=0.2, at_most=_ROUTER_PATIENCE):
        problem = platform.routing.router_problem(change, since=began)
        is_taken = "address already in use" in problem  # maybe by a task that is ending
        if not problem or (is_taken and elapsed > _PORT_PATIENCE):
            break
    platform.routing.connect(may_return=not is_taken)
    return change


def ensure_tool(platform: Platform, name: str, asker: Asker) -> str:
    """Have one image of the platform's own, which is made on demand, and those below it; its id.

    Raises:
        BuildError: it could not be built.
    """
    with platform.preparing:
        made = _prepare(platform, asker, only=with_origins(name))
    return made[platform_image(name).tag]


def _images(platform: Platform, asker: Asker) -> dict[str, str]:
    """The builder is only asked when the engine lacks one that this worker knew."""
    known = platform.images
    if not known or any(platform.engine.image_id(tag) != known[tag] for tag in known):
        known.update(_prepare(platform, asker))
    return dict(known)


def _prepare(
    platform: Platform, asker: Asker, *, also: Collection[str] = (), only: Collection[str] = ()
) -> dict[str, str]:
    def builder(request: BuildRequest, *, report: Callable[[str], None]) -> BuildResult:
        # Everybody needs them, and who holds the lock must not wait for who waits for it.
        return platform.builds.build(request, dataclasses.replace(asker, report=report, number=WORKER))

    made = prepare(platform.config.docker_host, report=asker.report, also=also, only=only, builder=builder)
    remember_made(platform.config.paths, made.values())
    return made


def ensure_bases(platform: Platform, request: BuildRequest, asker: Asker) -> None:
    """Have the images that a Dockerfile starts from, where they are the platform's and made on demand.

    A Dockerfile that cannot be read is left to the build, which says what is wrong with it.

    Raises:
        BuildError: one could not be built.
    """
    try:
        text = (request.context / request.dockerfile).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    wanted = [name for name in named_in(text) if platform_image(name).on_demand]
    if wanted:
        with platform.preparing:
            _prepare(platform, asker, also=wanted)


def by_worker(platform: Platform) -> Asker:
    """The worker itself, when it brings the router in line at its start."""

    def checkpoint() -> None:
        if platform.stopping.is_set():
            raise Interrupted

    return Asker("the platform's images", log.info, _tell, checkpoint)


def _tell(waits: str) -> None:
    if waits:
        log.info("the platform's images: %s", waits)


def wait_until_stopping(platform: Platform) -> Wait:
    """A wait for the worker itself, which no operation cancels."""

    def wait(*, every: float, at_most: float) -> Iterator[float]:
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) <= at_most and not platform.stopping.is_set():
            yield elapsed
            platform.stopping.wait(every)

    return wait
