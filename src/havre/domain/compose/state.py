"""What a conversion knows while it goes on: services under their old and new names, secrets, verdicts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from havre.domain.compose.ledger import Ledger
from havre.domain.compose.reading import Entry, Source
from havre.domain.compose.tree import Node
from havre.domain.compose.words import name_of
from havre.domain.images import ImageName


@dataclass(frozen=True)
class NeededSecret:
    """A secret that the manifest names: how to set it, and where its value stands, if it does."""

    name: str
    command: str
    where: str


@dataclass(frozen=True)
class NeededVariable:
    """A variable that only a shell would have known: how to set it, and where it is named."""

    service: str
    name: str
    command: str
    where: str


@dataclass
class Service:
    """One service on its way: ``body`` is what the manifest will say, ``notes`` are its comments."""

    old: str
    name: str
    node: Node
    kind: str
    image: ImageName | None
    entries: list[Entry]
    body: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    aliases: set[str] = field(default_factory=set)
    """Names under which links of others reach it."""

    @property
    def target(self) -> str:
        """Where it stands in the manifest."""
        return f"services.{self.name}"

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which others reach it in the Compose file."""
        names = {self.old, *self.aliases}
        for key in ("container_name", "hostname"):
            node = self.node.get(key)
            if node and node.text:
                names.add(node.text)
        networks = self.node.get("networks")
        for network in networks.map.values() if networks else ():
            aliases = network.get("aliases")
            names |= {alias.text for alias in (aliases.items if aliases else ())}
        return frozenset(names)

    def entry(self, *names: str) -> Entry | None:
        """The variable of the first of these names that is set."""
        for name in names:
            for entry in reversed(self.entries):
                if entry.name == name:
                    return entry
        return None


@dataclass
class State:
    """The whole conversion."""

    source: Source
    project: str
    ledger: Ledger = field(default_factory=Ledger)
    services: dict[str, Service] = field(default_factory=dict)
    """By their names in the Compose file; those that are left out are not here."""
    secrets: dict[str, NeededSecret] = field(default_factory=dict)
    variables: list[NeededVariable] = field(default_factory=list)
    released: dict[str, Service] = field(default_factory=dict)
    """Services that ran once before an app, which became its release command."""
    warnings: list[str] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    """Folders of the machine that became volumes, and the names of these."""
    base_domain: str = ""
    domains: set[str] = field(default_factory=set)
    _names: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def managed(self) -> list[Service]:
        """The databases and caches that Havre provides."""
        return [service for service in self.services.values() if service.kind != "app"]

    @property
    def apps(self) -> list[Service]:
        """The other services."""
        return [service for service in self.services.values() if service.kind == "app"]

    def need_secret(self, service: Service, entry: Entry) -> str:
        """The name of the secret for a variable; the same value is one secret, so that it stays the same."""
        has_value = bool(entry.value) and not entry.is_open
        identity = entry.value if has_value and entry.value else entry.raw or f"{service.name}.{entry.name}"
        if identity not in self._names:
            taken = frozenset(self.secrets)
            name = name_of(entry.name)
            if name in taken:
                name = name_of(f"{service.name}-{entry.name}", taken=taken)
            where = entry.node.where if has_value else ""
            self._names[identity] = name
            self.secrets[name] = NeededSecret(name, f"havre secrets set {name}", where)
        return self._names[identity]

    def need_secret_file(self, name: str) -> str:
        """The name of the secret for an entry of the file's own ``secrets``."""
        identity = f"secrets.{name}"
        if identity in self._names:
            return self._names[identity]
        made = self._names[identity] = name_of(name, taken=frozenset(self.secrets))
        node = self.source.root.get("secrets", name)
        file, variable = (node.get(key) if node else None for key in ("file", "environment"))
        command, where = f"havre secrets set {made}", ""
        if file is not None and re.fullmatch(r"[A-Za-z0-9_./-]+", file.text):
            command += f" < {file.text}"
            where = node.where if node else ""
        elif variable is not None:
            where = f"the variable {variable.text}"
        self.secrets[made] = NeededSecret(made, command, where)
        return made

    def secret_of_file(self, name: str) -> NeededSecret | None:
        """The secret that an entry of the file's own ``secrets`` became, if something takes it up."""
        made = self._names.get(f"secrets.{name}")
        return self.secrets[made] if made else None

    def need_variable(self, service: Service, entry: Entry) -> None:
        """A variable that has to be set on the server."""
        command = f"havre env set -s {service.name} {entry.name}=VALUE"
        self.variables.append(NeededVariable(service.name, entry.name, command, entry.node.where))
