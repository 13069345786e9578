"""What is known of Compose's keys and of common images: what Havre does instead, and why."""

from __future__ import annotations

import re
from typing import Final

from havre.domain.images import ImageName

WRITE_ONE_FILE: Final = "`docker compose config --no-interpolate` writes one file; convert that one"

SERVICE_KEYS: Final[dict[str, tuple[str, str]]] = {
    "annotations": ("Havre labels what it starts itself", ""),
    "attach": ("`havre logs` shows every service", ""),
    "blkio_config": ("Havre limits processors and memory only", ""),
    "cap_add": (
        "containers get no more rights than usual",
        "let the program do without, or run it outside of Havre",
    ),
    "cap_drop": ("containers have the usual capabilities", "run the program as a user of its own (user:)"),
    "cgroup": ("the engine chooses", ""),
    "cgroup_parent": ("the engine chooses", ""),
    "configs": ("Havre mounts no files", "copy the file into the image, or give its content in env"),
    "container_name": (
        "Havre names containers, as several may run",
        "others reach the service by its own name",
    ),
    "cpu_count": ("not known to Linux engines", ""),
    "cpu_percent": ("not known to Linux engines", ""),
    "cpu_period": ("Havre takes a number of processors", "write resources.limits.cpus"),
    "cpu_quota": ("Havre takes a number of processors", "write resources.limits.cpus"),
    "cpu_rt_period": ("Havre takes a number of processors", ""),
    "cpu_rt_runtime": ("Havre takes a number of processors", ""),
    "cpu_shares": ("Havre takes a number of processors", "write resources.limits.cpus"),
    "cpuset": ("the engine chooses processors", ""),
    "credential_spec": ("known to Windows only", ""),
    "develop": ("it is for development; Havre deploys commits", ""),
    "device_cgroup_rules": ("containers see no devices", ""),
    "devices": ("containers see no devices of the server", "run the program outside of Havre"),
    "dns": ("the engine resolves names", "set the server's own resolver"),
    "dns_opt": ("the engine resolves names", "set the server's own resolver"),
    "dns_search": ("the engine resolves names", "write full names"),
    "domainname": ("containers have no domain name", ""),
    "external_links": ("services of other projects are not reached by name", "use their public domain"),
    "extra_hosts": ("names come from DNS only", "use a DNS record"),
    "gpus": ("containers see no devices of the server", "run the program outside of Havre"),
    "group_add": ("a container has the groups of its image", "write user: UID:GID"),
    "hostname": ("the engine names containers", "others reach the service by its own name"),
    "init": ("every container has an init process", ""),
    "ipc": ("containers share no memory", ""),
    "isolation": ("known to Windows only", ""),
    "label_file": ("Havre labels what it starts itself", ""),
    "links": ("all services of an environment reach each other by their names", ""),
    "logging": ("Havre keeps logs itself, 60 MB per task", "`havre logs` shows them"),
    "mac_address": ("the engine chooses addresses", ""),
    "mem_swappiness": ("Havre limits processors and memory only", ""),
    "memswap_limit": ("Havre limits processors and memory only", ""),
    "models": ("Havre runs no models", ""),
    "oom_kill_disable": ("a task above its memory is restarted", ""),
    "oom_score_adj": ("the engine chooses", ""),
    "pid": ("containers see their own processes only", ""),
    "pids_limit": ("Havre limits processors and memory only", ""),
    "platform": ("images are for the server's processor", ""),
    "post_start": (
        "Havre runs no commands in started containers",
        "use `release`, which runs before traffic",
    ),
    "pre_stop": ("Havre runs no commands in stopping containers", "let the program heed SIGTERM"),
    "privileged": ("containers get no more rights than usual", "run the program outside of Havre"),
    "provider": ("Havre runs containers only", ""),
    "pull_policy": ("an image is resolved and pulled once, when a commit is deployed", ""),
    "read_only": ("apps may write in their container; what they write is lost with it", ""),
    "runtime": ("the engine chooses", ""),
    "security_opt": ("containers have the engine's usual profile", ""),
    "shm_size": ("containers have 64 MB of shared memory", "use files on a volume"),
    "stdin_open": ("services have no terminal", ""),
    "storage_opt": ("the engine chooses", ""),
    "sysctls": ("kernel settings are the server's", "set them on the server"),
    "tmpfs": ("a container's files are on disk and gone with it", ""),
    "tty": ("services have no terminal", ""),
    "ulimits": ("limits are the engine's", "set them for the Docker engine"),
    "use_api_socket": ("no container reaches the engine", "run the program outside of Havre"),
    "userns_mode": ("the engine chooses", ""),
    "uts": ("containers have their own host name", ""),
    "volume_driver": ("volumes are local", ""),
    "volumes_from": ("volumes are shared by their name", "name the same volume in both services"),
}
"""Keys of a service that are not carried over whatever they say: reason and remedy."""

DEPLOY_KEYS: Final[dict[str, tuple[str, str]]] = {
    "endpoint_mode": ("names resolve to the tasks themselves (dnsrr)", ""),
    "labels": ("Havre labels what it starts itself", ""),
    "mode": ("Havre runs a number of tasks", "write replicas"),
    "placement": ("the engine places tasks", ""),
    "restart_policy": ("what ends is started again, always", ""),
    "rollback_config": ("a release that is not healthy is always undone", ""),
    "update_config": ("a release is started beside the old one", "see strategy"),
}

_SIGNALS: Final = {"TERM": 15, "INT": 2, "QUIT": 3, "HUP": 1, "USR1": 10, "USR2": 12, "WINCH": 28}
STOP_SIGNALS: Final = {
    word: f"SIG{name}" for name, number in _SIGNALS.items() for word in (name, str(number))
}
"""Signals that a manifest takes, by their names without SIG and by their numbers on Linux."""

NOT_HTTP: Final = frozenset(
    {22, 25, 53, 110, 143, 389, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2181, 2379, 3306, 4222, 5432, 5433}
    | {5672, 6379, 6380, 7687, 8883, 9042, 9092, 9094, 11211, 26257, 27017, 27018, 33060}
)
"""Ports on which other protocols than HTTP are spoken, so that the router leads nowhere."""

_STORES: Final = re.compile(
    r"mysql|mariadb|percona|mongo(?:db)?|mssql|sqlserver|oracle|cassandra|scylla|couchdb|influxdb|clickhouse"
    r"|cockroach|neo4j|elasticsearch|opensearch|postgis|timescaledb?(?:-ha)?|pgvector|keydb|dragonfly|redis-stack"
    r"|memcached|rabbitmq|kafka|minio|meilisearch|typesense"
)

IN_MEMORY: Final = frozenset({"memcached"})
"""Those stores that keep nothing on disk."""


def managed_kind(image: ImageName) -> str:
    """``postgres`` or ``redis`` for the images that Havre replaces by its own service, else nothing."""
    path = (
        image.repository.removeprefix("docker.io/").removeprefix("index.docker.io/").removeprefix("library/")
    )
    if path in {"postgres", "bitnami/postgresql", "bitnamilegacy/postgresql"}:
        return "postgres"
    if path in {"redis", "valkey/valkey", "bitnami/redis", "bitnami/valkey", "bitnamilegacy/redis"}:
        return "redis"
    return ""


def store_of(image: ImageName) -> str:
    """The name of a database or queue that has no managed kind, nothing for other images."""
    last = image.repository.rpartition("/")[2]
    return last if _STORES.fullmatch(last) or _STORES.match(last.partition("-")[0]) else ""
