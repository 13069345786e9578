"""The engine's images and its build cache: what is there, what of it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from havre.adapters.swarm.engine import Engine
from havre.domain import naming
from havre.domain.pruning import Image
from havre.errors import EngineError

_PATIENCE: Final = 300  # seconds: removing large layers takes its time
_NO_TAG: Final = "<none>:<none>"


def images(engine: Engine) -> tuple[Image, ...]:
    """Every image of the engine, with the containers and Swarm services made of it.

    Raises:
        EngineError: the engine does not answer.
    """
    with _connected(engine) as client, _explained("listing images"):
        found = client.images()
        users = _users(client)
    return tuple(_image(row, users) for row in found)


def _users(client: docker.APIClient) -> dict[str, list[str]]:
    """Names of containers and services by the image that they name: an id, a tag or a digest."""
    users: dict[str, list[str]] = {}
    for container in client.containers(all=True):
        name = (container.get("Names") or [container["Id"][:12]])[0].lstrip("/")
        users.setdefault(container["ImageID"], []).append(f"container {name}")
    try:
        services = client.services()
    except APIError:
        services = []  # no Swarm, no services
    for service in services:
        spec = service["Spec"]
        image = spec["TaskTemplate"].get("ContainerSpec", {}).get("Image", "")
        users.setdefault(image, []).append(f"service {spec['Name']}")
    return users


def _image(row: dict[str, Any], users: dict[str, list[str]]) -> Image:
    labels = row.get("Labels") or {}
    tags = tuple(tag for tag in row.get("RepoTags") or () if tag != _NO_TAG)
    digests = tuple(digest for digest in row.get("RepoDigests") or () if "<none>" not in digest)
    project, environment = labels.get(naming.PROJECT, ""), labels.get(naming.ENVIRONMENT, "")
    named = [row["Id"], *tags, *digests, *(f"{tag}@{d.rpartition('@')[2]}" for tag in tags for d in digests)]
    return Image(
        id=row["Id"],
        tags=tags,
        size=int(row.get("Size") or 0),
        created=float(row.get("Created") or 0),
        digests=digests,
        project=project,
        environment=naming.environment_name(project, environment) if environment else "",
        users=tuple(dict.fromkeys(user for name in named for user in users.get(name, ()))),
    )


def remove(engine: Engine, reference: str) -> bool:
    """Remove a name of an image, and the image with its last one; or an image without a name by its id.

    Returns:
        Whether it went; an image that is in use stays.

    Raises:
        EngineError: the engine does not answer.
    """
    with _connected(engine) as client, _explained(f"removing the image {reference}"):
        try:
            client.remove_image(reference)
        except NotFound:
            return True
        except APIError as error:
            if error.response is not None and error.response.status_code == requests.codes.conflict:
                return False
            raise
    return True


def cache_size(engine: Engine) -> int:
    """Bytes of the build cache that no image holds.

    Raises:
        EngineError: the engine does not answer.
    """
    with _connected(engine) as client, _explained("measuring the build cache"):
        return _size(client)


def prune_cache(engine: Engine, keep: int) -> int:
    """Remove what was not used longest from the build cache, until it is at most so large.

    Args:
        engine: whose cache.
        keep: bytes that may stay.

    Returns:
        Bytes that were freed.

    Raises:
        EngineError: the engine does not answer.
    """
    with _connected(engine) as client, _explained("pruning the build cache"):
        # What images hold too frees nothing, and is the first to be missed: it goes last (`all`).
        # keep-storage=0 would mean no such rule to the engine.
        freed = 0
        for everything in (False, True):
            answer = client.prune_builds(keep_storage=max(keep, 1), all=everything)
            freed += int(answer.get("SpaceReclaimed") or 0)
            if _size(client) <= keep:
                break
    return freed


def _size(client: docker.APIClient) -> int:
    records = client.df().get("BuildCache") or []
    return sum(int(record.get("Size") or 0) for record in records if not record.get("Shared"))


@contextmanager
def _connected(engine: Engine) -> Iterator[docker.APIClient]:
    client = engine.connect(timeout=_PATIENCE)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _explained(doing: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise EngineError(f"{doing}: the engine refused: {error.explanation or error}") from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise EngineError(
            f"{doing}: {error}", hint="is the Docker engine running?", retryable=True
        ) from error
