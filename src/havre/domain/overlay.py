"""Overlay networks of the engine: why a task cannot join one, or nobody can remove it, and the remedy.

An engine joins an overlay network by a link of its own, made on the host and moved into the network's
namespace. One that ends at a bad moment may leave the link on the host (seen with 20.10). Then it cannot
make it again, no container joins the network, and a restart does not help: it looks for what it left in
namespaces only (libnetwork, ``drivers/overlay/ov_network.go``, which names links
``vx-VXLANID-NETWORK``: the number in six hexadecimal digits, the first five letters of the network's id).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from havre.domain.doctor import Level, Verdict
from havre.errors import EngineError

LINKS: Final = "vx-"
"""How the names of these links begin; on the host there should be none but for milliseconds."""

_STALE: Final = re.compile(r"error creating vxlan interface: file exists", re.IGNORECASE)
_SUBNET: Final = re.compile(r"subnet sandbox join failed for \"?(?P<subnet>[0-9a-fA-F.:]+/\d+)")
_MOST_NAMED: Final = 5


@dataclass(frozen=True)
class Overlay:
    """An overlay network: its address ranges, and the VXLAN number of each."""

    name: str
    ranges: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class StaleLink:
    """What an engine left behind and now stumbles over.

    Attributes:
        network: the network that cannot be joined; empty if the error does not tell.
        links: of the host's links those that are in the way; empty if none is there, or it is another host's.
    """

    network: str = ""
    links: tuple[str, ...] = ()

    @property
    def cause(self) -> str:
        """What happened, in words."""
        where = f"the network {self.network}" if self.network else "its network"
        return f"it cannot join {where}: the engine's link for that is left from before a restart"

    @property
    def remedy(self) -> str:
        """What to do about it; the links themselves are named where they were seen."""
        if self.links:
            deleted = " && ".join(f"ip link delete {link}" for link in self.links)
            return f"on the server, as root: {deleted}; the engine makes it anew"
        return (
            "look for it on the task's node: ip -br link show type vxlan; then ip link delete vx-…; if there"
            " is none, restart the engine there: systemctl restart docker"
        )


def stale_link(error: str, overlays: Iterable[Overlay], links: Collection[str]) -> StaleLink | None:
    """What a task's error says of a link that was left behind; None if it says something else.

    Args:
        error: the engine's words.
        overlays: the networks that the engine has.
        links: names of this host's links.
    """
    if not _STALE.search(error):
        return None
    found = _SUBNET.search(error)
    for overlay in overlays:
        for subnet, number in overlay.ranges:
            if found and subnet == found["subnet"]:
                inway = sorted(link for link in links if link.startswith(f"{LINKS}{number:06x}-"))
                return StaleLink(overlay.name, tuple(inway))
    return StaleLink()


def links_verdict(left: Sequence[str], stuck: Sequence[tuple[str, StaleLink]]) -> Verdict:
    """What ``havre doctor`` says about them.

    Args:
        left: links of the host that no network uses.
        stuck: services whose newest task could not join its network, and why.
    """
    name = "Overlay networks"
    if stuck:
        services = ", ".join(service for service, _ in stuck[:_MOST_NAMED])
        remedies = dict.fromkeys(stale.remedy for _, stale in stuck)
        seen = f"{stuck[0][1].cause.removeprefix('it ')} ({services})"
        return Verdict(name, Level.FAILED, seen, "; ".join(remedies))
    if left:
        named = ", ".join(left[:_MOST_NAMED])
        stale = StaleLink(links=tuple(left[:_MOST_NAMED]))
        return Verdict(name, Level.WARNING, f"left by the engine, and in the way: {named}", stale.remedy)
    return Verdict(name, Level.OK, "no link of an earlier engine is in the way")


@dataclass(frozen=True)
class Holder:
    """What is attached to a network.

    Attributes:
        kind: ``service`` or ``container``.
        name: as the engine calls it.
        is_leaving: it belongs to a service that is gone, and ends by itself.
    """

    kind: str
    name: str
    is_leaving: bool = False


def in_use(network: str, holders: Sequence[Holder]) -> EngineError:
    """The error for a network that cannot be removed, naming who is in it, and how to take that out."""
    staying = [holder for holder in holders if not holder.is_leaving]
    named = staying or holders
    if not named:
        return EngineError(
            f"the network {network} is still in use, says the engine, and does not say by whom",
            hint=f"see docker network inspect --verbose {network}; then try again",
            retryable=True,
        )
    who = ", ".join(f"the {holder.kind} {holder.name}" for holder in named[:_MOST_NAMED])
    if not staying:
        return EngineError(
            f"the network {network} is still in use by {who}",
            hint="its containers take long to end: docker ps; then try again",
            retryable=True,
        )
    out = "; ".join(_way_out(network, holder) for holder in staying[:_MOST_NAMED])
    return EngineError(
        f"the network {network} cannot be removed: {who} {'are' if len(staying) > 1 else 'is'} in it",
        hint=f"take that out, or remove it, and try again: {out}",
    )


def _way_out(network: str, holder: Holder) -> str:
    if holder.kind == "service":
        return f"docker service update --network-rm {network} {holder.name}"
    return f"docker network disconnect --force {network} {holder.name}"
