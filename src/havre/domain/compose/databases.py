"""PostgreSQL and Redis of a Compose file as Havre's own services."""

from __future__ import annotations

import re
from typing import Final

from havre.domain.compose import resources
from havre.domain.compose.environment import tell_env_files
from havre.domain.compose.known import DEPLOY_KEYS, SERVICE_KEYS
from havre.domain.compose.reading import Entry
from havre.domain.compose.running import COMMON
from havre.domain.compose.state import Service, State
from havre.domain.compose.tree import Node
from havre.domain.compose.words import command_of, mount_of, size
from havre.domain.database_version import NEWEST

_POSTGRES_NAME: Final = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")
_POSTGRES_VERSION: Final = str(NEWEST)
_NAMES: Final = {
    "POSTGRES_DB": "database",
    "POSTGRESQL_DATABASE": "database",
    "POSTGRES_USER": "user",
    "POSTGRESQL_USERNAME": "user",
}
_OWN: Final = "Havre's own service does this"
_OUTSIDE: Final = (
    "databases are never reachable from outside; the environment's services reach it",
    "for a look: `havre exec`, or an SSH tunnel to the server",
)
_INSTEAD: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("ports", "expose"), _OUTSIDE),
    **dict.fromkeys(("user", "working_dir", "entrypoint", "secrets"), (_OWN, "")),
    **dict.fromkeys(("stop_grace_period", "stop_signal"), (_OWN, "")),
}


def convert_database(state: State, service: Service) -> None:
    """Fill in the body of a managed service, and say what became of each key."""
    node, ledger = service.node, state.ledger
    _version(state, service)
    tell_env_files(state, service)
    for key, child in node.map.items():
        if key in _HANDLERS:
            _HANDLERS[key](state, service, child)
        elif key in _INSTEAD:
            ledger.dropped(child, *_INSTEAD[key])
        elif key in resources.KEYS:
            resources.convert_resources(state, service)
        elif key in SERVICE_KEYS:
            ledger.dropped(child, *SERVICE_KEYS[key])
    deploy = node.get("deploy")
    for key, child in deploy.map.items() if deploy else ():
        if key == "replicas":
            ledger.changed(child, service.target, "a database has one task")
        elif key in DEPLOY_KEYS:
            ledger.dropped(child, *DEPLOY_KEYS[key])
    if service.kind == "postgres":
        _postgres_entries(state, service)
    else:
        _redis_entries(state, service)


def _version(state: State, service: Service) -> None:
    image, node = service.image, service.node.get("image")
    if image is None or node is None:
        return
    number = re.match(r"[0-9]+(?:\.[0-9]+)?", image.tag)
    if service.kind == "postgres":
        service.body["version"] = int(_POSTGRES_VERSION)
        if number and number[0].partition(".")[0] == _POSTGRES_VERSION:
            state.ledger.carried(node, f"{service.target}.kind")
            return
        was = number[0] if number else image.tag or "another version"
        reason = f"Havre's PostgreSQL is version {_POSTGRES_VERSION}, not {was}"
        state.ledger.changed(node, f"{service.target}.kind", reason, _MOVE_POSTGRES)
        return
    if number:
        service.body["version"] = number[0]
    if image.repository.endswith("redis"):
        state.ledger.carried(node, f"{service.target}.kind")
    else:
        state.ledger.changed(
            node, f"{service.target}.kind", "Havre runs Redis, which speaks the same protocol"
        )


_MOVE_POSTGRES: Final = (
    "the database begins empty: save the old one by pg_dump and load it by psql through `havre exec`, "
    "once before the first release"
)


def _volumes(state: State, service: Service, volumes: Node) -> None:
    for node in volumes.items:
        mount = mount_of(node)
        if mount and "initdb.d" in mount.target:
            state.ledger.dropped(
                node,
                "Havre's database runs no scripts when it is made",
                "put what they do into the release command (migrations) of an app",
            )
        elif mount and mount.kind == "bind" and re.search(r"\.(?:conf|cnf|acl|sh|sql)$", mount.target):
            state.ledger.dropped(node, "Havre's own service has its own settings")
        else:
            if service.kind == "redis":
                service.body["persistent"] = True
            where = f"volume PROJECT-ENVIRONMENT-{service.name}"
            reason = f"Havre keeps its data on a volume of its own ({where}), which begins empty"
            state.ledger.changed(node, service.target, reason, "move the data by a dump of the old database")


