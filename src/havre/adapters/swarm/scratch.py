"""A container that does nothing, for a moment, to run a program of an image in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from docker.errors import NotFound

from havre.adapters.swarm.calls import explained
from havre.adapters.swarm.engine import Engine
from havre.domain import naming

_LIFE: str = "600"  # seconds, should nobody be left to remove it


@contextmanager
def scratch_container(engine: Engine, image: str) -> Iterator[str]:
    """The id of a running container of an image, without capabilities; it is removed afterwards.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    client = engine.connect()
    try:
        with explained("starting a container to look from"):
            made = client.create_container(
                image,
                command=[_LIFE],
                entrypoint=["sleep"],
                labels={naming.MANAGED: "true"},
                healthcheck={"test": ["NONE"]},
                host_config=client.create_host_config(cap_drop=["ALL"], auto_remove=True, init=True),
            )
            client.start(made["Id"])
        try:
            yield str(made["Id"])
        finally:
            with suppress(NotFound), explained("removing it"):
                client.remove_container(made["Id"], force=True)
    finally:
        client.close()
