"""``havre doctor``: look at this server, with or without a running Havre, and say what is wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from havre.adapters import certificates as x509
from havre.adapters.buildkit.cli import find_client
from havre.adapters.cgroups import ceiling as cgroups
from havre.adapters.host import machine
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import audit, certificates, doctor, naming, overlay
from havre.domain.audit import Cleaned, Orphan
from havre.domain.continuity import exposure, protection, survival
from havre.domain.doctor import KeyFile, Level, Listener, Verdict
from havre.domain.overlay import StaleLink
from havre.errors import HavreError
from havre.operations import build_ceiling
from havre.operations.certificate_files import certificate_files
from havre.operations.continuity import dates
from havre.operations.links import why_stuck
from havre.records.opening import open_records

_ENGINE_TIMEOUT = 5
_SETTLING = 0.2  # seconds
_NEWEST = 5  # tasks of a service

Health = Callable[[], tuple[int, Mapping[str, Any]]]
"""Asks ``/healthz``: its status and answer. Raises HavreError if the web process is not reached."""


def examine(config: Config, *, health: Health) -> list[Verdict]:
    """Every check in its order.

    A check that cannot be made is skipped with its reason; none prevents the others.
    """
    info, router_ports, problem = _engine(config)
    checks: tuple[tuple[str, Callable[[], Iterable[Verdict]]], ...] = (
        ("Docker engine", lambda: _engine_checks(config, info, problem)),
        ("Overlay networks", lambda: [_overlay_networks(config, has_engine=info is not None)]),
        ("Docker client", lambda: [_build_client()]),
        ("Build ceiling", lambda: [_build_ceiling(config, info)]),
        ("Git", lambda: [doctor.git(machine.git_version())]),
        ("Ports", lambda: _ports(config, router_ports)),
        ("Disk", lambda: _disks(config, info)),
        ("Memory", lambda: [doctor.memory(**asdict(machine.memory()))]),
        ("Clock", lambda: [_clock(config, info)]),
        ("Proxy and CA", lambda: [_authorities()]),
        ("Keys", lambda: [_keys(config)]),
        ("Certificates", lambda: _certificates(config)),
        ("Havre", lambda: [_havre(health)]),
        ("Backups", lambda: [_backups(config)]),
        ("Erased persons", lambda: [_erased(config)]),
        ("Restore drills", lambda: [_drills(config)]),
        ("Recovery point", lambda: [_at_risk(config, has_engine=info is not None)]),
        ("Rebuild", lambda: [_rebuild(config)]),
        ("Deletion", lambda: [_deletion(config)]),
        ("Orphans", lambda: [_orphans(config, has_engine=info is not None)]),
    )
    verdicts: list[Verdict] = []
    for name, check in checks:
        try:
            verdicts.extend(check())
        except OSError as error:
            verdicts.append(Verdict(name, Level.SKIPPED, f"could not be read: {error}"))
    return verdicts


def _engine(config: Config) -> tuple[dict[str, Any] | None, list[int] | None, str]:
    """The engine's description and the ports of Havre's router; else why there is no answer."""
    try:
        engine = Engine(config.docker_host, timeout=_ENGINE_TIMEOUT)
        info = engine.info()
        client = engine.connect()
        try:
            found = client.containers(filters={"label": [f"{naming.ROLE}=router"]})
        finally:
            client.close()
    except HavreError as error:
        return None, None, _reason(error)
    except OSError as error:  # requests' errors are OSErrors
        return None, None, str(error)
    ports = {
        int(port["PublicPort"]) for row in found for port in row.get("Ports", ()) if "PublicPort" in port
    }
    return info, sorted(ports), ""


def _reason(error: HavreError) -> str:
    """The system's own words below the SDK's, which nest several errors in one line."""
    text = f"{error.message} {error.detail} {error.__cause__ or ''}"
    for known in ("No such file or directory", "Permission denied", "Connection refused", "timed out"):
        if known.lower() in text.lower():
            return known.lower()
    return error.message


def _engine_checks(config: Config, info: dict[str, Any] | None, problem: str) -> Iterator[Verdict]:
    if info is None:
        yield doctor.engine_missing(config.docker_host, problem)
        yield Verdict("Swarm", Level.SKIPPED, "the engine does not answer")
        return
    yield doctor.engine_version(str(info.get("ServerVersion", "")), config.docker_host)
    swarm = info.get("Swarm") or {}
    yield doctor.swarm(
        str(swarm.get("LocalNodeState", "inactive")),
        is_manager=bool(swarm.get("ControlAvailable")),
        nodes=swarm.get("Nodes"),
        error=str(swarm.get("Error", "")),
        address=machine.address(),
    )


def _overlay_networks(config: Config, *, has_engine: bool) -> Verdict:
    """Links that no network uses, and services that cannot join theirs."""
    # The engine makes a link here and moves it away at once; one that is seen twice is left behind.
    left = {link for link in machine.links() if link.startswith(overlay.LINKS)}
    if left:
        time.sleep(_SETTLING)
        left &= machine.links()
    stuck = list(_stuck(Engine(config.docker_host, timeout=_ENGINE_TIMEOUT))) if has_engine else []
    return overlay.links_verdict(sorted(left), stuck)


def _stuck(engine: Engine) -> Iterator[tuple[str, StaleLink]]:
    """Services that lack tasks because those cannot join a network."""
    try:
        services = engine.snapshot().services
    except HavreError:
        return  # no Swarm; its own check says so
    for service in services:
        if len(service.running) < service.replicas:
            found = [why for task in service.tasks[:_NEWEST] if (why := why_stuck(engine, task.error))]
            yield from ((service.name, why) for why in found[:1])


def _build_client() -> Verdict:
    try:
        client = find_client()
    except HavreError as error:
        return doctor.build_client(path="", version="", problem=error.message, hint=error.hint)
    how = "with buildx" if client.buildx else "without buildx"
    return doctor.build_client(path=str(client.path), version=f"{client.version} {how}", problem="", hint="")


def _build_ceiling(config: Config, info: dict[str, Any] | None) -> Verdict:
    """Set it, as the next build would, and so know whether it can be."""
    if info is None:
        return Verdict("Build ceiling", Level.SKIPPED, "the engine does not answer")
    if os.geteuid() != 0:
        return Verdict("Build ceiling", Level.SKIPPED, "only root can tell: the worker sets it, as root")
    limit = build_ceiling.chosen_ceiling(config)
    where = problem = ""
    try:
        place = build_ceiling.find_place(config, info)
        where = str(place.folder("cpu" if place.version == 1 else ""))
        if place.groups.is_own:
            cgroups.apply(place, limit)
        else:
            where += f"/{place.groups.prefix}…"
    except HavreError as error:
        problem = error.message
    return doctor.build_ceiling(
        holds=str(limit), where=where, problem=problem, cpus=limit.cpus, cores=machine.cores()
    )


def _ports(config: Config, router_ports: list[int] | None) -> Iterator[Verdict]:
    heard = [Listener(port, process, pid) for port, process, pid in machine.listeners()]
    for number in dict.fromkeys((config.http_port, config.https_port)):
        yield doctor.port(number, heard, router_ports)


def _disks(config: Config, info: dict[str, Any] | None) -> Iterator[Verdict]:
    places = {"Havre": config.state}
    root = Path(str((info or {}).get("DockerRootDir") or "/var/lib/docker"))
    # An engine elsewhere, or in namespaces of its own, names a folder that is not this machine's.
    if root.is_dir():
        places["Docker"] = root
    if "Docker" in places and machine.same_filesystem(
        Path(machine.space(config.state).path), Path(machine.space(root).path)
    ):
        places = {"Havre and Docker": config.state}
    for what, path in places.items():
        found = machine.space(path)
        yield doctor.disk(what, found.path, total=found.total, free=found.free)
        yield doctor.inodes(what, found.path, total=found.inodes, free=found.inodes_free)


def _clock(config: Config, info: dict[str, Any] | None) -> Verdict:
    told = str((info or {}).get("SystemTime", ""))
    # The engine's answer is a second or so old by now: what counts is minutes, not milliseconds.
    return doctor.clock(
        synchronised=machine.clock_synchronised(),
        skew=machine.ahead_of_here(told) if told else None,
        doubt=dates.known(config.paths.clock).doubt,
    )


def _authorities() -> Verdict:
    names, broken = machine.extra_authorities()
    return doctor.authorities(extra=names, proxy=machine.https_proxy(os.environ), unreadable=broken)


def _keys(config: Config) -> Verdict:
    # Django's key is the web process's too, by its group; the others are the worker's alone.
    wanted = [(config.paths.private_key, 0o600), (config.paths.django_key, 0o640)]
    if config.tls_key:
        wanted.append((config.tls_key, 0o640))
    try:
        files = [KeyFile(str(path), machine.file_mode(path), allowed) for path, allowed in wanted]
    except PermissionError:
        return doctor.keys((), unreadable=True)
    return doctor.keys(files, unreadable=False)


def _backups(config: Config) -> Verdict:
    try:
        open_records(config)
    except HavreError as error:
        return Verdict("Backups", Level.SKIPPED, error.message, error.hint)
    # Imported here: it reads the records, which were opened a moment ago.
    from havre.records.protection import protected_databases, storage_is_set  # noqa: PLC0415

    return protection.verdict(protected_databases(), has_storage=storage_is_set(), now=datetime.now(UTC))


def _erased(config: Config) -> Verdict:
    try:
        open_records(config)
    except HavreError as error:
        return Verdict("Erased persons", Level.SKIPPED, error.message, error.hint)
    from havre.records.erasures import back_again  # noqa: PLC0415 - as above

    return doctor.erased_persons(back_again())


def _drills(config: Config) -> Verdict:
    try:
        open_records(config)
    except HavreError as error:
        return Verdict("Restore drills", Level.SKIPPED, error.message, error.hint)
    from havre.records.protection import drilled_environments  # noqa: PLC0415 - as above

    return exposure.drills_verdict(drilled_environments(), now=datetime.now(UTC))


def _at_risk(config: Config, *, has_engine: bool) -> Verdict:
    """What would be lost with this server now, asked of each database."""
    name = "Recovery point"
    if not has_engine:
        return Verdict(name, Level.SKIPPED, "the engine does not answer")
    try:
        open_records(config)
        from havre.operations.continuity.exposed import exposed  # noqa: PLC0415 - as above

        return exposure.risk_verdict(exposed(config))
    except HavreError as error:
        return Verdict(name, Level.SKIPPED, error.message, error.hint)


def _rebuild(config: Config) -> Verdict:
    try:
        open_records(config)
    except HavreError as error:
        return Verdict("Rebuild", Level.SKIPPED, error.message, error.hint)
    from havre.records.protection import kit_is_stored, storage_is_set  # noqa: PLC0415 - as above
    from havre.records.saving import returnable_environments  # noqa: PLC0415

    return protection.rebuild_verdict(
        returnable_environments(),
        has_storage=storage_is_set(),
        is_kit_stored=kit_is_stored(),
        now=datetime.now(UTC),
    )


def _deletion(config: Config) -> Verdict:
    """Whether the off-site copies survive somebody who has this server's keys."""
    name = "Deletion"
    try:
        open_records(config)
        from havre.operations.continuity.storage import Storage  # noqa: PLC0415 - as above
        from havre.operations.continuity.trial import kept_by  # noqa: PLC0415
        from havre.records.continuity import newest_storage  # noqa: PLC0415

        row = newest_storage()
        if row is None:
            return Verdict(name, Level.SKIPPED, "there is no off-site storage")
        return survival.verdict(kept_by(Storage.opened(config, row)))
    except HavreError as error:
        return Verdict(name, Level.SKIPPED, error.message, error.hint)


