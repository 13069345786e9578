"""The platform's own images and its router: there before anything else is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from django.utils import timezone

from havre.adapters.buildkit.platform import prepare
from havre.adapters.swarm.engine import Change
from havre.domain.build import BuildRequest
from havre.images import named_in, platform_image
from havre.operations.context import Platform
from havre.operations.routing import TRAEFIK_IMAGE

_ROUTER_PATIENCE: Final = 60.0
_PORT_PATIENCE: Final = 6.0


class Wait(Protocol):
    """Yields the seconds waited so far, every so often, until the time is over."""

    def __call__(self, *, every: float, at_most: float) -> Iterator[float]:
        """See :meth:`havre.operations.context.Run.wait`."""


def ensure(platform: Platform, *, report: Callable[[str], None], wait: Wait) -> tuple[dict[str, str], Change]:
    """Have the platform's images and the router running with this server's settings.

    Returns:
        Id of each image by its tag, and whether the router had to be started or changed.

    Raises:
        EngineError: the engine manages no Swarm, or the router does not run (a port is taken).
        BuildError: an image could not be built.
    """
    platform.engine.require_swarm()
    with platform.preparing:
        images = _images(platform, report)
        began = timezone.now()
        change = platform.routing.ensure_router(images[TRAEFIK_IMAGE])
        for elapsed in wait(every=0.2, at_most=_ROUTER_PATIENCE):
            problem = platform.routing.router_problem(change, since=began)
            is_taken = "address already in use" in problem  # maybe by a task that is ending
            if not problem or (is_taken and elapsed > _PORT_PATIENCE):
                break
        platform.routing.connect()
    return images, change


def _images(platform: Platform, report: Callable[[str], None]) -> dict[str, str]:
    """The builder is only asked when the engine lacks one that this worker knew."""
    known = platform.images
    if not known or any(platform.engine.image_id(tag) != known[tag] for tag in known):
        known.update(prepare(platform.config.docker_host, report=report))
    return dict(known)


def ensure_bases(platform: Platform, request: BuildRequest, *, report: Callable[[str], None]) -> None:
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
            prepare(platform.config.docker_host, report=report, also=wanted)


def wait_until_stopping(platform: Platform) -> Wait:
    """A wait for the worker itself, which no operation cancels."""

    def wait(*, every: float, at_most: float) -> Iterator[float]:
        start = time.monotonic()
        while (elapsed := time.monotonic() - start) <= at_most and not platform.stopping.is_set():
            yield elapsed
            platform.stopping.wait(every)

    return wait
