"""Facts of a service: the same from what is sent and from what the engine says it has."""

from __future__ import annotations

import copy
from typing import Any

from havre.adapters.swarm.facts import duration, facts, size
from havre.adapters.swarm.requests import service_request
from havre.domain.workload import (
    Attachment,
    EnvVar,
    HostPort,
    Resources,
    SecretFile,
    VolumeMount,
    Workload,
)

WORKLOAD = Workload(
    name="shop-production-api-r1",
    image="sha256:1",
    labels=(("havre.managed", "true"), ("havre.release", "1")),
    command=("node", "a b.js"),
    env=(EnvVar.plain("A", "1"), EnvVar("K", "hunter2", "k@1")),
    attachments=(Attachment("shop-production", ("api",)),),
    volumes=(VolumeMount("shop-production-data", "/data"),),
    tmpfs=("/tmp",),
    secret_files=(SecretFile("shop-production-db-password-v1", "password"),),
    ports=(HostPort(80, 8080),),
    replicas=2,
    limits=Resources(1.5, 512 * 2**20),
    read_only=True,
    ignore_image_health=True,
)
REQUEST = service_request(
    WORKLOAD, networks={"shop-production": "n1"}, secrets={"shop-production-db-password-v1": "s1"}
)


def read(spec: dict[str, Any]) -> dict[str, str]:
    return facts(spec, networks={"n1": "shop-production"}, hide=lambda value: f"hidden:{len(value)}")


def as_the_engine_says() -> dict[str, Any]:
    """What engine 20.10 to 29 add by themselves, as measured."""
    spec = copy.deepcopy(REQUEST)
    template = spec["TaskTemplate"]
    template["ForceUpdate"] = 3
    template["Runtime"] = "container"
    template["RestartPolicy"]["MaxAttempts"] = 0
    template["ContainerSpec"] |= {"Isolation": "default", "DNSConfig": {}}
    template["ContainerSpec"]["Mounts"].reverse()
    template["Placement"]["Platforms"] = [{"Architecture": "amd64", "OS": "linux"}]
    spec["Labels"] = {**spec["Labels"], "havre.spec": "abc"}
    spec["UpdateConfig"] |= {"Monitor": 5000000000, "MaxFailureRatio": 0}
    spec["RollbackConfig"] = {"Parallelism": 1}
    return spec


def test_what_the_engine_adds_is_no_difference() -> None:
    assert read(as_the_engine_says()) == read(REQUEST)


def test_the_facts_are_named_as_people_name_them_and_values_are_hidden() -> None:
    found = read(REQUEST)
    assert found["image"] == "sha256:1"
    assert found["command"] == "node 'a b.js'"
    assert found["replicas"] == "2"
    assert found["env.K"] == "hidden:7"
    assert found["networks.shop-production"] == "as api"
    assert found["volumes./data"] == "volume shop-production-data"
    assert found["secrets.password"] == "shop-production-db-password-v1"
    assert found["limits.memory"] == "512M"
    assert found["limits.cpus"] == "1.5"
    assert found["ports.80"] == "8080/tcp host"
    assert found["stop_grace"] == "10s"
    assert "hunter2" not in str(found)
    assert "labels.havre.release" not in found


def test_what_somebody_adds_shows_also_where_havre_never_sets_it() -> None:
    changed = as_the_engine_says()
    container = changed["TaskTemplate"]["ContainerSpec"]
    container["Hostname"] = "other"
    container["Hosts"] = ["10.0.0.1 db"]
    container["CapabilityAdd"] = ["CAP_NET_ADMIN"]
    container["Env"] = ["A=2", "B="]
    container["ReadOnly"] = False
    changed["TaskTemplate"]["Networks"].append({"Target": "n9", "Aliases": None})
    changed["Labels"]["mine"] = "x"
    before, after = read(REQUEST), read(changed)
    differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert differing == {
        "ContainerSpec.Hostname",
        "ContainerSpec.Hosts",
        "ContainerSpec.CapabilityAdd",
        "ContainerSpec.ReadOnly",
        "env.B",
        "env.K",
        "networks.n9",
        "labels.mine",
    }


def test_what_the_manifest_has_a_key_for_is_told_in_its_words() -> None:
    changed = as_the_engine_says()
    changed["TaskTemplate"]["ContainerSpec"] |= {
        "StopGracePeriod": 90_000_000_000,
        "StopSignal": "SIGINT",
        "User": "1000:1000",
        "Dir": "/srv",
        "Command": ["/bin/sh", "-c"],
        "Args": ["a", "b c"],
    }
    before, after = read(REQUEST), read(changed)
    assert {path: text for path, text in after.items() if before.get(path) != text} == {
        "stop_grace": "90s",
        "stop_signal": "SIGINT",
        "user": "1000:1000",
        "working_dir": "/srv",
        "entrypoint": "/bin/sh -c",
        "command": "a 'b c'",
    }


def test_times_are_exact() -> None:
    times = [9 * 10**9, 120 * 10**9, 7200 * 10**9, 1500 * 10**6, 10]
    assert [duration(time) for time in times] == ["9s", "2m", "2h", "1500ms", "10ns"]


def test_sizes_are_exact() -> None:
    assert [size(n) for n in (2**30, 512 * 2**20, 1536, 1000)] == ["1G", "512M", "1536B", "1000B"]