def _orphans(config: Config, *, has_engine: bool) -> Verdict:
    if not has_engine:
        return Verdict("Orphans", Level.SKIPPED, "the engine does not answer")
    try:
        return audit.verdict(find_orphans(config))
    except HavreError as error:
        return Verdict("Orphans", Level.SKIPPED, error.message, error.hint)


def find_orphans(config: Config) -> tuple[Orphan, ...]:
    """What nothing needs any more (see :mod:`havre.operations.audit`).

    Raises:
        HavreError: the engine or the records cannot be asked.
    """
    open_records(config)
    # Imported here: it reads the records, which were opened a moment ago.
    from havre.operations.audit import audit as look  # noqa: PLC0415

    return look(config, Engine(config.docker_host))


def clean_orphans(config: Config) -> Cleaned:
    """Take away what nothing needs any more.

    Raises:
        HavreError: the engine or the records cannot be asked, or the records are not this engine's.
    """
    open_records(config)
    from havre.operations.audit import clean  # noqa: PLC0415 - as above

    return clean(config, Engine(config.docker_host))


def _certificates(config: Config) -> Iterator[Verdict]:
    """The administrator's certificate files; those of the local authority are renewed by themselves."""
    pairs = certificate_files(config)
    if config.tls_certificate and config.tls_key:
        pairs.append((config.tls_certificate, config.tls_key))
    for file, key in pairs:
        yield certificates.verdict(x509.read(file, key), datetime.now(UTC))


def _havre(health: Health) -> Verdict:
    try:
        status, answer = health()
    except HavreError as error:
        return doctor.havre(None, worker_seen=None, told=error.message, hint=error.hint)
    seen = answer.get("worker_seen_seconds")
    return doctor.havre(
        status,
        worker_seen=float(seen) if seen is not None else None,
        told=str(answer.get("status", "")),
        hint="",
    )
