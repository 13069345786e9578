"""Volumes of an app: named ones are kept, folders of a machine are not part of a release."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from havre.domain.compose.state import Service, State
from havre.domain.compose.tree import Node, Path
from havre.domain.compose.words import Mount, mount_of, name_of

_DATA: Final = re.compile(
    r"/(?:var/(?:lib|opt|data|www/[a-z/]*(?:uploads|storage|media))|data|bitnami|storage|uploads|media|backups?)(?:/|$)"
)
_CONFIGURATION: Final = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_SOCKET: Final = re.compile(r"docker\.sock$|/run/podman")
_KEPT: Final[frozenset[Path]] = frozenset(
    {("type",), ("source",), ("target",), ("read_only",), ("volume", "nocopy")}
)
_LOST: Final[dict[Path, str]] = {
    ("volume", "subpath"): "the whole volume is mounted, not a folder of it",
    ("volume", "labels"): "Havre labels the volumes that it makes itself",
    ("bind",): "it is a volume now, not a folder of the machine",
    ("tmpfs",): "it is a volume, which is on disk",
    ("image",): "it is a volume, not an image",
    ("consistency",): "Linux engines do not know it",
}
_SYSTEM: Final = re.compile(r"/(?:proc|sys|dev|run/secrets)(?:/|$)|/$")


def convert_volumes(state: State, service: Service, volumes: Node) -> None:
    """Fill in ``volumes``, and say what became of each entry."""
    taken: set[str] = set()
    for node in volumes.items:
        mount = mount_of(node)
        if mount is None:
            state.ledger.dropped(node, "it is no volume that Havre understands")
        elif mount.kind == "bind":
            _bind(state, service, node, mount, taken)
        elif mount.kind == "volume":
            _volume(state, service, node, mount, taken)
        elif mount.kind == "tmpfs":
            state.ledger.dropped(node, "a container's files are on disk and gone with it")
        else:
            state.ledger.dropped(node, f"Havre has no {mount.kind} volumes")
    if service.body.get("volumes"):
        service.body["strategy"] = "recreate"
        service.notes.append(
            "strategy: recreate stops the old release first: two must not write to one volume"
        )


def _volume(state: State, service: Service, node: Node, mount: Mount, taken: set[str]) -> None:
    if mount.source:
        _keep(state, service, node, mount, name_of(mount.source), taken)
        return
    bound = [m for m in map(mount_of, node_items(service.node.get("volumes"))) if m and m.kind == "bind"]
    if "node_modules" in mount.target or any(_is_below(mount.target, b.target) for b in bound):
        reason = (
            "it hides a folder of a bind mount, which is not carried over either; the image has the files"
        )
        state.ledger.dropped(node, reason)
        return
    name = name_of(f"{service.name}-{posixpath.basename(mount.target)}")
    _keep(state, service, node, mount, name, taken, "it had no name, so its data was lost with the container")


def node_items(node: Node | None) -> list[Node]:
    """The entries of a list that may not be there."""
    return node.items if node else []


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _keep(  # noqa: PLR0917 - one volume has so many sides
    state: State, service: Service, node: Node, mount: Mount, name: str, taken: set[str], why: str = ""
) -> None:
    path = posixpath.normpath(mount.target)
    if not path.startswith("/") or _SYSTEM.match(path) or re.search(r"[,:\\]", path) or path in taken:
        state.ledger.dropped(node, f"{mount.target} cannot be mounted, or is mounted already")
        return
    managed = {other.name for other in state.managed}
    if name in managed:
        name = name_of(f"{name}-files", taken=frozenset(managed))
    taken.add(path)
    service.body.setdefault("volumes", []).append(f"{name}:{path}")
    target, options = (
        f"{service.target}.volumes",
        set(mount.options.split(",")) - {"", "rw", "z", "Z", "nocopy"},
    )
    reasons = [why] if why else []
    if mount.source and name != mount.source:
        reasons.append(f"it is called {name}")
    if options:
        reasons.append(f"without the options {', '.join(sorted(options))}: the service may write to it")
    for leaf, reason in _lost(node):
        state.ledger.dropped(leaf, reason)
    if not reasons:
        state.ledger.carried(node, target)
        return
    is_in_parts = any(state.ledger.has(leaf) for leaf in node.leaves())
    named = node.get("source") or node.get("target") if is_in_parts else None
    state.ledger.changed(named or node, target, "; ".join(reasons))
    state.ledger.carried(node, target)  # what is left of its parts, if there are any


def _lost(node: Node) -> Iterator[tuple[Node, str]]:
    """The parts of an entry's long form which a volume of Havre has no place for, each with the reason."""
    for leaf in node.leaves():
        path = leaf.path[len(node.path) :]
        if path and path not in _KEPT:
            known = (reason for key, reason in _LOST.items() if path[: len(key)] == key)
            yield leaf, next(known, "it is no key of a volume that Havre knows")


def _bind(state: State, service: Service, node: Node, mount: Mount, taken: set[str]) -> None:
    if _SOCKET.search(mount.source):
        reason = "no container of Havre reaches the engine, since who does is root on the server"
        state.ledger.dropped(node, reason, "run what needs it outside of Havre")
    elif mount.source.startswith(("/etc/localtime", "/etc/timezone")):
        state.ledger.dropped(node, "containers have the image's time zone", "set TZ under env")
    elif _CONFIGURATION.search(posixpath.basename(mount.target)):
        state.ledger.dropped(
            node,
            "files of a machine are not part of a release",
            f"copy it into an image: a Dockerfile with COPY {_relative(mount.source)} {mount.target}",
        )
    elif mount.source.startswith(("/", "~")) and not _DATA.search(mount.target):
        state.ledger.dropped(
            node,
            "folders of a machine are not part of a release",
            "use a named volume, or put it into the image",
        )
    elif _DATA.search(mount.target) and posixpath.normpath(mount.source) not in {".", ".."}:
        why = f"the folder becomes a volume, which begins empty: copy {_relative(mount.source)} into it once"
        _keep(state, service, node, mount, _name_of_folder(state, service, mount.source), taken, why)
    elif not service.node.get("build"):
        state.ledger.dropped(
            node,
            "folders of a machine are not part of a release",
            f"copy them into an image (COPY {_relative(mount.source)} {mount.target}), or see kind: static",
        )
    else:
        state.ledger.dropped(
            node,
            "it lays source code over the image, as for development; the image holds what was built",
            "see that the Dockerfile copies these files; for data that stays, name a volume",
        )


def _name_of_folder(state: State, service: Service, source: str) -> str:
    """The name of the volume for a folder: one for all the services that share it."""
    folder = posixpath.normpath(source)
    if folder not in state.folders:
        name = name_of(posixpath.basename(folder) or service.name)
        name = name if name.startswith(service.name) else name_of(f"{service.name}-{name}")
        taken = frozenset({*state.folders.values(), *_named_volumes(state)})
        state.folders[folder] = name_of(name, taken=taken)
    return state.folders[folder]


def _named_volumes(state: State) -> Iterator[str]:
    for service in state.services.values():
        for mount in filter(None, map(mount_of, node_items(service.node.get("volumes")))):
            if mount.kind == "volume" and mount.source:
                yield name_of(mount.source)


def _relative(path: str) -> str:
    return path.removeprefix("./") or "."
