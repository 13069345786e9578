"""What of a server is saved beside its databases, and when that is due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_SETTLE: Final = timedelta(seconds=60)
"""Deployments that follow each other are saved once."""
_AGAIN: Final = timedelta(minutes=30)
_DAY: Final = timedelta(hours=24)


@dataclass(frozen=True)
class Contents:
    """What one environment needs beside its databases.

    Attributes:
        images: references of images, as its releases name them.
        volumes: names of volumes, without those of databases.
    """

    images: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()


def contents(
    releases: Iterable[Mapping[str, str]],
    *,
    volumes: Iterable[str],
    also: Iterable[str] = (),
) -> Contents:
    """What to save.

    Args:
        releases: references of images by service: of the live release, and of one to return to.
        volumes: of the live release's services.
        also: images that the server itself needs to serve it.
    """
    images = {reference for release in releases for reference in release.values()} | set(also)
    return Contents(tuple(sorted(images)), tuple(sorted(set(volumes))))


@dataclass(frozen=True)
class Saved:
    """The last time that an environment was saved well: when, and of which release."""

    at: datetime
    release: int


def due(
    now: datetime,
    *,
    release: int,
    live_at: datetime,
    restored_at: datetime | None,
    last: Saved | None,
    tried_at: datetime | None,
    daily: str = "03:00",
) -> str:
    """Why an environment is to be saved now; empty if it is not.

    Args:
        now: the moment.
        release: number of the live release.
        live_at: since when it is live.
        restored_at: the end of the last restore of a database: the way back of the next one leads over it.
        last: the last good one.
        tried_at: the end of the last attempt that failed, if that was later.
        daily: ``HH:MM`` in UTC, from when on it is due each day.
    """
    changed_at = max(live_at, restored_at) if restored_at else live_at
    if now - changed_at < _SETTLE or (tried_at and now - tried_at < _AGAIN):
        return ""
    if last is None:
        return "it was never saved"
    if last.release != release:
        return f"release {release} is new"
    if last.at < changed_at:
        return "a database was restored"
    return "a day has passed" if last.at < _newest(daily, now) else ""


def _newest(daily: str, now: datetime) -> datetime:
    """When it was that time last."""
    hour, minute = (int(part) for part in daily.split(":"))
    today = now.astimezone(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today <= now else today - _DAY


def image_names(images: Iterable[str], ids: Mapping[str, str]) -> dict[str, str]:
    """The ids of images that lie in no registry's hands after a rebuild: by the reference that named them.

    Args:
        images: references, as releases name them.
        ids: id of each on the engine.
    """
    return {each: ids[each] for each in images if each in ids and each != ids[each]}


def renamed(images: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, str]:
    """Images of a release by service, named by their ids where they were named by a registry's digest."""
    return {service: ids.get(reference, reference) for service, reference in images.items()}


def as_json(found: Contents) -> dict[str, Any]:
    """As JSON."""
    return {"images": list(found.images), "volumes": list(found.volumes)}
