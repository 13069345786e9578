"""The client of Havre's API: JSON requests, event streams that survive a broken connection."""

from __future__ import annotations

import getpass
import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx
from httpx_sse import EventSource
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from havre.errors import ConflictError, ConsentError, EngineError, HavreError, ServerError, UsageError
from havre.interfaces.cli.connection import Connection

_TIMEOUT = httpx.Timeout(30, connect=5)
_STREAM_TIMEOUT = httpx.Timeout(60, connect=5)
_RECONNECT_FOR = 60.0
_IN_MESSAGE = 3  # so many problems of a request the API repeats in its message
_AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True)
class Received:
    """One event of a stream: its number, kind (``step``, ``log``, ``outcome``) and data."""

    id: int
    kind: str
    data: dict[str, Any]


class Client:
    """Requests to one Havre.

    Every method raises a :class:`~havre.errors.HavreError`: ServerError if Havre cannot be reached,
    else what Havre answered (UsageError, ConflictError …).
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: httpx.Timeout = _TIMEOUT,
        reconnect_for: float = _RECONNECT_FOR,
    ) -> None:
        self.connection = connection
        self._reconnect_for = reconnect_for
        if connection.local:
            self._http = httpx.Client(
                transport=httpx.HTTPTransport(uds=str(connection.socket)),
                base_url="http://havre",
                timeout=timeout,
                trust_env=False,  # a proxy has no business on a unix socket
            )
        else:
            self._http = httpx.Client(
                base_url=connection.url,
                timeout=timeout,
                headers={"Authorization": f"Bearer {connection.token}"},
                verify=_trust(connection),
            )

    def get(self, path: str, **params: Any) -> Any:
        """Read; parameters that are None or empty are left out."""
        return self._ask("GET", path, params=_given(params))

    def post(self, path: str, body: Any = None) -> Any:
        """Make something."""
        return self._ask("POST", path, json=body)

    def put(self, path: str, body: Any) -> Any:
        """Set something."""
        return self._ask("PUT", path, json=body)

    def delete(self, path: str, body: Any = None) -> Any:
        """Remove something."""
        return self._ask("DELETE", path, json=body)

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and answer of ``/healthz``, whatever the status is."""
        answer = self._send("GET", "/healthz")
        return answer.status_code, _object(answer)

    def events(
        self,
        operation: int,
        *,
        after: int = 0,
        interrupted: Callable[[], None] = lambda: None,
    ) -> Iterator[Received]:
        """The events of an operation until its outcome, through any number of broken connections.

        Args:
            operation: its number.
            after: the last event already known.
            interrupted: called each time the connection broke, before it is tried again.

        Raises:
            ServerError: Havre stayed away for a minute. The operation goes on regardless.
        """
        path = f"/api/v1/operations/{operation}/events"
        last = after
        while True:
            with ExitStack() as stack:
                answer = self._reopen(stack, path, last)
                try:
                    for event in EventSource(answer).iter_sse():
                        if not event.data:
                            continue
                        last = int(event.id or last)
                        yield Received(last, event.event, json.loads(event.data))
                        if event.event == "outcome":
                            return
                except httpx.TransportError:
                    pass
            row = self._over(operation)
            if row is not None and not self._missed(operation, last):
                yield Received(last, "outcome", {key: row.get(key) for key in ("state", "error", "result")})
                return
            interrupted()
            time.sleep(0.3)

    def rows(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """The rows of a stream, as event stream or JSON lines, until it ends.

        Raises:
            ServerError: the connection broke.
        """
        with ExitStack() as stack:
            answer = self._open(stack, path, params=_given(params), headers={})
            try:
                if "event-stream" in answer.headers.get("content-type", ""):
                    for event in EventSource(answer).iter_sse():
                        if event.data:
                            yield _row(event.event, json.loads(event.data))
                else:
                    for line in answer.iter_lines():
                        if line.strip():
                            yield _row("", json.loads(line))
            except httpx.TransportError as error:
                raise _unreachable(self.connection, error) from error

    def download(self, path: str, **params: Any) -> Iterator[str]:
        """The text of a file, as it comes; parameters that are None or empty are left out.

        Raises:
            ServerError: the connection broke.
        """
        with ExitStack() as stack:
            answer = self._open(stack, path, params=_given(params), headers={"Accept": "*/*"})
            try:
                yield from answer.iter_text()
            except httpx.TransportError as error:
                raise _unreachable(self.connection, error) from error

    def _over(self, operation: int) -> dict[str, Any] | None:
        """The operation if it has ended, None if it goes on or Havre is away."""
        try:
            row = self.get(f"/api/v1/operations/{operation}")
        except (ServerError, EngineError):
            return None
        return row if row["state"] in {"succeeded", "failed", "cancelled"} else None

    def _missed(self, operation: int, last: int) -> bool:
        """Whether an ended operation still has events that were not received."""
        with ExitStack() as stack:
            try:
                answer = self._open(stack, f"/api/v1/operations/{operation}/events", {"after": last}, {})
                return any(event.data for event in EventSource(answer).iter_sse())
            except (ServerError, EngineError, httpx.TransportError):
                return True

    def _reopen(self, stack: ExitStack, path: str, last: int) -> httpx.Response:
        for attempt in Retrying(
            retry=retry_if_exception_type((ServerError, EngineError)),
            wait=wait_exponential(0.2, max=5),
            stop=stop_after_delay(self._reconnect_for),
            reraise=True,
        ):
            with attempt:
                return self._open(stack, path, {"after": last}, {"Last-Event-ID": str(last)})
        raise AssertionError  # Retrying returns or raises

    def _open(
        self, stack: ExitStack, path: str, params: dict[str, Any], headers: dict[str, str]
    ) -> httpx.Response:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store", **headers}
        try:
            answer = stack.enter_context(
                self._http.stream("GET", path, params=params, headers=headers, timeout=_STREAM_TIMEOUT)
            )
            if answer.is_error:
                answer.read()
                raise _refused(self.connection, answer)
        except httpx.TransportError as error:
            raise _unreachable(self.connection, error) from error
        return answer

    def _ask(self, method: str, path: str, **content: Any) -> Any:
        answer = self._send(method, path, **content)
        if answer.is_error:
            raise _refused(self.connection, answer)
        if answer.status_code == HTTPStatus.NO_CONTENT or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise ServerError(
                f"{self.connection.name} answered something that is not Havre's",
                hint="check HAVRE_URL: it is the address of Havre itself, not of an application",
            ) from error

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        if content.get("json", ...) is None:
            del content["json"]
        try:
            return self._http.request(method, path, **content)
        except httpx.TransportError as error:
            raise _unreachable(self.connection, error) from error


def at(project: str, environment: str, *rest: str) -> str:
    """The path of an environment in the API."""
    return "/api/v1/environments/" + "/".join(quote(part, safe="") for part in (project, environment, *rest))


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in params.items() if value not in (None, "", [])}


