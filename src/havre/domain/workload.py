"""What is to run, engine-agnostic: one frozen value per service, job or router.

The adapter for an engine turns a workload into that engine's request; nothing here knows Swarm.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class EnvVar:
    """One environment variable.

    ``stamp`` stands for the value wherever the value must not be seen: in comparisons and
    fingerprints. For a plain variable it is the value; for a secret one it names the version.
    """

    name: str
    value: str = field(repr=False)
    stamp: str = ""

    @classmethod
    def plain(cls, name: str, value: str) -> EnvVar:
        """A variable whose value anybody may see."""
        return cls(name, value, f"={value}")


@dataclass(frozen=True)
class Attachment:
    """Membership of a network, with the names under which others find the service there."""

    network: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class VolumeMount:
    """A named volume."""

    volume: str
    target: str


@dataclass(frozen=True)
class BindMount:
    """A folder of the host."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True)
class SecretFile:
    """A secret of the engine, as a file: under ``/run/secrets``, or at an absolute path."""

    secret: str
    target: str


@dataclass(frozen=True)
class ConfigFile:
    """A configuration of the engine, as a file at an absolute path; its name tells its content apart."""

    config: str
    target: str


@dataclass(frozen=True)
class HostPort:
    """A port of the node, taken by the task that runs there."""

    published: int
    target: int


@dataclass(frozen=True)
class Resources:
    """Processors (1.0 is one core) and bytes of memory; None means not set."""

    cpus: float | None = None
    memory: int | None = None


_UNNOTICED: Final = frozenset({"name", "labels", "replicas"})


@dataclass(frozen=True)
class Check:
    """A command that the engine runs in a task's container: it holds the task back, later replaces it.

    Times in seconds; ``retries`` failures in a row count, within ``start_period`` none does.
    """

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float


@dataclass(frozen=True)
class Workload:
    """One service, job or router, completely described."""

    name: str
    image: str
    labels: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: tuple[EnvVar, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    binds: tuple[BindMount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    secret_files: tuple[SecretFile, ...] = ()
    config_files: tuple[ConfigFile, ...] = ()
    ports: tuple[HostPort, ...] = ()
    replicas: int = 1
    limits: Resources = Resources()
    reservations: Resources = Resources()
    stop_grace: float = 10.0
    stop_signal: str = ""
    """Empty: what the image says, else SIGTERM."""
    check: Check | None = None
    read_only: bool = False
    user: str = ""
    working_dir: str = ""
    is_job: bool = False
    ignore_image_health: bool = False
    """Whether the image's own health check is left out, because Havre asks the service itself."""
    constraints: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Hash of what a running task would notice.

        Left out: the name and labels (they carry the release's number), the number of replicas
        (scaling replaces nothing), values of secrets (their versions stand for them), and what is as
        it is by default: a field that a later Havre adds must not restart every database.
        """
        content: dict[str, Any] = dataclasses.asdict(self)
        for each in dataclasses.fields(self):
            if each.name in _UNNOTICED or getattr(self, each.name) == each.default:
                del content[each.name]
        content["env"] = [[var.name, var.stamp] for var in self.env]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]

    def labelled(self, **more: str) -> Workload:
        """The same workload with more labels."""
        return dataclasses.replace(self, labels=tuple(sorted({**dict(self.labels), **more}.items())))
