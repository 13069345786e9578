"""Containers aside of the Swarm: a copy of what runs, in networks of its own, below a ceiling.

They are plain containers of this node. Each is found by its name, so that the next worker goes on with what
one before made; all of them, and the networks, carry the labels by which they are taken away.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import docker
from docker.errors import APIError, NotFound

from havre.adapters.swarm.calls import explained, while_busy
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.toolbox import LAST
from havre.domain.workload import Check

_MOST_PROCESSES: Final = 500
_SECOND: Final = 1_000_000_000
_FIRST_TO_END: Final = 800
"""Where memory runs out, the kernel ends these before what serves (proc(5), ``oom_score_adj``)."""


@dataclass(frozen=True)
class Aside:
    """A container of a copy.

    Attributes:
        name: in the engine.
        image: tag or id of a local image.
        labels: how it is found and taken away.
        network: the isolated network that it is in, with the name that others know it by there.
        alias: that name.
        entrypoint, command, user, working_dir: as of a workload; empty for the image's own.
        env: its variables; they may be secret.
        files: content by path, put there before it starts, readable for everybody in it.
        scratch: folders in memory, by path, with the options of tmpfs(5).
        volumes: where it sees volumes of its own, which go with it.
        shared: volumes of the copy by the path where it sees them; they are made if need be, with the labels.
        readable: volumes by the path where it may read them, and nothing else.
        cpus: processors that it may take.
        memory: bytes that it may take.
        check: a command by which the engine finds out whether it is ready.
        is_deaf: whether it finds no name but those of its network.
        restarts: how often the engine starts it again after it failed.
    """

    name: str
    image: str
    labels: Mapping[str, str]
    network: str
    alias: str
    cpus: float
    memory: int
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    user: str = ""
    working_dir: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    scratch: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[str] = ()
    shared: Mapping[str, str] = field(default_factory=dict)
    readable: Mapping[str, str] = field(default_factory=dict)
    check: Check | None = None
    is_read_only: bool = False
    is_deaf: bool = True
    restarts: int = 0


@dataclass(frozen=True)
class Seen:
    """A container as it is now. ``networks``: its address in each; ``health`` is the engine's own word."""

    id: str
    is_running: bool
    exit_code: int
    networks: Mapping[str, str]
    health: str = ""
    is_restarting: bool = False
    was_out_of_memory: bool = False


def ensure_bridge(engine: Engine, name: str, labels: Mapping[str, str], *, is_isolated: bool) -> None:
    """Make a network of this node unless it is there.

    From an isolated one nothing leads outward. What the engine calls internal keeps the way to this machine
    itself, and to all that listens here, a mail server say: the default route of its containers ends at the
    bridge's own address (engine 20.10). So the bridge gets none.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    with explained(f"making the network {name}"):
        if name not in _bridges(engine.api, name):
            engine.api.create_network(
                name,
                driver="bridge",
                labels=dict(labels),
                internal=is_isolated,
                options={"com.docker.network.bridge.inhibit_ipv4": "true"} if is_isolated else {},
                check_duplicate=True,
            )


def remove_bridge(engine: Engine, name: str) -> None:
    """Remove a network of this node if it is there; whatever is in it stays without it.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    with explained(f"removing the network {name}"):
        for found in _bridges(engine.api, name).values():
            for inside in engine.api.inspect_network(found).get("Containers") or ():
                with suppress(NotFound, APIError):
                    engine.api.disconnect_container_from_network(inside, found, force=True)
            for attempt in while_busy():
                with attempt, suppress(NotFound):
                    engine.api.remove_network(found)


def _bridges(api: docker.APIClient, name: str) -> dict[str, str]:
    found = api.networks(filters={"name": name, "driver": "bridge"})
    return {network["Name"]: network["Id"] for network in found if network["Name"] == name}


