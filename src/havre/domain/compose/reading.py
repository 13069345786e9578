"""A Compose file and what it refers to: variables of ``.env``, ``extends``, files of variables."""

from __future__ import annotations

import dataclasses
import io
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from dotenv.parser import parse_stream

from havre.domain.compose.interpolation import interpolate, interpolate_tree
from havre.domain.compose.tree import Node, read
from havre.errors import UsageError

ReadFile = Callable[[str], str | None]
"""The text of a file by its path relative to the Compose file's folder, None if there is none."""

_EXTENDS_DEEPEST: Final = 10


@dataclass(frozen=True)
class Entry:
    """One variable of a service: from ``environment`` or a file. Value None: only the shell would know it."""

    name: str
    node: Node
    value: str | None

    @property
    def raw(self) -> str:
        """How the value is written, before interpolation."""
        return self.node.raw.partition("=")[2] if self._is_item else self.node.raw

    @property
    def is_open(self) -> bool:
        """Whether a part of the value is known to nobody but a shell."""
        return self.value is None or bool(self.node.unset)

    @property
    def _is_item(self) -> bool:
        return bool(self.node.path) and isinstance(self.node.path[-1], int)


@dataclass
class Source:
    """What was read: the tree, the variables of ``.env``, and the files in the order they were met."""

    file: str
    root: Node
    variables: dict[str, str]
    read: ReadFile
    files: list[str] = field(default_factory=list)

    @property
    def services(self) -> dict[str, Node]:
        """The services by their names in the file."""
        services = self.root.get("services")
        return services.map if services else {}

    def entries(self, name: str, service: Node) -> Iterator[Entry]:
        """The variables of a service, those of files first: what comes later wins."""
        for file in self.env_files(service):
            text = self.read(file.path)
            for binding in _bindings(text or "", file.path, self.variables):
                path = ("services", name, f"env_file({file.path})", binding.path[-1])
                yield Entry(str(binding.path[-1]), dataclasses.replace(binding, path=path), binding.text)
        environment = service.get("environment")
        if environment is None:
            return
        for key, node in environment.map.items():
            yield Entry(key, node, self.variables.get(key) if node.value is None else node.text)
        for node in environment.items:
            key, equals, value = node.text.partition("=")
            yield Entry(key, node, value if equals else self.variables.get(key))

    def env_files(self, service: Node) -> list[EnvFile]:
        """The files of variables that a service names, in their order."""
        written = service.get("env_file")
        if written is None:
            return []
        nodes = [written] if written.is_scalar else written.items
        files = []
        for node in nodes:
            path = node.get("path") if node.map else node
            required = node.get("required")
            if path is not None:
                clean = posixpath.normpath(path.text)
                files.append(EnvFile(clean, node, is_required=required is None or required.is_true))
        return files


@dataclass(frozen=True)
class EnvFile:
    """A file of variables, and where it is named."""

    path: str
    node: Node
    is_required: bool


def load(text: str, file: str, read_file: ReadFile) -> Source:
    """Read a Compose file, resolve ``extends`` and take up the variables of ``.env`` beside it.

    The shell's own variables are left alone, so that the result is the same on each machine.

    Raises:
        UsageError: it is not YAML, or holds no services; file and line are named.
    """
    variables: dict[str, str] = {}
    dotenv = read_file(".env")
    for binding in _bindings(dotenv or "", ".env", variables):
        variables[str(binding.path[-1])] = binding.text
    root = read(text, file)
    services = root.get("services")
    if services is None or not services.map:
        raise UsageError(f"{file}: holds no services", hint="name a Compose file, with the key services")
    for name, service in services.map.items():
        if not service.map:
            raise UsageError(f"{service.where}: the service {name} is no mapping")
    extended = {name: _extended(name, services, read_file) for name in services.map}
    entries: dict[str, Node] = {**root.map, "services": dataclasses.replace(services, value=extended)}
    whole = dataclasses.replace(root, value=entries)
    return Source(file, interpolate_tree(whole, variables), variables, read_file, [file])


def _bindings(text: str, file: str, variables: dict[str, str]) -> Iterator[Node]:
    """The variables of a file, each with its line; values take up others unless in single quotes."""
    known = dict(variables)
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is None or binding.error:
            continue
        value = binding.value or ""
        # The parser counts from where the blank lines and comments before the binding begin.
        before = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:before].count("\n")
        written = binding.original.string.partition("=")[2].lstrip()
        node = Node(file, line, (file, binding.key), value, value)
        if "$" in value and not written.startswith("'"):
            done = interpolate(value, known)
            node = dataclasses.replace(
                node, value=done.text, names=frozenset(done.names), unset=frozenset(done.unset)
            )
        known[binding.key] = node.text
        yield node


def _extended(name: str, services: Node, read_file: ReadFile, depth: int = 0) -> Node:
    """A service with what it extends merged in; the base keeps the lines of its own file."""
    service = services.map[name]
    extends = service.get("extends")
    if extends is None:
        return service
    if depth > _EXTENDS_DEEPEST:
        raise UsageError(f"{extends.where}: services extend each other in a circle")
    wanted = extends.get("service") if extends.map else extends
    file = extends.get("file")
    there: Node | None = services
    if file is not None:
        text = read_file(posixpath.normpath(file.text))
        if text is None:
            return service
        there = read(text, posixpath.normpath(file.text)).get("services")
    if wanted is None or there is None or wanted.text not in there.map:
        return service
    base = _extended(wanted.text, there, read_file, depth + 1)
    kept = {key: node for key, node in base.map.items() if key not in {"extends", "profiles"}}
    return _merged(dataclasses.replace(base, value=kept).moved(service.path), service)


_REPLACED: Final = frozenset({"command", "entrypoint", "test"})


def _merged(base: Node, own: Node) -> Node:
    """Mappings are merged, lists appended, everything else is replaced (the specification's rules)."""
    value: Any
    if base.map and own.map:
        value = dict(base.map)
        for key, node in own.map.items():
            there = value.get(key)
            value[key] = node if there is None or key in _REPLACED else _merged(there, node)
        return dataclasses.replace(own, value=value)
    if base.map and own.items:
        base = dataclasses.replace(base, value=[_as_item(node, key) for key, node in base.map.items()])
    elif base.items and own.map:
        entries = {key: node for node in base.items for key, node in [_as_entry(node, own)]}
        return _merged(dataclasses.replace(base, value=entries), own)
    if base.items and own.items:
        more = [node.moved((*own.path, len(own.items) + at)) for at, node in enumerate(base.items)]
        return dataclasses.replace(own, value=[*own.items, *more])
    return own


def _as_item(node: Node, key: str) -> Node:
    text = key if node.value is None else f"{key}={node.raw}"
    return dataclasses.replace(node, value=text, raw=text)


def _as_entry(node: Node, own: Node) -> tuple[str, Node]:
    key, equals, value = node.raw.partition("=")
    entry = dataclasses.replace(node, path=(*own.path, key), value=value if equals else None, raw=value)
    return key, entry
