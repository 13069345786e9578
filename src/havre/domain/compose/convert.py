"""A Compose file as a manifest, with a verdict on each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from havre.domain.compose.databases import convert_database
from havre.domain.compose.known import WRITE_ONE_FILE, managed_kind
from havre.domain.compose.ledger import Verdict
from havre.domain.compose.reading import ReadFile, Source, load
from havre.domain.compose.running import convert_app
from havre.domain.compose.state import NeededSecret, NeededVariable, Service, State
from havre.domain.compose.suspicion import holds_secret
from havre.domain.compose.tree import Node
from havre.domain.compose.words import command_of, mount_of, name_of
from havre.domain.compose.writing import write
from havre.domain.images import ImageName

_PROXIES: Final = frozenset(
    {"traefik", "nginx-proxy", "acme-companion", "docker-letsencrypt-nginx-proxy-companion"}
    | {"caddy-docker-proxy", "nginx-proxy-manager", "haproxy-ingress"}
)
_IN_PRODUCTION: Final = frozenset({"production", "prod"})


@dataclass(frozen=True)
class Conversion:
    """The manifest as data and as text, and all that is to be said about it."""

    project: str
    manifest: dict[str, Any]
    text: str
    verdicts: tuple[Verdict, ...]
    secrets: tuple[NeededSecret, ...]
    variables: tuple[NeededVariable, ...]
    warnings: tuple[str, ...]


def convert(
    text: str,
    *,
    file: str,
    folder: str,
    read_file: ReadFile,
    profiles: Iterable[str] = (),
    project: str = "",
    domain: str = "",
) -> Conversion:
    """Convert a Compose file.

    Args:
        text: its content.
        file: its name, as the verdicts give it.
        folder: name of its folder; the project's name, where the file gives none.
        read_file: gives the text of a file by its path relative to that folder: ``.env``, files of
            variables, what services extend, Dockerfiles (for EXPOSE). None if there is none.
        profiles: services of these profiles are converted too; ``production`` and ``prod`` always.
        project: another name for the project.
        domain: host name of the first published service, and end of the names of the others, where
            the file names no hosts; PROJECT.localhost if empty.

    Raises:
        UsageError: the file is not YAML or holds no services.
    """
    source = load(text, file, read_file)
    named = source.root.get("name")
    state = State(source, name_of(project or (named.text if named else "") or folder))
    state.base_domain = domain or f"{state.project}.localhost"
    asked = source.variables.get("COMPOSE_PROFILES", "").split(",")
    active = {*profiles, *_IN_PRODUCTION, *(profile.strip() for profile in asked)} - {""}
    once = _run_once(source)
    for old, node in source.services.items():
        reason = _left_out(node, active)
        if reason:
            state.ledger.dropped(node, *reason)
        elif old not in once:
            _admit(state, old, node)
    _link(state)
    for old, dependents in once.items():
        if not state.ledger.has(source.services[old]):
            _release_command(state, old, dependents)
    for service in state.managed:
        convert_database(state, service)
    for service in state.apps:
        convert_app(state, service)
    for service in state.services.values():
        _finish_service(state, service)
    _top_level(state)
    manifest = {
        "project": state.project,
        "services": {
            service.name: {"kind": service.kind, **_ordered(service.body)}
            for service in state.services.values()
        },
        "environments": {"production": {"branch": "main"}},
    }
    if not state.services:
        state.warnings.append("no service is left: name the profiles that you run in production")
    return Conversion(
        state.project,
        manifest,
        write(manifest, file=file, notes={s.name: s.notes for s in state.services.values()}),
        state.ledger.sorted(source.files),
        tuple(state.secrets.values()),
        tuple(state.variables),
        tuple(dict.fromkeys(state.warnings)),
    )


_ORDER: Final = (
    *("version", "database", "image", "build", "entrypoint", "command", "user", "working_dir"),
    *("port", "health", "ready", "domain", "domains", "replicas", "strategy", "release", "env", "volumes"),
    *("max_memory", "persistent", "resources", "stop_grace", "stop_signal"),
)


def _ordered(body: dict[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in _ORDER if key in body}


# Which services there are


def _admit(state: State, old: str, node: Node) -> None:
    image = node.get("image")
    name = ImageName.parse(image.text) if image and image.text and not node.get("build") else None
    taken = frozenset(service.name for service in state.services.values())
    state.services[old] = Service(
        old=old,
        name=name_of(old, taken=taken),
        node=node,
        kind=(managed_kind(name) if name else "") or "app",
        image=name,
        entries=list(state.source.entries(old, node)),
    )


def _link(state: State) -> None:
    """Links give services second names."""
    for service in state.services.values():
        links = service.node.get("links")
        for item in links.items if links else ():
            other, _, alias = item.text.partition(":")
            if alias and other in state.services:
                state.services[other].aliases.add(alias)


def _left_out(node: Node, active: set[str]) -> tuple[str, str] | None:
    """Reason and remedy for a service that does not belong into the manifest."""
    profiles = node.get("profiles")
    named = [item.text for item in profiles.items] if profiles else []
    if named and not active & set(named):
        asked = " or ".join(f"--profile {name}" for name in named)
        return (
            f"it is started with {asked} only, so not in production",
            f"convert again with {asked} to have it",
        )
    image = node.get("image")
    if image and ImageName.parse(image.text).repository.rpartition("/")[2] in _PROXIES:
        return "Havre's own router does this: domains, HTTPS, redirects", "see domains: in havre.yaml"
    if node.get("provider"):
        return "Havre runs containers only", ""
    return None


def _run_once(source: Source) -> dict[str, list[str]]:
    """Services that others await to have completed, with the services that do."""
    once: dict[str, list[str]] = {}
    for name, node in source.services.items():
        depends = node.get("depends_on")
        for other, how in depends.map.items() if depends else ():
            condition = how.get("condition")
            if other in source.services and condition and condition.text == "service_completed_successfully":
                once.setdefault(other, []).append(name)
    return once


def _release_command(state: State, old: str, dependents: list[str]) -> None:
    """What runs to its end before an app starts is the app's release command, if it is of the same image."""
    node = state.source.services[old]
    command = node.get("command")
    words = command_of(command) if command else None
    for name in dependents:
        service = state.services.get(name)
        if service and service.kind == "app" and command and words and _same_image(node, service.node):
            if holds_secret(command, words):
                break
            service.body["release"] = words
            state.released[old] = service
            reason = f"it runs before each release of {service.name}, in its image and with its variables"
            state.ledger.changed(node, f"{service.target}.release", reason)
            return
    state.ledger.dropped(
        node,
        "it ends by itself, and Havre's services go on for ever",
        "write its command as `release` of the app that waits for it, or run it by `havre run`",
    )


