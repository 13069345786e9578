"""The sockets on which the web process answers, and the servers behind them.

One loop runs a uvicorn server per listener. The command line's unix socket marks each connection with the
account that opened it, as the kernel tells (``SO_PEERCRED``, unix(7)); the panel's, for a browser through
``ssh -L``, and the TCP one, for the router, mark nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from havre.errors import ServerError
from havre.interfaces.server.asgi import Application, Gate

_BACKLOG: Final = 256
_TICK: Final = 1.0  # seconds; uvicorn's own loop wakes ten times as often
_GRACE: Final = 3  # seconds that streams get to end
_IP_FREEBIND: Final = 15  # ip(7); the socket module has no name for it
_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid


def listen_unix(path: Path) -> socket.socket:
    """Listen on a socket file for its owner and group, in place of one that nobody answers on.

    The group is the folder's (setgid). The file is made under another name, then renamed: it is
    never there with other permissions, and never missing while it is replaced.

    Raises:
        ServerError: somebody answers there already.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise ServerError(
                f"another process answers on {path}", hint="stop it first: is Havre running twice?"
            )
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(draft))
        draft.chmod(0o660)
        listener.listen(_BACKLOG)
        draft.rename(path)
    except OSError:
        listener.close()
        draft.unlink(missing_ok=True)
        raise
    listener.setblocking(False)
    return listener


def listen_tcp(address: str, port: int) -> socket.socket:
    """Listen on an address of this server, even before it has it: the engine makes its bridge late.

    Raises:
        ServerError: the port is taken, or the address is not one.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_IP, _IP_FREEBIND, 1)
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"the API cannot listen on {address} port {port}: {error.strerror or error}",
            hint="choose another by HAVRE_API_LISTEN and HAVRE_API_PORT",
        ) from error
    listener.setblocking(False)
    return listener


def serve(
    application: Application, unix: socket.socket, panel: socket.socket, tcp: socket.socket | None
) -> None:
    """Answer until SIGTERM or SIGINT.

    Args:
        application: what answers.
        unix: the command line's socket.
        panel: the socket of people's browsers, who sign in.
        tcp: where the router asks; None without a domain.
    """
    asyncio.run(_serve(application, unix, panel, tcp))


async def _serve(
    application: Application, unix: socket.socket, panel: socket.socket, tcp: socket.socket | None
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = [
        _server(application, _LocalProtocol, stop).serve([unix]),
        _server(Gate(application, None, "panel"), H11Protocol, stop).serve([panel]),
    ]
    if tcp is not None:
        running.append(_server(Gate(application, None), H11Protocol, stop).serve([tcp]))
    await asyncio.gather(*running)


def _server(application: Application, protocol: type[H11Protocol], stop: asyncio.Event) -> _Server:
    settings = uvicorn.Config(
        application,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE,
    )
    return _Server(settings, stop)


class _Server(uvicorn.Server):
    """uvicorn's server, except that the process and not each server hears signals, and sleeps longer."""

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK):
                    await self._stop.wait()
                    self.should_exit = True


class _LocalProtocol(H11Protocol):
    """HTTP on the unix socket: every connection is marked with the account that opened it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        from havre.interfaces.api.access import Peer  # noqa: PLC0415 - after Django is set up

        connection: socket.socket = transport.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:  # cannot be: fail closed if it ever is
            transport.abort()
            return
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, uid, _ = _CREDENTIALS.unpack(told)
        self.app = Gate(self.app, Peer(_account(uid)))


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
