"""The whole ASGI application behind its gate, on a database of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core.cache import cache

from havre import config as configuration
from havre.adapters import sealing
from havre.domain.router_proof import HEADER, proof_of
from havre.interfaces.api.access import Peer
from havre.interfaces.server.asgi import Gate, make_application

Ask = Callable[..., httpx.Response]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory with keys, as the process's own configuration."""
    monkeypatch.setenv("HAVRE_STATE", str(tmp_path))
    configuration.config.cache_clear()
    paths = configuration.config().paths
    paths.keys.mkdir()
    sealing.make_keys(paths.private_key, paths.public_key)
    cache.clear()  # counted requests of the test before
    yield tmp_path
    configuration.config.cache_clear()


def client_of(peer: Peer | None, door: str = "") -> Ask:
    """Asks as one who came by a door."""
    gate = Gate(make_application(), peer, door)

    def ask(method: str, path: str, json: Any = None, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=gate, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, path, json=json, **more)

        return asyncio.run(send())

    return ask


@pytest.fixture
def ask(transactional_db: None, state: Path) -> Ask:
    """Requests as they come from the unix socket, opened by root."""
    return client_of(Peer("root"))


@pytest.fixture
def ask_remotely(transactional_db: None, state: Path) -> Ask:
    """Requests as they come from elsewhere, through the router."""
    asking = client_of(None)

    def ask(method: str, path: str, json: Any = None, **more: Any) -> httpx.Response:
        headers = {HEADER: proof_of(settings.SECRET_KEY), **more.pop("headers", {})}
        return asking(method, path, json, headers=headers, **more)

    return ask
