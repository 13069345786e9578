"""Calls of the engine's SDK: errors explained, and what is worth another try tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
from docker.errors import APIError, DockerException, NotFound
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from havre.errors import EngineAway, EngineError


def is_busy(error: BaseException) -> bool:
    """Whether the engine says that something still holds the thing that was to be removed."""
    return isinstance(error, APIError) and any(word in str(error) for word in ("in use", "active endpoints"))


def is_leaving(error: BaseException) -> bool:
    """Whether a removal is under way: something still holds the thing, or a part of it is gone already.

    Of a network that this node has let go of, the Swarm's copy is refused as "not found" for a moment.
    A thing that is not there at all (404) is none of that.
    """
    if is_busy(error):
        return True
    return isinstance(error, APIError) and not isinstance(error, NotFound) and "not found" in str(error)


def while_busy() -> Retrying:
    """Retry while the engine says that a stopped task still holds the thing."""
    return Retrying(
        retry=retry_if_exception(is_leaving), stop=stop_after_delay(60), wait=wait_fixed(0.2), reraise=True
    )


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn the SDK's errors into one that says what was being done and what helps."""
    try:
        yield
    except APIError as error:
        told = str(error.explanation or error)
        kind = EngineAway if error.is_server_error() and _is_away(told) else EngineError
        raise kind(f"{doing}: the engine refused: {told}", retryable=bool(error.is_server_error())) from error
    except (DockerException, requests.RequestException, OSError) as error:
        raise EngineAway(
            f"{doing}: {error}",
            hint="is the Docker engine running, and may this process use it? `havre doctor` looks",
        ) from error


_NO_LEADER: Final = (
    "does not have a leader",
    "not a swarm manager",
    "manager is not available",
    "deadline exceeded",
    "code = unavailable",
    "transport is closing",
)
"""What an engine says whose Swarm has not come up yet, or is losing its manager."""


def _is_away(told: str) -> bool:
    return any(words in told.lower() for words in _NO_LEADER)
