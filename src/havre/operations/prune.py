"""Pruning: images that no kept release needs, and what the build cache holds above its ceiling."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final

from havre.adapters.swarm import image_store
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain.pruning import Judged, Known, judge, kept
from havre.images import EARLIER_SUITE, PLATFORM_IMAGES, SUITE, bootstrap_tag
from havre.operations.made_images import made_images
from havre.records import needs
from havre.records.image_needs import release_facts
from havre.records.models import Build, Environment

log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
"""Images removed while no operation may begin; then others get their turn."""


@dataclass(frozen=True)
class Pruned:
    """What went, and what only containers use that are ending."""

    removed: tuple[Judged, ...] = ()
    left: tuple[Judged, ...] = ()


def images(config: Config, engine: Engine) -> tuple[Judged, ...]:
    """Every image that Havre built or pulled, with who needs it.

    Raises:
        EngineError: the engine does not answer.
    """
    # The images first: what an operation makes meanwhile is then not among them.
    found = image_store.images(engine)
    return judge(found, _known(config))


def prune_images(config: Config, engine: Engine) -> Pruned:
    """Remove the images that nothing needs; each few are judged anew, while no operation can begin.

    Raises:
        EngineError: the engine does not answer.
    """
    removed: dict[str, Judged] = {}
    left: dict[str, Judged] = {}
    while True:
        with needs.nothing_begins():
            judged = [j for j in images(config, engine) if j.image.id not in {*removed, *left}]
            going = [each for each in judged if each.goes]
            if not going:
                soon = (each for each in judged if each.goes_soon)
                return Pruned(tuple(removed.values()), (*left.values(), *soon))
            for each in going[:_AT_ONCE]:
                has_gone = _remove(engine, each)
                (removed if has_gone else left)[each.image.id] = each
                log.info("image %s: %s", each.name, "removed" if has_gone else "in use, kept")


def _remove(engine: Engine, judged: Judged) -> bool:
    """All of its names that are Havre's; False if one of them is in use."""
    went = [image_store.remove(engine, name) for name in judged.names or (judged.image.id,)]
    return all(went)


def forget_environment(engine: Engine, environment: Environment) -> list[str]:
    """Take away the names that an environment's releases gave to images, before the records go.

    Returns:
        Those that stay: containers that are ending still use their images.

    Raises:
        EngineError: the engine does not answer.
    """
    tags = set(Build.objects.filter(release__environment=environment).values_list("tag", flat=True))
    return [tag for tag in sorted(tags) if not image_store.remove(engine, tag)]


def _known(config: Config) -> Known:
    builds = Build.objects.select_related("release__environment__project")
    platform = {bootstrap_tag(SUITE), bootstrap_tag(EARLIER_SUITE), *(image.tag for image in PLATFORM_IMAGES)}
    environments = Environment.objects.select_related("project", "current_release")
    return Known(
        releases=kept(release_facts(environments), config.keep_releases),
        tags={build.tag: str(build.release.environment) for build in builds},
        ids={*(build.image_id for build in builds), *made_images(config.paths)},
        platform=platform,
        busy=needs.busy_now(),
    )
