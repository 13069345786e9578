"""Which images may go, and which releases keep theirs: decisions by value.

An image that Havre neither built nor pulled is never looked at. Labels alone do not tell: whoever builds
``FROM`` an image of Havre's inherits them. So an image is Havre's if the records know its id or a name of
it, or if it has both the labels of an environment and a name of the form that Havre gives. Of these, one
goes only if no kept release, no container, no Swarm service, no operation under way and no name that
somebody else gave it needs it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """What became of a release."""

    PREPARING = "preparing"
    LIVE = "live"
    SERVED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True)
class ReleaseFacts:
    """What decides over a release's images.

    Args:
        environment: ``PROJECT-ENVIRONMENT``.
        number: of the release.
        standing: what became of it.
        images: ids of its images, and references by digest.
        stands_by: whether its tasks are kept at zero for a rollback.
        under_way: whether an operation that runs is about it.
    """

    environment: str
    number: int
    standing: Standing
    images: frozenset[str] = frozenset()
    stands_by: bool = False
    under_way: bool = False

    def __str__(self) -> str:
        return f"{self.environment} {self.number}"


def kept(releases: Iterable[ReleaseFacts], keep: int) -> tuple[ReleaseFacts, ...]:
    """The releases whose images stay: live, standing by, under way, and the newest that served.

    Args:
        releases: all of the server.
        keep: how many that served are kept of each environment, the live one among them.
    """
    by_environment: dict[str, list[ReleaseFacts]] = {}
    for release in releases:
        by_environment.setdefault(release.environment, []).append(release)
    found: list[ReleaseFacts] = []
    for _, group in sorted(by_environment.items()):
        served = [r for r in group if r.standing in {Standing.LIVE, Standing.SERVED}]
        newest = {r.number for r in sorted(served, key=lambda r: r.number, reverse=True)[: max(keep, 1)]}
        found += [
            release
            for release in sorted(group, key=lambda r: r.number)
            if release.number in newest
            or release.standing is Standing.LIVE
            or release.stands_by
            or release.under_way
        ]
    return tuple(found)


@dataclass(frozen=True)
class Image:
    """An image as the engine has it.

    Args:
        id: ``sha256:…``.
        tags: names that it has, ``REPOSITORY:TAG``.
        size: bytes, layers that it shares with others included.
        created: seconds of the epoch.
        digests: references by which registries know it.
        project: label ``havre.project``; empty without one.
        environment: ``PROJECT-ENVIRONMENT`` of its labels; empty without them.
        users: names of containers and Swarm services that are made of it.
    """

    id: str
    tags: tuple[str, ...] = ()
    size: int = 0
    created: float = 0.0
    digests: tuple[str, ...] = ()
    project: str = ""
    environment: str = ""
    users: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What the records know.

    Args:
        releases: those whose images stay (:func:`kept`).
        tags: names that Havre gave to images, each with the environment it did so for.
        ids: images that Havre built, by id; the platform's of earlier recipes among them.
        platform: names of the platform's own images.
        busy: environments in which an operation waits or runs; nothing of theirs is judged now.
    """

    releases: Sequence[ReleaseFacts] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    ids: Collection[str] = ()
    platform: Collection[str] = ()
    busy: Collection[str] = ()


@dataclass(frozen=True)
class Judged:
    """One image of Havre's: who needs it; whom nobody needs goes, by the names that are Havre's."""

    image: Image
    needed_by: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def goes(self) -> bool:
        """Whether the policy would remove it."""
        return not self.needed_by

    @property
    def goes_soon(self) -> bool:
        """Whether only containers need it, such as those of a release that is being taken away."""
        return bool(self.needed_by) and set(self.needed_by) <= set(self.image.users)

    @property
    def name(self) -> str:
        """What it is called, for people."""
        return self.image.tags[0] if self.image.tags else self.image.id.removeprefix("sha256:")[:12]

    def shown(self) -> dict[str, object]:
        """As JSON for programs."""
        return {
            "id": self.image.id,
            "tags": list(self.image.tags),
            "size": self.image.size,
            "created": self.image.created,
            "environment": self.image.environment,
            "needed_by": list(self.needed_by),
            "prunable": self.goes,
        }


def judge(images: Iterable[Image], known: Known) -> tuple[Judged, ...]:
    """Every image that is Havre's, the newest first, with who needs it."""
    judged = (_judge(image, known) for image in images if _is_ours(image, known))
    return tuple(sorted(judged, key=lambda each: (-each.image.created, each.image.id)))


def _is_ours(image: Image, known: Known) -> bool:
    return (
        image.id in known.ids
        or any(tag in known.tags or tag in known.platform for tag in image.tags)
        or any(_has_form(tag, image) for tag in image.tags)
    )


def _has_form(tag: str, image: Image) -> bool:
    """Whether an image with an environment's labels has a name as Havre gives them (``image_tag``)."""
    return bool(
        image.environment
        and re.fullmatch(rf"{re.escape(image.project)}/[a-z0-9-]+:[a-z0-9-]+-[0-9a-f]{{12}}-[0-9]+", tag)
    )


def _judge(image: Image, known: Known) -> Judged:
    references = {image.id, *image.digests}
    needed = [f"release {release}" for release in known.releases if release.images & references]
    ours = tuple(tag for tag in image.tags if _is_our_name(tag, image, known))
    needed += [f"the platform ({tag})" for tag in image.tags if tag in known.platform]
    needed += image.users
    environments = {image.environment, *(known.tags.get(tag, "") for tag in image.tags)} - {""}
    needed += [f"an operation of {name}" for name in sorted(environments & set(known.busy))]
    foreign = [tag for tag in image.tags if tag not in ours and tag not in known.platform]
    # Named by somebody else too: only Havre's names go, and where there are none, nothing does.
    if foreign and not ours:
        needed += [f"the name {tag}" for tag in foreign]
    return Judged(image, tuple(dict.fromkeys(needed)), ours)


def _is_our_name(tag: str, image: Image, known: Known) -> bool:
    is_old_platform = image.id in known.ids and not image.environment and tag.startswith("havre/")
    return tag in known.tags or _has_form(tag, image) or is_old_platform
