"""A connection to the Docker engine, by the official SDK."""

from __future__ import annotations

import threading

import docker

from havre.adapters.swarm.calls import explained


class Connection:
    """One engine. Safe to use from several threads: each has its own connection."""

    def __init__(self, address: str, *, timeout: int = 30) -> None:
        self.address = address
        self._timeout = timeout
        self._local = threading.local()

    def connect(self, *, timeout: int | None = None) -> docker.APIClient:
        """A new connection, for what blocks long (following events or logs); the caller closes it."""
        with explained(f"reaching the Docker engine at {self.address}"):
            return docker.APIClient(base_url=self.address, version="auto", timeout=timeout or self._timeout)

    @property
    def api(self) -> docker.APIClient:
        """The connection of this thread."""
        client = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.connect()
        return client