def ensure_aside(engine: Engine, wanted: Aside, *, outward: str = "") -> Seen:
    """Make and start a container unless one of its name is there, running or ended.

    Args:
        engine: of this node.
        wanted: the container.
        outward: another network that it is in until :func:`remove_bridge` takes that away.

    Raises:
        EngineError: the engine refused or did not answer.
    """
    found = look(engine, wanted.name)
    if found is not None:
        return found
    with explained(f"starting {wanted.name}"):
        # Under another name until it is complete: one that a dead worker left half made is not taken for it.
        draft = f"{wanted.name}.draft"
        with suppress(NotFound):
            engine.api.remove_container(draft, v=True, force=True)
        made = engine.api.create_container(**_request(engine.api, wanted, draft))["Id"]
        if wanted.files:
            engine.api.put_archive(made, "/", _archive(wanted.files))
        if outward:
            engine.api.connect_container_to_network(made, outward)
        engine.api.start(made)
        engine.api.rename(made, wanted.name)
    return look(engine, wanted.name) or Seen(made, False, -1, {})


def look(engine: Engine, name: str) -> Seen | None:
    """The container of that name; None if there is none.

    Raises:
        EngineError: the engine did not answer.
    """
    with explained(f"inspecting {name}"):
        try:
            found = engine.api.inspect_container(name)
        except NotFound:
            return None
    state = found["State"]
    networks = (found.get("NetworkSettings") or {}).get("Networks") or {}
    return Seen(
        id=found["Id"],
        is_running=bool(state.get("Running")),
        exit_code=int(state.get("ExitCode") or 0),
        networks={network: str(entry.get("IPAddress") or "") for network, entry in networks.items()},
        health=str((state.get("Health") or {}).get("Status") or ""),
        is_restarting=bool(state.get("Restarting")),
        was_out_of_memory=bool(state.get("OOMKilled")),
    )


def _request(api: docker.APIClient, wanted: Aside, name: str) -> dict[str, Any]:
    own = [docker.types.Mount(path, None) for path in wanted.volumes]
    own += [
        docker.types.Mount(path, volume, labels=dict(wanted.labels)) for path, volume in wanted.shared.items()
    ]
    others = [docker.types.Mount(path, volume, read_only=True) for path, volume in wanted.readable.items()]
    host = api.create_host_config(
        network_mode=wanted.network,
        nano_cpus=int(wanted.cpus * 1e9),
        cpu_shares=LAST,
        mem_limit=wanted.memory,
        memswap_limit=wanted.memory,
        oom_score_adj=_FIRST_TO_END,
        pids_limit=_MOST_PROCESSES,
        security_opt=["no-new-privileges"],
        shm_size=64 * 1024**2,
        log_config=docker.types.LogConfig(type="json-file", config={"max-size": "10m", "max-file": "2"}),
        mounts=[*own, *others],
        tmpfs=dict(wanted.scratch),
        read_only=wanted.is_read_only,
        dns=["127.0.0.1"] if wanted.is_deaf else None,
        init=True,
        restart_policy={"Name": "on-failure", "MaximumRetryCount": wanted.restarts}
        if wanted.restarts
        else None,
    )
    endpoint = api.create_endpoint_config(aliases=[wanted.alias])
    request: dict[str, Any] = {
        "image": wanted.image,
        "name": name,
        "hostname": wanted.alias,
        "labels": dict(wanted.labels),
        "environment": dict(wanted.env),
        "host_config": host,
        "networking_config": {"EndpointsConfig": {wanted.network: endpoint}},
        "healthcheck": _healthcheck(wanted.check),
    }
    given = {
        "entrypoint": list(wanted.entrypoint),
        "command": list(wanted.command),
        "user": wanted.user,
        "working_dir": wanted.working_dir,
    }
    return request | {key: value for key, value in given.items() if value}


def _healthcheck(check: Check | None) -> dict[str, Any]:
    if check is None:
        return {"test": ["NONE"]}
    return {
        "test": ["CMD", *check.command],
        "interval": int(check.interval * _SECOND),
        "timeout": int(check.timeout * _SECOND),
        "retries": check.retries,
        "start_period": int(check.start_period * _SECOND),
    }


def _archive(files: Mapping[str, bytes]) -> bytes:
    """Files as a tar, which is how the engine takes them."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), 0o444
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()
