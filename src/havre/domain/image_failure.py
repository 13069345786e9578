"""Why an image could not be had from a registry, from what the engine says, with the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from havre.domain.full_disk import REMEDY, place
from havre.domain.images import ImageName, Login
from havre.errors import EngineError, HavreError, SourceError


@dataclass(frozen=True)
class _Cause:
    """Words of the engine, and what they mean; ``{here}`` tells of a copy on this server."""

    words: tuple[str, ...]
    error: type[HavreError]
    message: str
    hint: str
    retryable: bool = False


_NO_LOGIN: Final = _Cause(
    (),
    SourceError,
    "the registry {registry} does not give {name} without a login, or does not have it",
    "correct the name, or say who asks: image: {{name: …, auth: {{secret: registry-login}}}}, and "
    "`havre secrets set registry-login` with USER:PASSWORD{here}",
)
_BAD_LOGIN: Final = _Cause(
    (),
    SourceError,
    "the registry {registry} refuses the login {user} for {name}",
    "set the secret again as USER:PASSWORD, and see that the account may read this image{here}",
)
_LOGIN: Final = (
    "unauthorized",
    "authentication required",
    "no basic auth credentials",
    "denied",
    "incorrect username or password",
    "forbidden",
)
# The first that fits counts: an engine wraps one cause into another, the particular ones come first.
_CAUSES: Final = (
    _Cause(
        ("http response to https client",),
        EngineError,
        "the registry {registry} speaks plain HTTP, which the engine refuses",
        "give it a certificate, or list it under insecure-registries in /etc/docker/daemon.json",
    ),
    _Cause(
        ("x509", "certificate"),
        EngineError,
        "the engine does not trust the certificate of the registry {registry}",
        "put its authority into /etc/docker/certs.d/{registry}/ca.crt",
    ),
    _Cause(
        ("toomanyrequests", "rate limit"),
        EngineError,
        "the registry {registry} limits how much may be pulled",
        "log in by image: {{name: …, auth: {{secret: …}}}}, or try again later{here}",
        retryable=True,
    ),
    _Cause(
        ("no matching manifest",),
        SourceError,
        "{name} has no image for this server's processor",
        "name a tag that was built for it",
    ),
    _Cause(
        ("no space left", "disk quota exceeded"),
        EngineError,
        "{disk} is full, so {name} could not be stored",
        REMEDY,
    ),
    _Cause(
        ("manifest unknown", "name unknown", "not found", "no such image", "repository does not exist"),
        SourceError,
        "the registry {registry} has no image {name}",
        "correct the image's name or its tag{here}",
    ),
    _Cause(
        (
            *("connection refused", "no such host", "timeout", "deadline exceeded", "no route to host"),
            *("network is unreachable", "name resolution", "server misbehaving", "connection reset"),
            *("eof", "bad gateway", "service unavailable"),
        ),
        EngineError,
        "the registry {registry} cannot be reached, so {name} could not be had",
        "see that it answers from this server, then deploy again{here}",
        retryable=True,
    ),
    _Cause(
        ("",),
        EngineError,
        "the registry {registry} did not give {name}",
        "see what the engine says{here}",
        retryable=True,
    ),
)


def explain(name: ImageName, said: str, *, login: Login | None, copies: Iterable[str] = ()) -> HavreError:
    """The error for an image that could not be had.

    Args:
        name: the image.
        said: what the engine said, which never holds a password.
        login: the login that was used.
        copies: references by digest under which this server has the name already.
    """
    copy = next(iter(copies), "")
    cause = _cause(said.lower(), login)
    facts = {
        "name": str(name),
        "registry": name.registry,
        "user": login.user if login else "",
        "disk": place(said),
        "here": f"; this server has a copy, which image: {copy} names" if copy else "",
    }
    return cause.error(
        cause.message.format_map(facts),
        hint=cause.hint.format_map(facts),
        retryable=cause.retryable,
        detail=said.strip(),
    )


def _cause(text: str, login: Login | None) -> _Cause:
    # "pull access denied, repository does not exist or may require docker login" is both.
    if any(word in text for word in _LOGIN) and "toomanyrequests" not in text:
        return _BAD_LOGIN if login else _NO_LOGIN
    return next(cause for cause in _CAUSES if any(word in text for word in cause.words))