def _command(state: State, service: Service, node: Node) -> None:
    words = command_of(node) or []
    if service.kind == "postgres":
        state.ledger.dropped(node, "Havre's PostgreSQL has its own settings")
        return
    options = _redis_options(words)
    kept = []
    if options.get("--appendonly") == "yes" or options.get("--save", "") not in {"", '""', "''"}:
        service.body["persistent"] = True
        kept.append("persistent")
    largest = size(options.get("--maxmemory", ""))
    if largest:
        service.body["max_memory"] = largest
        kept.append("max_memory")
    told = ", ".join(kept) or "nothing else of it is kept"
    known = {"--appendonly", "--save", "--maxmemory", "--requirepass", "--maxmemory-policy"}
    lost = sorted(options.keys() - known)
    reason = (
        f"it became {told}; Havre makes the password itself" if kept else f"{told}; Havre makes the password"
    )
    if lost:
        reason += f"; not carried over: {', '.join(lost)}"
    state.ledger.changed(node, service.target, reason)


def _redis_options(words: list[str]) -> dict[str, str]:
    text = words[-1].split() if len(words) > 2 and words[1] == "-c" else words  # noqa: PLR2004 - sh -c "…"
    options: dict[str, str] = {}
    for at, word in enumerate(text):
        if word.startswith("--"):
            following = text[at + 1] if at + 1 < len(text) else ""
            options[word] = "" if following.startswith("--") else following
    return options


def _postgres_entries(state: State, service: Service) -> None:
    for entry, is_last in _last(service):
        attribute = _NAMES.get(entry.name)
        if not is_last:
            state.ledger.changed(entry.node, "", f"{entry.name} is set again")
        elif attribute:
            _postgres_name(state, service, entry, attribute)
        elif "PASSWORD" in entry.name:
            reason = (
                "Havre makes the password itself and hands it out as ${" + f"{service.name}.password" + "}"
            )
            state.ledger.changed(entry.node, service.target, reason)
        else:
            state.ledger.dropped(entry.node, "Havre's PostgreSQL has its own settings")
    if "database" not in service.body and "user" in service.body:
        service.body["database"] = service.body["user"]  # as the image does


def _postgres_name(state: State, service: Service, entry: Entry, attribute: str) -> None:
    target, value = f"{service.target}.{attribute}", entry.value or ""
    if not entry.is_open and _POSTGRES_NAME.fullmatch(value) and value != "postgres":
        service.body[attribute] = value
        state.ledger.carried(entry.node, target)
        return
    why = "has no value here" if entry.is_open or not value else "is no plain name, or that of the superuser"
    default = state.project.replace("-", "_")
    state.ledger.changed(entry.node, target, f"the {attribute} {why}, so it takes the project's: {default}")


def _redis_entries(state: State, service: Service) -> None:
    for entry, is_last in _last(service):
        if not is_last:
            state.ledger.changed(entry.node, "", f"{entry.name} is set again")
        elif "PASSWORD" in entry.name:
            reason = (
                "Havre makes the password itself and hands it out as ${" + f"{service.name}.password" + "}"
            )
            state.ledger.changed(entry.node, service.target, reason)
        else:
            state.ledger.dropped(entry.node, "Havre's Redis has its own settings")


def _last(service: Service) -> list[tuple[Entry, bool]]:
    last = {entry.name: entry for entry in service.entries}
    return [(entry, last[entry.name] is entry) for entry in service.entries]


def _healthcheck(state: State, service: Service, node: Node) -> None:
    state.ledger.changed(node, service.target, f"Havre checks its {service.kind} itself")


def _restart(state: State, service: Service, node: Node) -> None:
    state.ledger.changed(node, service.target, "it is always started again")


_HANDLERS: Final = {
    **COMMON,
    "volumes": _volumes,
    "command": _command,
    "healthcheck": _healthcheck,
    "restart": _restart,
}
