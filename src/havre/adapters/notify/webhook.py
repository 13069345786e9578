"""Webhooks: a small JSON document, posted to an address that somebody gave."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from havre.errors import HavreError

_ATTEMPTS: Final = 3
_TIMEOUT: Final = 5.0  # seconds, of each attempt


class _Later(Exception):  # noqa: N818 - it is a state, not an error
    """The other side may take it later."""


def post(url: str, document: Mapping[str, Any], *, pause: float = 0.5) -> int:
    """Post a document; redirects are not followed, what is answered is not read.

    Args:
        url: where to; it may be a secret, so it is never told.
        document: what to send, as JSON.
        pause: seconds before the second attempt, twice as long before the third.

    Returns:
        The status that it was taken with.

    Raises:
        HavreError: it was refused, or did not get there in three attempts.
    """
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type((_Later, httpx.TransportError)),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(pause, max=5),
            reraise=True,
        ):
            with attempt:
                return _once(url, document)
    except _Later as later:
        raise HavreError(f"the alert was not taken: status {later}", retryable=True) from later
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise HavreError(f"the alert did not get there: {type(error).__name__}", retryable=True) from None
    raise AssertionError  # Retrying returns or raises


def _once(url: str, document: Mapping[str, Any]) -> int:
    with httpx.stream(
        "POST", url, json=document, timeout=_TIMEOUT, headers={"User-Agent": "havre"}
    ) as answer:
        if answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise _Later(str(answer.status_code))
        if not answer.is_success:
            raise HavreError(f"the alert was refused: status {answer.status_code}")
        return answer.status_code