def _trust(connection: Connection) -> ssl.SSLContext:
    # The system's authorities (SSL_CERT_FILE is honoured), not a bundle of our own: a company's
    # TLS-inspecting proxy is known to the system only.
    try:
        return ssl.create_default_context(cafile=str(connection.ca) if connection.ca else None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{connection.ca} is not a PEM file of certificates", hint="give a readable file to --ca"
        ) from error


def _row(kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """A row of a stream; a stream may also end with what went wrong."""
    error = row.get("error") if kind == "error" or "line" not in row else None
    if isinstance(error, dict):
        raise EngineError(str(error.get("message", error)), hint=str(error.get("hint", "")))
    if kind == "error":
        raise EngineError(str(row.get("detail") or row.get("message")), hint=str(row.get("hint", "")))
    return row


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _refused(connection: Connection, answer: httpx.Response) -> HavreError:
    told = _object(answer)
    status = answer.status_code
    message = str(told.get("detail") or told.get("title") or f"{connection.name} answered {status}")
    hint = str(told.get("hint") or "")
    kinds: dict[int, type[HavreError]] = {
        HTTPStatus.BAD_REQUEST: UsageError,
        HTTPStatus.NOT_FOUND: UsageError,
        HTTPStatus.UNPROCESSABLE_ENTITY: UsageError,
        HTTPStatus.CONFLICT: ConflictError,
        HTTPStatus.UNAUTHORIZED: ServerError,
        HTTPStatus.FORBIDDEN: UsageError,
        HTTPStatus.SERVICE_UNAVAILABLE: EngineError,
    }
    if not told and status in {HTTPStatus.NOT_FOUND, *_AWAY}:
        return ServerError(
            f"Havre does not answer at {connection.name} (status {status})",
            hint="check the address, and on the server: havre doctor",
            retryable=status in _AWAY,
        )
    if status == HTTPStatus.UNAUTHORIZED and not hint:
        hint = "the token may be wrong, expired or revoked: make one on the server by `havre tokens create`"
    if told.get("confirm"):
        return ConsentError(message, confirm=str(told["confirm"]), hint=hint)
    error = kinds.get(status, HavreError)(message, hint=hint, retryable=bool(told.get("retryable")))
    listed = told.get("errors")
    if isinstance(listed, list) and len(listed) > _IN_MESSAGE:
        error.detail = "\n".join(_line(each) for each in listed)
    return error


def _line(each: Any) -> str:
    """One of the problems that an answer lists, as a line."""
    if not isinstance(each, dict):
        return str(each)
    place = each.get("where") or each.get("path") or each.get("loc") or ""
    if isinstance(place, list):
        place = ".".join(str(part) for part in place)
    told = str(each.get("message") or each.get("msg") or each)
    hint = f" ({each['hint']})" if each.get("hint") else ""
    return f"{place}: {told}{hint}" if place else f"{told}{hint}"


def _unreachable(connection: Connection, error: httpx.TransportError) -> ServerError:
    """What a failed connection means, and what to do about it."""
    cause = _cause(error)
    if isinstance(error, httpx.TimeoutException):
        return ServerError(
            f"Havre did not answer in time at {connection.name}",
            hint="run `havre doctor` on the server",
            retryable=True,
        )
    if connection.local:
        if isinstance(cause, FileNotFoundError):
            return ServerError(
                f"Havre is not running here: there is no socket {connection.socket}",
                hint="start it by `havre serve`, or name a server by HAVRE_URL and HAVRE_TOKEN",
                retryable=True,
            )
        if isinstance(cause, PermissionError):
            return ServerError(
                f"{_user()} may not open the socket {connection.socket}",
                hint=f"join the group of administrators: sudo usermod -aG havre {_user()}, then log in again",
            )
        if isinstance(cause, ConnectionRefusedError):
            return ServerError(
                f"Havre has stopped: nobody listens at the socket {connection.socket}",
                hint="start it again by `havre serve`; its log says why it ended",
                retryable=True,
            )
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ServerError(
            f"the certificate of {connection.url} is not trusted: {cause.verify_message}",
            hint="give the authority's PEM file by --ca or SSL_CERT_FILE",
        )
    return ServerError(
        f"Havre cannot be reached at {connection.name}: {cause}",
        hint="check the address, the network and, on the server, `havre doctor`",
        retryable=True,
    )


def _cause(error: BaseException) -> BaseException:
    """The operating system's own error below the libraries' ones."""
    seen: BaseException | None = error
    last = error
    while seen is not None:
        last = seen
        if isinstance(seen, OSError) and not isinstance(seen, httpx.TransportError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return last


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "this account"
