"""Workloads as engine requests and engine answers as snapshots, by value."""

from __future__ import annotations

import dataclasses

from havre.adapters.swarm.requests import service_request, snapshot
from havre.domain.workload import (
    Attachment,
    BindMount,
    Check,
    EnvVar,
    HostPort,
    Resources,
    SecretFile,
    VolumeMount,
    Workload,
)

WORKLOAD = Workload(
    name="dropit-production-api-r12",
    image="sha256:abc",
    labels=(("havre.managed", "true"),),
    command=("node", "main.js"),
    env=(EnvVar.plain("PORT", "3000"),),
    attachments=(Attachment("dropit-production", ("api",)),),
    volumes=(VolumeMount("dropit-production-uploads", "/data"),),
    binds=(BindMount("/srv/x", "/x"),),
    tmpfs=("/tmp",),
    secret_files=(SecretFile("dropit-production-db-v1", "password"),),
    ports=(HostPort(80, 8080),),
    replicas=2,
    limits=Resources(cpus=0.5, memory=256 * 2**20),
    stop_grace=30,
    read_only=True,
)
IDS = {"networks": {"dropit-production": "net1"}, "secrets": {"dropit-production-db-v1": "sec1"}}


def test_a_service_request_by_value() -> None:
    request = service_request(WORKLOAD, **IDS)
    assert request == {
        "Name": "dropit-production-api-r12",
        "Labels": {"havre.managed": "true"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "sha256:abc",
                "Labels": {"havre.managed": "true"},
                "Env": ["PORT=3000"],
                "Mounts": [
                    {
                        "Type": "volume",
                        "Source": "dropit-production-uploads",
                        "Target": "/data",
                        "VolumeOptions": {"Labels": {"havre.managed": "true"}},
                    },
                    {"Type": "bind", "Source": "/srv/x", "Target": "/x", "ReadOnly": True},
                    {"Type": "tmpfs", "Target": "/tmp"},
                ],
                "Secrets": [
                    {
                        "SecretID": "sec1",
                        "SecretName": "dropit-production-db-v1",
                        "File": {"Name": "password", "UID": "0", "GID": "0", "Mode": 0o444},
                    }
                ],
                "StopGracePeriod": 30_000_000_000,
                "Init": True,
                "Args": ["node", "main.js"],
                "ReadOnly": True,
            },
            "Resources": {
                "Limits": {"NanoCPUs": 500_000_000, "MemoryBytes": 268_435_456},
                "Reservations": {},
            },
            "RestartPolicy": {"Condition": "any", "Delay": 500_000_000},
            "Placement": {"Constraints": []},
            "Networks": [{"Target": "net1", "Aliases": ["api"]}],
            "LogDriver": {"Name": "json-file", "Options": {"max-size": "20m", "max-file": "3"}},
        },
        "Mode": {"Replicated": {"Replicas": 2}},
        "UpdateConfig": {"Parallelism": 1, "Order": "stop-first", "FailureAction": "pause"},
        "EndpointSpec": {
            "Mode": "dnsrr",
            "Ports": [{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 80, "PublishMode": "host"}],
        },
    }


def test_a_job_runs_once_and_never_restarts() -> None:
    request = service_request(Workload(name="j", image="sha256:1", is_job=True), networks={}, secrets={})
    assert request["Mode"] == {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}
    assert request["TaskTemplate"]["RestartPolicy"] == {"Condition": "none"}


def answer_service(name: str = "p-e-api-r1", replicas: int = 1) -> dict:
    return {
        "ID": "s1",
        "Spec": {
            "Name": name,
            "Labels": {"havre.project": "p", "havre.environment": "e"},
            "TaskTemplate": {"ContainerSpec": {"Image": "sha256:1"}},
            "Mode": {"Replicated": {"Replicas": replicas}},
        },
    }


def answer_task(name: str, state: str, desired: str, created: str, **status: object) -> dict:
    return {
        "ID": name,
        "ServiceID": "s1",
        "Slot": 1,
        "CreatedAt": created,
        "DesiredState": desired,
        "Status": {"State": state, **status},
        "NetworksAttachments": [{"Network": {"Spec": {"Name": "havre-edge"}}, "Addresses": ["10.0.1.5/24"]}],
    }


def test_a_snapshot_orders_tasks_newest_first_and_knows_addresses() -> None:
    ended = {"ContainerID": "c", "ExitCode": 3}
    picture = snapshot(
        [answer_service()],
        [
            answer_task("old", "failed", "shutdown", "1", ContainerStatus=ended),
            answer_task("new", "running", "running", "2"),
        ],
    )  # fmt: skip
    service = picture.get("p-e-api-r1")
    assert service is not None
    assert [task.id for task in service.tasks] == ["new", "old"]
    assert service.tasks[0].address("havre-edge") == "10.0.1.5"
    assert service.tasks[1].exit_code == 3
    assert service.has_converged
    assert [s.name for s in picture.of("p", "e")] == ["p-e-api-r1"]
    assert picture.of("p", "other") == ()


def test_not_converged_while_a_task_lingers_or_is_missing() -> None:
    lingering = snapshot(
        [answer_service()],
        [answer_task("a", "running", "shutdown", "1"), answer_task("b", "running", "running", "2")],
    )
    missing = snapshot([answer_service(replicas=2)], [answer_task("b", "running", "running", "2")])
    assert not lingering.services[0].has_converged
    assert not missing.services[0].has_converged


def test_how_an_image_is_entered_is_left_to_it_unless_said() -> None:
    plain = service_request(WORKLOAD, **IDS)["TaskTemplate"]["ContainerSpec"]
    assert not {"Command", "User", "Dir"} & plain.keys()
    told = dataclasses.replace(WORKLOAD, entrypoint=("sh", "-c"), user="1000:1000", working_dir="/srv")
    container = service_request(told, **IDS)["TaskTemplate"]["ContainerSpec"]
    assert (container["Command"], container["User"], container["Dir"]) == (["sh", "-c"], "1000:1000", "/srv")
    assert told.fingerprint() != WORKLOAD.fingerprint()


def test_a_check_and_a_stop_signal() -> None:
    check = Check(("node", "ready.js"), interval=2.0, timeout=0.5, retries=4, start_period=60.0)
    workload = Workload("w", "sha256:1", check=check, stop_signal="SIGINT")
    container = service_request(workload, networks={}, secrets={})["TaskTemplate"]["ContainerSpec"]
    assert container["Healthcheck"] == {
        "Test": ["CMD", "node", "ready.js"],
        "Interval": 2_000_000_000,
        "Timeout": 500_000_000,
        "Retries": 4,
        "StartPeriod": 60_000_000_000,
    }
    assert container["StopSignal"] == "SIGINT"
