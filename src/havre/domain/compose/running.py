"""How an app is made and run: image or build, command, user, and what Havre decides by itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Final

from havre.domain.compose import resources
from havre.domain.compose.environment import convert_environment
from havre.domain.compose.known import IN_MEMORY, SERVICE_KEYS, STOP_SIGNALS, store_of
from havre.domain.compose.network import convert_network
from havre.domain.compose.state import Service, State
from havre.domain.compose.storage import convert_volumes
from havre.domain.compose.suspicion import holds_secret, is_secret, is_secret_name
from havre.domain.compose.tree import Node
from havre.domain.compose.words import command_of, duration, seconds_of
from havre.domain.images import IMAGE_PATTERN
from havre.domain.references import escape

_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?")
_TARGET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def convert_app(state: State, service: Service) -> None:
    """Fill in the body of an app, and say what became of each key."""
    _image_or_build(state, service)
    store = store_of(service.image) if service.image and not service.node.get("build") else ""
    if store:
        service.body["strategy"] = "recreate"
        service.notes.append(
            f"{store}: Havre has no kind for it; it runs as a plain app, without backups of its data"
        )
    convert_network(state, service)
    convert_environment(state, service)
    for key, node in service.node.map.items():
        if key in _HANDLERS:
            _HANDLERS[key](state, service, node)
        elif key in resources.KEYS:
            resources.convert_resources(state, service)
        elif key in SERVICE_KEYS:
            state.ledger.dropped(node, *SERVICE_KEYS[key])
    if store:
        _store_warning(state, service, store)


def _store_warning(state: State, service: Service, store: str) -> None:
    """What becomes of the data of a store for which there is no kind."""
    told = f"{service.name} ({store}) runs as a plain app"
    if service.body.get("volumes") or store in IN_MEMORY:
        state.warnings.append(f"{told}: save its data yourself")
        return
    service.notes.append(
        "volumes: there is none, so each release and each restart begins without the data of the one before"
    )
    state.warnings.append(
        f"{told} without a volume: each release and each restart LOSES ALL ITS DATA; before the first one, "
        f"write volumes: [{service.name}-data:/PATH], PATH being where the image keeps its data"
    )


# Image and build


def _image_or_build(state: State, service: Service) -> None:
    build, image = service.node.get("build"), service.node.get("image")
    if build is not None:
        _build(state, service, build)
        if image is not None:
            state.ledger.changed(image, f"{service.target}.build", "built images are named by Havre")
        return
    if image is None:
        return
    if image.unset or not re.fullmatch(IMAGE_PATTERN, image.text):
        name = image.text.rstrip(":")
        service.body["image"] = name if re.fullmatch(IMAGE_PATTERN, name) else "missing"
        state.ledger.changed(
            image,
            f"{service.target}.image",
            f"{', '.join(sorted(image.unset))} has no value in .env"
            if image.unset
            else "it is no image's name",
            "write the whole name",
        )
        state.warnings.append(f"{service.name}: complete the image's name")
        return
    service.body["image"] = image.text
    state.ledger.carried(image, f"{service.target}.image")


def _build(state: State, service: Service, build: Node) -> None:
    ledger, target = state.ledger, f"{service.target}.build"
    context = build.get("context") if build.map else build
    body: dict[str, object] = {}
    if context is not None:
        folder = posixpath.normpath(context.text or ".")
        if _is_inside(context.text or "."):
            body["context"] = folder
            ledger.carried(context, f"{target}.context")
        else:
            reason = "Havre builds folders of the repository, below that of havre.yaml"
            ledger.dropped(
                context, reason, "put havre.yaml into the folder above, or this service into its own"
            )
            state.warnings.append(f"{service.name}: its build context is elsewhere; correct build.context")
    for key, node in build.map.items():
        if key == "args":
            _args(state, service, node, body)
        elif key in {"dockerfile", "target"}:
            _dockerfile(state, service, node, key, body)
        elif key != "context":
            ledger.dropped(node, *_BUILD_KEYS.get(key, _BUILD_OTHER))
    service.body["build"] = body if len(body) > 1 or "context" not in body else body["context"]
    if not body:
        service.body["build"] = "."


_BUILD_OTHER: Final = ("Havre decides it: cache, platform, labels and tags of builds are its own", "")
_BUILD_SECRETS: Final = (
    "the build gets nothing of this machine",
    "see build.secrets in the manifest's reference",
)
_BUILD_KEYS: Final = {
    "dockerfile_inline": ("Havre builds files of the repository", "write it into a Dockerfile"),
    "secrets": _BUILD_SECRETS,
    "ssh": _BUILD_SECRETS,
}


def _dockerfile(state: State, service: Service, node: Node, key: str, body: dict[str, object]) -> None:
    if key == "target" and not _TARGET.fullmatch(node.text):
        state.ledger.dropped(node, "it is no stage's name")
    elif key == "dockerfile" and not _is_inside(node.text):
        state.ledger.dropped(node, "the Dockerfile is outside of the context", "move it into the context")
    else:
        body[key] = node.text if key == "target" else posixpath.normpath(node.text)
        state.ledger.carried(node, f"{service.target}.build.{key}")


def _is_inside(path: str) -> bool:
    clean = posixpath.normpath(path or ".")
    return not (clean.startswith(("/", "..", "~", "-")) or ":" in clean or "\\" in clean)


def _args(state: State, service: Service, args: Node, body: dict[str, object]) -> None:
    ledger, kept = state.ledger, {}
    pairs = [(key, node.text, node) for key, node in args.map.items()]
    for node in args.items:
        key, equals, value = node.text.partition("=")
        pairs.append((key, value if equals else state.source.variables.get(key, ""), node))
    for key, value, node in pairs:
        target = f"{service.target}.build.args.{key}"
        if is_secret(key, value) or is_secret_name(key) or any(is_secret_name(name) for name in node.names):
            reason = "it looks like a secret, and build arguments stay readable in the image"
            ledger.dropped(node, reason, "give it at run time (env), or to the build by build.secrets")
        elif not value or node.unset or not _ENV_NAME.fullmatch(key):
            ledger.dropped(node, "it has no value here", "write it under build.args")
        else:
            kept[key] = escape(value)
            ledger.carried(node, target)
    if kept:
        body["args"] = kept
    elif not pairs:
        ledger.dropped(args, "it is empty")


# How it runs


def _words(key: str) -> Callable[[State, Service, Node], None]:
    def handle(state: State, service: Service, node: Node) -> None:
        words = command_of(node)
        if not words or not words[0]:
            state.ledger.dropped(node, "it is empty, or its quotes do not match")
        elif holds_secret(node, words):
            state.ledger.dropped(
                node,
                "it seems to hold a secret, and arguments are seen by everybody",
                "give it by env, as a secret",
            )
            state.warnings.append(f"{service.name}: write its {key} again, without the secret")
        else:
            service.body[key] = words
            state.ledger.carried(node, f"{service.target}.{key}")

    return handle


def _user(state: State, service: Service, node: Node) -> None:
    if _USER.fullmatch(node.text):
        service.body["user"] = node.text
        state.ledger.carried(node, f"{service.target}.user")
    else:
        state.ledger.dropped(node, "it is no user that Havre takes", "write user: UID:GID")


def _working_dir(state: State, service: Service, node: Node) -> None:
    path = posixpath.normpath(node.text or "/")
    if path.startswith("/") and path not in {"/", "//"} and not re.match(r"/(?:proc|sys|dev)(?:/|$)", path):
        service.body["working_dir"] = path
        state.ledger.carried(node, f"{service.target}.working_dir")
    else:
        state.ledger.dropped(node, "it is no folder that Havre takes")


def _stop_grace(state: State, service: Service, node: Node) -> None:
    seconds = seconds_of(node.text)
    if seconds is None:
        state.ledger.dropped(node, "it is no duration")
        return
    service.body["stop_grace"] = duration(seconds) if seconds else "0s"
    state.ledger.carried(node, f"{service.target}.stop_grace")


def _stop_signal(state: State, service: Service, node: Node) -> None:
    name = STOP_SIGNALS.get(node.text.strip().upper().removeprefix("SIG"), "")
    if not name:
        remedy = f"let the program heed one of {', '.join(dict.fromkeys(STOP_SIGNALS.values()))}"
        state.ledger.dropped(node, "it is no signal that asks a program to end", remedy)
        return
    service.body["stop_signal"] = name
    if node.text == name:
        state.ledger.carried(node, f"{service.target}.stop_signal")
    else:
        state.ledger.changed(node, f"{service.target}.stop_signal", "it is the signal's whole name")


def _restart(state: State, service: Service, node: Node) -> None:
    if node.text in {"no", "false"} or node.text.startswith("on-failure"):
        reason = "what ends is started again, always"
        state.ledger.dropped(node, reason, "for what runs once use `release`, for what runs at times `cron`")
    else:
        state.ledger.changed(node, service.target, "it is always started again")


def _depends_on(state: State, _service: Service, node: Node) -> None:
    if not node.items and not node.map:
        state.ledger.dropped(node, "it is empty")
    databases = {managed.old for managed in state.managed}
    for name, child in [*((item.text, item) for item in node.items), *node.map.items()]:
        if name in state.released:
            target = f"{state.released[name].target}.release"
            state.ledger.changed(child, target, "it runs before the app gets any request")
        elif name in databases:
            state.ledger.changed(child, "", "databases are healthy before any app starts")
        elif not state.ledger.has(child):
            reason = "apps start together, and requests come when each is healthy"
            state.ledger.dropped(child, reason, "let the program try again while the other one is not there")


def _networks(state: State, _service: Service, node: Node) -> None:
    names = [*node.map, *(item.text for item in node.items)]
    reason = "all services of an environment share one private network, and reach each other by their names"
    if len(names) > 1 or names not in ([], ["default"]):
        reason += "; services that were kept apart are not"
    state.ledger.dropped(node, reason)


def _network_mode(state: State, _service: Service, node: Node) -> None:
    state.ledger.dropped(
        node,
        "services are on the environment's private network, never on the server's own",
        "others reach it by its name; what has to see the server's network runs outside of Havre",
    )


def _secrets(state: State, service: Service, node: Node) -> None:
    for child in node.items:
        name = child.get("source") if child.map else child
        made = state.need_secret_file(name.text) if name and _is_taken_up(service, name.text) else ""
        if made:
            state.ledger.changed(
                child, f"{service.target}.env", "it is a variable, not a file below /run/secrets"
            )
        else:
            state.ledger.dropped(
                child,
                "Havre mounts no files: secrets are variables",
                "let the program read a variable, and write it as env: {NAME: {secret: name}}",
            )


def _is_taken_up(service: Service, name: str) -> bool:
    return any(
        entry.name.endswith("_FILE") and entry.value == f"/run/secrets/{name}" for entry in service.entries
    )


def _volumes(state: State, service: Service, node: Node) -> None:
    if node.items:
        convert_volumes(state, service, node)
    else:
        state.ledger.dropped(node, "it is empty")


def _extends(state: State, service: Service, node: Node) -> None:
    file = node.get("file")
    wanted = node.get("service") if node.map else node
    there = file is None or state.source.read(posixpath.normpath(file.text)) is not None
    for leaf in node.leaves():
        if there:
            state.ledger.changed(
                leaf, service.target, f"what {wanted.text if wanted else ''} says is written out"
            )
        else:
            state.ledger.dropped(
                leaf, "the file that it extends is not there", "put it there and convert again"
            )


_HANDLERS: Final[dict[str, Callable[[State, Service, Node], None]]] = {
    "command": _words("command"),
    "entrypoint": _words("entrypoint"),
    "user": _user,
    "working_dir": _working_dir,
    "stop_grace_period": _stop_grace,
    "stop_signal": _stop_signal,
    "restart": _restart,
    "depends_on": _depends_on,
    "networks": _networks,
    "network_mode": _network_mode,
    "secrets": _secrets,
    "volumes": _volumes,
    "extends": _extends,
}
COMMON: Final = {key: _HANDLERS[key] for key in ("depends_on", "networks", "network_mode", "extends")}
"""Handlers that databases share."""
