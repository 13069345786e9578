"""Asking through the router: candidate tasks, the public route, its health and its metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

import httpx

from havre.adapters.traefik.internal import PROBE_HEADER, probe_host
from havre.adapters.traefik.servers import RELEASE_HEADER
from havre.errors import ServerError

_EXCERPT = 300  # characters
_READ_AT_MOST = 4 * _EXCERPT  # bytes; a character has at most four
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=5.0)
_NOT_LOADED = "the router has not loaded the route yet"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: HTTP status; None if there was no answer of the app (see ``error``).
        seconds: how long it took.
        error: why there is no answer, in words; empty if there is one.
        body: the first 300 characters of it.
        release: number of the release whose task answered, by the router's word; None if unknown.
    """

    status: int | None
    seconds: float
    error: str = ""
    body: str = ""
    release: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it counts as healthy: a status from 200 to 399, as for Traefik's own check."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.BAD_REQUEST

    def __str__(self) -> str:
        took = f"after {self.seconds:.2f} s"
        if self.status is None:
            return f"{self.error} ({took})"
        try:
            phrase = f" {HTTPStatus(self.status).phrase}"
        except ValueError:
            phrase = ""
        excerpt = " ".join(self.body.split())
        return f"{self.status}{phrase} {took}" + (f": {excerpt}" if excerpt and not self.is_good else "")


class Router:
    """The running Traefik, as the worker reaches it. Safe to share between threads.

    Args:
        internal: URL of the internal entry point (``http://172.18.0.3:8079``).
        public_http: URL of the public HTTP port (``http://127.0.0.1:80``).
        public_https: URL of the public HTTPS port (``https://127.0.0.1:443``).
    """

    def __init__(self, internal: str, public_http: str, public_https: str) -> None:
        self._internal = internal.rstrip("/")
        self._public = {False: public_http.rstrip("/"), True: public_https.rstrip("/")}
        # Certificates are not verified: the question is which release answers at our own port,
        # asked over loopback, and the certificate may be self-signed or not there yet (ACME).
        # The environment is not trusted, or a proxy set there would be asked in our place.
        self._client = httpx.Client(
            verify=False,  # noqa: S501 - see above
            trust_env=False,
            follow_redirects=False,
            limits=_LIMITS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept connections."""
        self._client.close()

    def probe(self, token: str, path: str, timeout: float) -> Answer:
        """Ask a candidate task through its temporary router.

        Args:
            token: of its :class:`~havre.domain.routes.ProbeTarget`.
            path: of its health check.
            timeout: seconds for the whole answer.

        Returns:
            The task's answer. Traefik's own 404, while it has not loaded the router, is no status
            but an error. A task that cannot be reached is Traefik's 502 or 504.
        """
        answer, headers = self._ask(self._internal, probe_host(token), path, https=False, timeout=timeout)
        if answer.status is not None and headers.get(PROBE_HEADER) != token:
            refused = answer.status == HTTPStatus.FORBIDDEN
            error = "the router refuses the worker's address" if refused else _NOT_LOADED
            return Answer(None, answer.seconds, error)
        return answer

    def ask_public(self, host: str, path: str, *, https: bool, timeout: float) -> Answer:
        """Ask as a user would, at the public port of this server.

        A status of 502 to 504 with a release means that Traefik could not reach its tasks.
        """
        return self._ask(self._public[https], host, path, https=https, timeout=timeout)[0]

    def alive(self) -> bool:
        """Whether Traefik answers its ping."""
        try:
            return self._client.get(f"{self._internal}/ping", timeout=2.0).status_code == HTTPStatus.OK
        except httpx.HTTPError:
            return False

    def metrics(self) -> str:
        """Traefik's metrics in Prometheus' text format.

        Raises:
            ServerError: it did not answer with them.
        """
        try:
            answer = self._client.get(f"{self._internal}/metrics", timeout=5.0)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise ServerError(
                f"the router gave no metrics: {error or type(error).__name__}",
                hint="`havre doctor` checks the router",
                retryable=True,
            ) from error
        return answer.text

    def _ask(
        self, base: str, host: str, path: str, *, https: bool, timeout: float
    ) -> tuple[Answer, httpx.Headers]:
        started = time.monotonic()
        # The connection goes to an address, the name goes into Host and, for TLS, into SNI.
        extensions = {"sni_hostname": host} if https else {}
        try:
            with self._client.stream(
                "GET",
                f"{base}{path}",
                headers={"Host": host, "User-Agent": "havre-probe"},
                timeout=timeout,
                extensions=extensions,
            ) as response:
                body = _excerpt(response, started + timeout)
        except httpx.TimeoutException:
            return _failed(started, f"no answer within {timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return _failed(started, str(error) or type(error).__name__)
        answer = Answer(
            response.status_code,
            time.monotonic() - started,
            body=body,
            release=_release(response.headers.get(RELEASE_HEADER, "")),
        )
        return answer, response.headers


def _excerpt(response: httpx.Response, deadline: float) -> str:
    """The beginning of the body; the rest is not read, a health path may answer without end.

    Raises:
        httpx.ReadTimeout: it trickled until the deadline (httpx' timeout is per read).
    """
    collected = b""
    for chunk in response.iter_bytes():
        collected += chunk
        if len(collected) >= _READ_AT_MOST:
            break
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the body did not end in time")
    return collected.decode(errors="replace")[:_EXCERPT]


def _failed(started: float, error: str) -> tuple[Answer, httpx.Headers]:
    return Answer(None, time.monotonic() - started, error), httpx.Headers()


def _release(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() else None
