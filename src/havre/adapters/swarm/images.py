"""Ready images: looked up in a registry and pulled by the engine.

The engine itself asks the registry, so its proxies, mirrors, authorities and insecure registries
hold. A login goes to it in a header of its unix socket. Without one, what ``docker login`` stored for
the worker's own account is used.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound

from havre.adapters.swarm.engine import Engine
from havre.domain.image_failure import explain
from havre.domain.images import ImageName, Login, PullLog
from havre.errors import Cancelled, EngineError

QUIET = 120
"""Seconds without a word of the engine after which a pull has failed."""


@dataclass(frozen=True)
class LocalImage:
    """An image that the engine has: id, bytes, and the references by which registries know it."""

    id: str
    size: int
    digests: tuple[str, ...]


def find(engine: Engine, reference: str) -> LocalImage | None:
    """The image of that name, digest or id, None if the engine does not have it.

    Raises:
        EngineError: the engine does not answer.
    """
    with _connected(engine) as client:
        try:
            found = client.inspect_image(reference)
        except NotFound:
            return None
    return LocalImage(found["Id"], int(found.get("Size") or 0), tuple(found.get("RepoDigests") or ()))


def digest_of(engine: Engine, name: ImageName, login: Login | None) -> str:
    """The digest to which the registry resolves a name now.

    Raises:
        SourceError: the registry has no such image, or refuses the login.
        EngineError: the registry or the engine cannot be reached.
    """
    with _connected(engine) as client, _explained(engine, name, login):
        answer = client.inspect_distribution(str(name), auth_config=_auth(name, login))
    return str(answer["Descriptor"]["digest"])


def pull(
    engine: Engine,
    name: ImageName,
    login: Login | None,
    *,
    report: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> None:
    """Have an image, named by its digest, on this engine.

    Raises:
        SourceError: the registry has no such image, or refuses the login.
        EngineError: the registry or the engine cannot be reached, or the disk is full.
        Cancelled: ``cancelled`` said yes; the engine drops what was not finished.
    """
    log = PullLog()
    with _connected(engine, timeout=QUIET) as client, _explained(engine, name, login):
        # A digest stands where a tag would; the engine tells them apart (Engine API, `tag`).
        events: Iterator[dict[str, Any]] = client.pull(
            name.repository, tag=name.digest, stream=True, decode=True, auth_config=_auth(name, login)
        )
        for event in events:
            if "error" in event:
                raise explain(name, str(event["error"]), login=login)
            if line := log.feed(event, time.monotonic()):
                report(line)
            if cancelled():
                raise Cancelled("the operation was cancelled")


def give_tag(engine: Engine, reference: str, tag: str) -> None:
    """Name an image, so that it is not taken for one that nobody needs.

    Args:
        engine: where it is.
        reference: id or digest of the image.
        tag: ``REPOSITORY:TAG``.
    """
    repository, _, name = tag.rpartition(":")
    with _connected(engine) as client:
        try:
            client.tag(reference, repository, name, force=True)
        except APIError as error:
            raise EngineError(f"naming the image {tag}: {error.explanation or error}") from error


def _auth(name: ImageName, login: Login | None) -> dict[str, str] | None:
    if login is None:
        return None
    return {"username": login.user, "password": login.password, "serveraddress": name.registry}


@contextmanager
def _connected(engine: Engine, *, timeout: int = 60) -> Iterator[docker.APIClient]:
    """A connection of its own: it reads the logins stored by ``docker login`` anew."""
    client = engine.connect(timeout=timeout)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _explained(engine: Engine, name: ImageName, login: Login | None) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        local = find(engine, str(name))
        raise explain(
            name, str(error.explanation or error), login=login, copies=local.digests if local else ()
        ) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise EngineError(
            f"asking the engine for {name}: {error}",
            hint="is the Docker engine running, and does the registry answer? `havre doctor` looks",
            retryable=True,
        ) from error
