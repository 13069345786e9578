"""What the findings of ``havre doctor`` mean: pure verdicts with their remedies.

Every function takes what was read and returns a :class:`Verdict`; nothing here reads anything.
Sizes are bytes, times are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

_GIB = 1024**3
OLDEST_ENGINE = (20, 10)
NEWEST_ENGINE = 29
_DISK_WARN = 0.15
_DISK_FAIL = 0.05
_DISK_FAIL_BYTES = 2 * _GIB
_INODES_WARN = 0.15
_INODES_FAIL = 0.05
_MEMORY_SMALL = 900 * 1024**2  # what a machine sold as 1 GB reports
_MEMORY_AVAILABLE = 0.10
_SWAP_USED = 0.50
_BUILD_SHARE = 0.9
_SKEW_WARN = 2.0
_SKEW_FAIL = 60.0
_OK_STATUS = 200


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Verdict:
    """One check: what was seen, how good that is, and what to do if it is not.

    ``items`` are the single findings of a check that has several, for programs.
    """

    check: str
    level: Level
    seen: str
    remedy: str = ""
    items: tuple[dict[str, object], ...] = ()


@dataclass(frozen=True)
class Listener:
    """A process that listens on a TCP port; name and pid are unknown to who may not see them."""

    port: int
    process: str = ""
    pid: int | None = None


def engine_missing(address: str, reason: str) -> Verdict:
    """The Docker engine did not answer."""
    remedy = "start it: systemctl start docker; not installed: apt install docker.io"
    lowered = reason.lower()
    if "permission denied" in lowered:
        remedy = "run havre doctor as root: only the worker, as root, talks to the engine"
    elif not address.startswith("unix:///var/run/docker.sock"):
        remedy = f"start the engine at {address}, or correct HAVRE_DOCKER_HOST"
    return Verdict("Docker engine", Level.FAILED, f"no answer at {address}: {reason}", remedy)


def engine_version(version: str, address: str) -> Verdict:
    """Whether Havre knows this version of the engine."""
    name = "Docker engine"
    seen = f"version {version} at {address}"
    found = re.match(r"(\d+)\.(\d+)", version)
    if not found:
        return Verdict(name, Level.WARNING, seen, "this version is unknown; Havre is tested with 20.10 to 29")
    number = (int(found[1]), int(found[2]))
    if number < OLDEST_ENGINE:
        return Verdict(name, Level.FAILED, seen, "too old: upgrade to 20.10 or later (Debian 12 has 20.10)")
    if number[0] > NEWEST_ENGINE:
        return Verdict(
            name, Level.WARNING, seen, f"newer than Havre is tested with (20.10 to {NEWEST_ENGINE})"
        )
    return Verdict(name, Level.OK, seen)


def swarm(state: str, *, is_manager: bool, nodes: int | None, error: str, address: str) -> Verdict:
    """Whether the engine manages a Swarm.

    Args:
        state: ``LocalNodeState`` of the engine's ``/info``.
        is_manager: its ``ControlAvailable``.
        nodes: how many machines the Swarm has.
        error: its ``Error``.
        address: a non-loopback address of this machine for the remedy; may be empty.
    """
    name = "Swarm"
    if state == "active" and is_manager:
        count = nodes or 1
        return Verdict(name, Level.OK, f"manager of {count} node{'s' if count > 1 else ''}")
    if state == "active":
        return Verdict(
            name, Level.FAILED, "a worker node, not a manager", "run Havre on a manager: docker node promote"
        )
    if state == "locked":
        return Verdict(name, Level.FAILED, "locked", "unlock it: docker swarm unlock")
    if state == "error":
        return Verdict(
            name,
            Level.FAILED,
            f"in error: {error or 'no reason given'}",
            "see journalctl -u docker, then restart it",
        )
    if state == "pending":
        return Verdict(name, Level.FAILED, "still joining", "wait a minute, then run havre doctor again")
    return Verdict(
        name,
        Level.FAILED,
        "this engine is in no Swarm",
        f"docker swarm init --advertise-addr {address or 'ADDRESS-OF-THIS-SERVER'}",
    )


def port(number: int, listeners: Sequence[Listener], router_ports: Sequence[int] | None) -> Verdict:
    """Whether a port is free for the router, or held by it.

    Args:
        number: the port.
        listeners: all that listens on this machine.
        router_ports: ports that Havre's own router publishes; None if the engine did not answer.
    """
    name = f"Port {number}"
    holders = [listener for listener in listeners if listener.port == number]
    if router_ports and number in router_ports:
        return Verdict(name, Level.OK, "held by Havre's router")
    if not holders:
        return Verdict(name, Level.OK, "free")
    who = next((f"{h.process} (pid {h.pid})" for h in holders if h.process), "")
    if not who:
        return Verdict(
            name, Level.WARNING, "held by a process that this account may not see", "run havre doctor as root"
        )
    if router_ports is None and "docker" in who:
        return Verdict(name, Level.SKIPPED, f"held by {who}; whose it is, only the engine could say")
    return Verdict(
        name,
        Level.FAILED,
        f"held by {who}",
        "stop that program, or give Havre other ports: HAVRE_HTTP_PORT, HAVRE_HTTPS_PORT",
    )


def disk(what: str, path: str, *, total: int, free: int) -> Verdict:
    """Whether there is room: a warning below 15 %, a failure below 5 % or 2 GiB."""
    name = f"Disk of {what}"
    share = free / total if total else 0.0
    seen = f"{_size(free)} free of {_size(total)} ({share:.0%}) at {path}"
    remedy = "free some: havre images prune; docker builder prune; journalctl --vacuum-size=200M"
    if share < _DISK_FAIL or free < _DISK_FAIL_BYTES:
        return Verdict(name, Level.FAILED, seen, remedy)
    if share < _DISK_WARN:
        return Verdict(name, Level.WARNING, seen, remedy)
    return Verdict(name, Level.OK, seen)


def inodes(what: str, path: str, *, total: int, free: int) -> Verdict:
    """Whether files can still be made; file systems without a fixed number report 0 in total."""
    name = f"Inodes of {what}"
    if total == 0:
        return Verdict(name, Level.SKIPPED, f"the file system at {path} has no fixed number")
    share = free / total
    seen = f"{share:.0%} of {total:,} free at {path}"
    remedy = "many small files fill it: havre images prune; docker builder prune"
    if share < _INODES_FAIL:
        return Verdict(name, Level.FAILED, seen, remedy)
    if share < _INODES_WARN:
        return Verdict(name, Level.WARNING, seen, remedy)
    return Verdict(name, Level.OK, seen)


def memory(*, total: int, available: int, swap_total: int, swap_used: int) -> Verdict:
    """Whether builds and applications have memory, and something to fall back on."""
    name = "Memory"
    swap = f"{_size(swap_used)} of {_size(swap_total)} swap used" if swap_total else "no swap"
    seen = f"{_size(available)} available of {_size(total)}, {swap}"
    if total < _MEMORY_SMALL:
        return Verdict(name, Level.WARNING, seen, "less than 1 GB: a build may not fit; use a larger server")
    if available < total * _MEMORY_AVAILABLE:
        return Verdict(
            name,
            Level.WARNING,
            seen,
            "little is left: see docker stats, lower replicas or use a larger server",
        )
    if swap_total and swap_used > swap_total * _SWAP_USED:
        return Verdict(name, Level.WARNING, seen, "it is swapping: see docker stats, or use a larger server")
    if not swap_total and total < 4 * _GIB:
        return Verdict(
            name,
            Level.WARNING,
            seen,
            "a build may be killed; add swap: fallocate -l 2G /swapfile && chmod 600 /swapfile && "
            "mkswap /swapfile && swapon /swapfile",
        )
    return Verdict(name, Level.OK, seen)


def clock(*, synchronised: bool | None, skew: float | None, doubt: str = "") -> Verdict:
    """Whether the clock is right: certificates, tokens and backups depend on it.

    Args:
        synchronised: whether the kernel says that a time service keeps it; None if it does not say.
        skew: how far the engine's clock is ahead; None if it did not tell.
        doubt: why the date is not believed; empty if it is.
    """
    name = "Clock"
    told = {True: "kept by a time service", False: "kept by no time service", None: "unknown who keeps it"}
    seen = told[synchronised]
    if skew is not None:
        seen += f", {abs(skew):.1f} s from the engine's"
    seen = f"{doubt}; {seen}" if doubt else seen
    apart = 0.0 if skew is None else abs(skew)
    if apart > _SKEW_FAIL:
        return Verdict(name, Level.FAILED, seen, "set both clocks by NTP: apt install systemd-timesyncd")
    if doubt:
        return Verdict(name, Level.WARNING, seen, "is it right? see timedatectl; if it is, wait")
    if apart > _SKEW_WARN:
        return Verdict(name, Level.WARNING, seen, "set both clocks by NTP: apt install systemd-timesyncd")
    if synchronised is False:
        return Verdict(name, Level.WARNING, seen, "apt install systemd-timesyncd && timedatectl set-ntp true")
    return Verdict(name, Level.OK if synchronised else Level.SKIPPED, seen)


def authorities(*, extra: Sequence[str], proxy: str, unreadable: Sequence[str]) -> Verdict:
    """Certificate authorities that this server trusts beside the usual ones.

    A proxy that inspects TLS has one; builds must trust it, and do when it is found here.

    Args:
        extra: files of ``/usr/local/share/ca-certificates``.
        proxy: the HTTPS proxy of the environment; empty if none.
        unreadable: those of ``extra`` that are not PEM certificates.
    """
    name = "Proxy and CA"
    through = f"through the proxy {proxy}" if proxy else "no proxy set"
    if unreadable:
        return Verdict(
            name,
            Level.FAILED,
            f"not a PEM certificate: {', '.join(unreadable)}",
            "replace it by the certificate in PEM form (-----BEGIN CERTIFICATE-----), then run "
            "update-ca-certificates",
        )
    if extra:
        count = f"{len(extra)} extra authorit{'ies' if len(extra) > 1 else 'y'}"
        return Verdict(name, Level.OK, f"{count}, trusted in builds too: {', '.join(extra)}; {through}")
    if proxy:
        return Verdict(
            name,
            Level.OK,
            f"{through}, no extra authority",
            "if downloads in builds fail with a certificate error, put the proxy's CA into "
            "/usr/local/share/ca-certificates/NAME.crt and run update-ca-certificates",
        )
    return Verdict(name, Level.OK, f"no extra authority, {through}")


def build_client(*, path: str, version: str, problem: str, hint: str) -> Verdict:
    """Whether a docker client is there that can build with BuildKit; ``problem`` is why not."""
    name = "Docker client"
    if problem:
        return Verdict(
            name, Level.FAILED, problem, hint or "apt install docker.io (Debian 13: docker-cli docker-buildx)"
        )
    return Verdict(name, Level.OK, f"{path} {version}".rstrip() + " can build")


def build_ceiling(*, holds: str, where: str, problem: str, cpus: float, cores: int) -> Verdict:
    """Whether builds are kept from starving what serves.

    Args:
        holds: the ceiling in words.
        where: control groups in which the engine runs builds; empty if unknown.
        problem: why no ceiling can be set; empty if it can.
        cpus: processors of the ceiling.
        cores: processors of the server.
    """
    name = "Build ceiling"
    if problem:
        return Verdict(
            name,
            Level.WARNING,
            f"builds run without a ceiling: {problem}",
            "run the worker as root with write access to /sys/fs/cgroup, on the machine of the engine",
        )
    seen = f"builds take at most {holds}, and only what applications leave; at {where}"
    if cpus > cores * _BUILD_SHARE:
        return Verdict(
            name,
            Level.WARNING,
            seen,
            "nearly all processors: lower HAVRE_BUILD_CPUS to leave applications room",
        )
    return Verdict(name, Level.OK, seen)


def git(version: str) -> Verdict:
    """Whether Git is there; empty if not."""
    if not version:
        return Verdict("Git", Level.FAILED, "not installed", "apt install git")
    return Verdict("Git", Level.OK, version)


def havre(status: int | None, *, worker_seen: float | None, told: str, hint: str) -> Verdict:
    """Whether web and worker are alive.

    Args:
        status: of ``/healthz``; None if the web process was not reached.
        worker_seen: seconds since the worker's last sign of life; None if it never gave one.
        told: what ``/healthz`` says, or why the web process was not reached.
        hint: what to do about that.
    """
    name = "Havre"
    if status is None:
        return Verdict(name, Level.WARNING, told, hint)
    if status == _OK_STATUS:
        return Verdict(name, Level.OK, "web and worker are alive")
    if "worker" in told:
        last = "never seen" if worker_seen is None else f"last seen {worker_seen:.0f} s ago"
        return Verdict(
            name,
            Level.FAILED,
            f"web answers, the worker was {last}",
            "start the worker: havre worker (or havre serve for both); its log says why it ended",
        )
    return Verdict(
        name,
        Level.FAILED,
        f"web answers with status {status}: {told}" if told else f"web answers with status {status}",
        "see the log of havre web; is the disk full?",
    )


@dataclass(frozen=True)
class KeyFile:
    """A key file as found: its permission bits, None if it is not there, and the widest allowed ones."""

    path: str
    mode: int | None
    allowed: int = 0o600


def keys(files: Sequence[KeyFile], *, unreadable: bool) -> Verdict:
    """Whether private keys are closed to other accounts.

    Args:
        files: the private keys.
        unreadable: this account may not even look into their folder, which is right for it.
    """
    name = "Keys"
    if unreadable:
        return Verdict(name, Level.SKIPPED, "this account may not look at them, as it should be")
    found = [file for file in files if file.mode is not None]
    if not found:
        return Verdict(name, Level.SKIPPED, "none yet: Havre makes them at its first start")
    loose = [file for file in found if file.mode is not None and file.mode & ~file.allowed]
    if loose:
        return Verdict(
            name,
            Level.FAILED,
            "; ".join(f"{file.path} is open to other accounts (mode {file.mode:04o})" for file in loose),
            " && ".join(f"chmod {file.allowed:o} {file.path}" for file in loose)
            + "; if somebody may have read it, replace what it protects",
        )
    count = len(found)
    return Verdict(name, Level.OK, f"{count} key file{'s' if count > 1 else ''}, closed to other accounts")


def _size(count: int) -> str:
    gib = count / _GIB
    return f"{gib:.0f} GiB" if gib >= 10 else f"{gib:.1f} GiB"  # noqa: PLR2004 - tenths matter below ten


def erased_persons(back: Mapping[str, int]) -> Verdict:
    """Erased persons whom a restore brought back; how many, by environment."""
    if not back:
        return Verdict("Erased persons", Level.OK, "none is known to be there again")
    told = ", ".join(f"{count} in {place}" for place, count in back.items())
    return Verdict(
        "Erased persons", Level.WARNING, f"there again since a restore: {told}", "havre privacy erase --again"
    )
