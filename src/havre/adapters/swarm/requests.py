"""Workloads as the Docker Engine's JSON, and the engine's JSON as snapshots.

Plain values in, plain values out, so that tests compare them. Format: Docker Engine API 1.41
(https://docs.docker.com/reference/api/engine/version/v1.41/), which engines 20.10 to 29 accept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from havre.domain import naming
from havre.domain.snapshot import STOP_GRACE, Service, Snapshot, Task
from havre.domain.workload import Resources, Workload

_SECOND = 1_000_000_000  # the engine counts nanoseconds
_RESTART_DELAY = _SECOND // 2


def service_request(
    workload: Workload,
    *,
    networks: Mapping[str, str],
    secrets: Mapping[str, str],
    configs: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The body of ``POST /services/create`` and ``/services/{id}/update`` for a workload.

    Args:
        workload: what is to run.
        networks: engine id by network name, of every network it joins.
        secrets: engine id by name, of every secret it reads.
        configs: engine id by name, of every configuration it reads.
    """
    container: dict[str, Any] = {
        "Image": workload.image,
        "Labels": dict(workload.labels),
        "Env": [f"{var.name}={var.value}" for var in workload.env],
        "Mounts": _mounts(workload),
        "Secrets": [
            {
                "SecretID": secrets[file.secret],
                "SecretName": file.secret,
                "File": {"Name": file.target, "UID": "0", "GID": "0", "Mode": 0o444},
            }
            for file in workload.secret_files
        ],
        "StopGracePeriod": int(workload.stop_grace * _SECOND),
        # A tiny init reaps zombies and passes SIGTERM on to applications that run as PID 1
        # without a handler, which the kernel would otherwise not deliver.
        "Init": True,
    }
    if workload.config_files:
        container["Configs"] = [
            {
                "ConfigID": (configs or {})[file.config],
                "ConfigName": file.config,
                "File": {"Name": file.target, "UID": "0", "GID": "0", "Mode": 0o444},
            }
            for file in workload.config_files
        ]
    if workload.ignore_image_health:
        # Swarm would hold a task back until the image's check passed, at that check's slow pace.
        container["Healthcheck"] = {"Test": ["NONE"]}
    if workload.check:
        container["Healthcheck"] = {
            "Test": ["CMD", *workload.check.command],
            "Interval": int(workload.check.interval * _SECOND),
            "Timeout": int(workload.check.timeout * _SECOND),
            "Retries": workload.check.retries,
            "StartPeriod": int(workload.check.start_period * _SECOND),
        }
    if workload.stop_signal:
        container["StopSignal"] = workload.stop_signal
    if workload.entrypoint:
        container["Command"] = list(workload.entrypoint)
    if workload.command:
        container["Args"] = list(workload.command)
    if workload.read_only:
        container["ReadOnly"] = True
    if workload.user:
        container["User"] = workload.user
    if workload.working_dir:
        container["Dir"] = workload.working_dir
    return {
        "Name": workload.name,
        "Labels": dict(workload.labels),
        "TaskTemplate": {
            "ContainerSpec": container,
            "Resources": {
                "Limits": _resources(workload.limits),
                "Reservations": _resources(workload.reservations),
            },
            "RestartPolicy": {"Condition": "none"}
            if workload.is_job
            else {"Condition": "any", "Delay": _RESTART_DELAY},
            "Placement": {"Constraints": list(workload.constraints)},
            "Networks": [
                {"Target": networks[attached.network], "Aliases": list(attached.aliases)}
                for attached in workload.attachments
            ],
            # A log that fills the disk takes every application down with it.
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "20m", "max-file": "3"}},
        },
        "Mode": {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
        if workload.is_job
        else {"Replicated": {"Replicas": workload.replicas}},
        # Only databases and the router are ever updated in place: they own a volume or a port,
        # so the old task has to stop first.
        "UpdateConfig": None
        if workload.is_job
        else {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"},
        "EndpointSpec": {
            "Mode": "dnsrr",  # nothing depends on IPVS, and clients see the tasks' own addresses
            "Ports": [
                {
                    "Protocol": "tcp",
                    "TargetPort": port.target,
                    "PublishedPort": port.published,
                    "PublishMode": "host",
                }
                for port in workload.ports
            ],
        },
    }


def _mounts(workload: Workload) -> list[dict[str, Any]]:
    owner = {
        key: value
        for key, value in workload.labels
        if key in {naming.MANAGED, naming.PROJECT, naming.ENVIRONMENT}
    }
    volumes = [
        {
            "Type": "volume",
            "Source": mount.volume,
            "Target": mount.target,
            "VolumeOptions": {"Labels": owner},
        }
        for mount in workload.volumes
    ]
    binds = [
        {"Type": "bind", "Source": mount.source, "Target": mount.target, "ReadOnly": mount.read_only}
        for mount in workload.binds
    ]
    return [*volumes, *binds, *({"Type": "tmpfs", "Target": target} for target in workload.tmpfs)]


def _resources(resources: Resources) -> dict[str, int]:
    result: dict[str, int] = {}
    if resources.cpus is not None:
        result["NanoCPUs"] = int(resources.cpus * _SECOND)
    if resources.memory is not None:
        result["MemoryBytes"] = resources.memory
    return result


def snapshot(services: Iterable[Mapping[str, Any]], tasks: Iterable[Mapping[str, Any]]) -> Snapshot:
    """The engine's answers to ``GET /services`` and ``GET /tasks`` as one picture."""
    by_service: dict[str, list[Task]] = {}
    for answer in sorted(tasks, key=lambda task: str(task.get("CreatedAt", "")), reverse=True):
        by_service.setdefault(answer["ServiceID"], []).append(task_of(answer))
    return Snapshot(
        tuple(
            _service(answer, tuple(by_service.get(answer["ID"], ())))
            for answer in sorted(services, key=lambda service: str(service["Spec"]["Name"]))
        )
    )


def _service(answer: Mapping[str, Any], tasks: tuple[Task, ...]) -> Service:
    spec = answer["Spec"]
    mode = spec.get("Mode", {})
    return Service(
        id=answer["ID"],
        name=spec["Name"],
        labels=tuple(sorted((spec.get("Labels") or {}).items())),
        image=spec["TaskTemplate"]["ContainerSpec"]["Image"],
        replicas=(mode.get("Replicated") or {}).get("Replicas", 0),
        tasks=tasks,
        is_job="ReplicatedJob" in mode,
        stop_grace=spec["TaskTemplate"]["ContainerSpec"].get("StopGracePeriod", STOP_GRACE * _SECOND)
        / _SECOND,
    )


def task_of(answer: Mapping[str, Any]) -> Task:
    """One entry of ``GET /tasks``."""
    status = answer.get("Status", {})
    container = status.get("ContainerStatus") or {}
    addresses = tuple(
        (attachment["Network"]["Spec"]["Name"], attachment["Addresses"][0].split("/")[0])
        for attachment in answer.get("NetworksAttachments") or ()
        if attachment.get("Addresses")
    )
    ended = status.get("State") in {"complete", "failed", "rejected", "shutdown"}
    return Task(
        id=answer["ID"],
        service=answer["ServiceID"],
        slot=answer.get("Slot", 0),
        state=status.get("State", "new"),
        desired=answer.get("DesiredState", ""),
        addresses=addresses,
        container=container.get("ContainerID", ""),
        node=answer.get("NodeID", ""),
        message=status.get("Message", ""),
        error=status.get("Err", ""),
        exit_code=container.get("ExitCode") if ended and container.get("ContainerID") else None,
        since=status.get("Timestamp", ""),
        created=answer.get("CreatedAt", ""),
        updated=answer.get("UpdatedAt", ""),
    )