def _same_image(one: Node, other: Node) -> bool:
    def image(node: Node) -> object:
        build = node.get("build")
        if build is None:
            found = node.get("image")
            return found.raw if found else None
        return sorted((leaf.path[3:], leaf.raw) for leaf in build.leaves()) if build.map else build.raw

    return image(one) is not None and image(one) == image(other)


def _finish_service(state: State, service: Service) -> None:
    for key, node in service.node.map.items():
        if state.ledger.has(node):
            continue
        if key == "profiles":
            state.ledger.changed(node, service.target, "the service runs in production")
        elif key.startswith("x-"):
            state.ledger.dropped(
                node, "Compose itself ignores it; what aliases take from it is converted where it is used"
            )
        else:
            state.ledger.dropped(
                node, "it is no key that Havre knows", "see the manifest's reference for another way"
            )


# What is beside the services


def _top_level(state: State) -> None:
    for key, node in state.source.root.map.items():
        if key == "services":
            continue
        if key in _TOP:
            _TOP[key](state, node)
        elif key.startswith("x-"):
            state.ledger.dropped(
                node, "Compose itself ignores it; what aliases take from it is converted where it is used"
            )
        else:
            state.ledger.dropped(node, "it is no key that Havre knows")
    state.warnings.extend(
        f"{node.where}: the tag {node.tag} is not read" for node in _tagged(state.source.root)
    )


def _tagged(node: Node) -> Iterator[Node]:
    if node.tag:
        yield node
    for child in node.items or list(node.map.values()):
        yield from _tagged(child)


def _project(state: State, node: Node) -> None:
    if node.text == state.project:
        state.ledger.carried(node, "project")
    else:
        state.ledger.changed(node, "project", "names have lower-case letters, digits and hyphens")


def _each(reason: str, remedy: str = "") -> Callable[[State, Node], None]:
    def handle(state: State, node: Node) -> None:
        for child in node.map.values() or node.items:
            state.ledger.dropped(child, reason, remedy)
        state.ledger.dropped(node, reason, remedy)

    return handle


def _volumes(state: State, node: Node) -> None:
    used: dict[str, list[Service]] = {}
    for service in state.services.values():
        listed = service.node.get("volumes")
        for mount in map(mount_of, listed.items if listed else ()):
            if mount and mount.kind == "volume" and mount.source:
                used.setdefault(mount.source, []).append(service)
    for name, child in node.map.items():
        users = used.get(name, [])
        if not users:
            state.ledger.dropped(child, "no service of the manifest uses it")
        elif all(service.kind != "app" for service in users):
            state.ledger.changed(
                child, users[0].target, "the database has a volume of its own, which begins empty"
            )
        elif child.map:
            reason = f"the volume PROJECT-ENVIRONMENT-{name_of(name)} is new and empty, on this server's disk"
            state.ledger.changed(
                child, "volumes of the services", reason, "copy the old one's files into it once"
            )
        else:
            state.ledger.carried(child, "volumes of the services")
    if not node.map:
        state.ledger.dropped(node, "it says nothing")


def _secrets(state: State, node: Node) -> None:
    for name, child in node.map.items():
        needed = state.secret_of_file(name)
        if needed:
            state.ledger.changed(child, f"secret {needed.name}", f"it is set once: `{needed.command}`")
        else:
            made = name_of(name)
            state.ledger.dropped(
                child,
                "no variable takes it up, and Havre mounts no files",
                f"`havre secrets set {made}`, and env: {{NAME: {{secret: {made}}}}} where it is needed",
            )
    if not node.map:
        state.ledger.dropped(node, "it says nothing")


_TOP: Final[dict[str, Callable[[State, Node], None]]] = {
    "name": _project,
    "version": lambda state, node: state.ledger.dropped(node, "Compose itself ignores it"),
    "networks": _each("an environment has one private network, which Havre makes"),
    "volumes": _volumes,
    "secrets": _secrets,
    "configs": _each("Havre mounts no files", "copy the file into the image, or give its content in env"),
    "include": _each("other files are not read", WRITE_ONE_FILE),
    "models": _each("Havre runs no models"),
}
