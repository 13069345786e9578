"""What services need beside themselves: networks, secrets, volumes of the Swarm."""

from __future__ import annotations

import contextlib

import docker
from docker.errors import APIError, NotFound

from havre.adapters.swarm.calls import explained, while_busy
from havre.adapters.swarm.connection import Connection


class Stores(Connection):
    """Networks, secrets and volumes. Every method raises :class:`~havre.errors.EngineError`."""

    def gateway(self, network: str) -> str:
        """The address of this machine on a bridge network; empty if it is not there."""
        with explained(f"reading the network {network}"):
            try:
                pools = self.api.inspect_network(network)["IPAM"]["Config"] or [{}]
            except NotFound:
                return ""
            return str(pools[0].get("Gateway", ""))

    def ensure_network(self, name: str, labels: dict[str, str], *, subnet: str = "") -> None:
        """Make an overlay network unless it is there."""
        with explained(f"making the network {name}"):
            if self.network_id(name):
                return
            ipam = (
                docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
                if subnet
                else None
            )
            try:
                self.api.create_network(
                    name, driver="overlay", labels=labels, check_duplicate=True, ipam=ipam
                )
            except APIError as error:
                if "already exists" not in str(error):
                    raise

    def network_id(self, name: str) -> str | None:
        """Id of an overlay network, None if it is not there."""
        # Not by driver: Swarm tells that of a new network a moment later (4 of 30 were not found).
        found = self.api.networks(filters={"name": name, "scope": "swarm"})
        return next((net["Id"] for net in found if net["Name"] == name), None)

    def networks(self, labels: dict[str, str]) -> list[str]:
        """Names of the overlay networks with these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with explained("listing networks"):
            found = self.api.networks(filters={"label": wanted, "scope": "swarm"})
        return sorted(net["Name"] for net in found)

    def ensure_secret(self, name: str, value: bytes, labels: dict[str, str]) -> None:
        """Hand a secret to the Swarm unless one of that name (it carries the version) is there."""
        with explained(f"storing the secret {name}"):
            if not self._secret_id(name):
                self.api.create_secret(name, value, labels=labels)

    def _secret_id(self, name: str) -> str | None:
        found = self.api.secrets(filters={"name": name})
        return next((secret["ID"] for secret in found if secret["Spec"]["Name"] == name), None)

    def secrets(self, labels: dict[str, str]) -> list[str]:
        """Names of the Swarm's secrets that have these labels."""
        with explained("listing secrets"):
            found = self.api.secrets(filters={"label": [f"{key}={value}" for key, value in labels.items()]})
        return [secret["Spec"]["Name"] for secret in found]

    def remove_secret(self, name: str) -> None:
        """Remove a secret if it is there."""
        with explained(f"removing the secret {name}"):
            found = self._secret_id(name)
            if found:
                for attempt in while_busy():
                    with attempt, contextlib.suppress(NotFound):  # another worker's cleaning was first
                        self.api.remove_secret(found)

    def volumes(self, labels: dict[str, str]) -> list[str]:
        """Names of the volumes that have these labels."""
        wanted = [f"{key}={value}" for key, value in labels.items()]
        with explained("listing volumes"):
            found = self.api.volumes(filters={"label": wanted})["Volumes"] or []
        return sorted(volume["Name"] for volume in found)

    def remove_volume(self, name: str) -> None:
        """Remove a volume and its data, once nothing uses it any more."""
        with explained(f"removing the volume {name}"):
            for attempt in while_busy():
                with attempt:
                    self.api.remove_volume(name)
