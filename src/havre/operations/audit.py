"""Audit: find what nothing needs any more, and take it away without disturbing an operation.

What is found comes from the engine, from the folders of the state directory and from the records;
what of it is an orphan is decided in :mod:`havre.domain.audit`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from havre.adapters import traefik
from havre.adapters.swarm import inventory
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain import naming
from havre.domain.audit import Cleaned, Kind, Orphan, Owner, Records, Thing, orphans
from havre.errors import HavreError, UsageError
from havre.manifest import AppService, EnvironmentSpec, PostgresService, RedisService
from havre.operations.continuity.files import files_of
from havre.operations.continuity.storage import Storage
from havre.operations.privacy.alone import is_under_way
from havre.operations.release_secrets import password_name
from havre.operations.routing import OWN_ROUTES
from havre.records import needs
from havre.records.models import Environment, Release

_PATIENCE: Final = 60.0
_POLL: Final = 0.5


def audit(config: Config, engine: Engine) -> tuple[Orphan, ...]:
    """The orphans of this server now; never anything that an operation under way owns.

    Raises:
        EngineError: the engine did not answer.
    """
    # Things first: what an operation makes or removes meanwhile is then known to the records as its.
    began = needs.mark()
    things = [*inventory.inventory(engine), *_files(config)]
    if is_under_way(config.paths.state):
        things = [thing for thing in things if not thing.name.startswith(naming.APART)]
    return orphans([*things, *_drafts()], _records(began))


def clean(config: Config, engine: Engine) -> Cleaned:
    """Remove every orphan but those that may hold data; what is in use a moment longer is waited for.

    Each round looks anew and removes while no operation can begin.

    Raises:
        EngineError: the engine did not answer.
        UsageError: the records know no environment at all, so they may not be this engine's.
    """
    removed: dict[Thing, Orphan] = {}
    deadline = time.monotonic() + _PATIENCE
    while True:
        left: list[tuple[Orphan, str]] = []
        stays: set[Thing] = set()  # what no waiting takes away
        with needs.nothing_begins():
            found = audit(config, engine)
            _refuse_foreign(config, found)
            for orphan in found:
                if orphan.holds_data:
                    stays.add(orphan.thing)
                    left.append((orphan, "it may hold data"))
                    continue
                try:
                    _take_away(config, engine, orphan)
                except (HavreError, OSError) as error:
                    if isinstance(error, HavreError) and not error.retryable:
                        stays.add(orphan.thing)
                    left.append((orphan, _told(error)))
                else:
                    removed[orphan.thing] = orphan
        # The engine shows a network until the last container has left it, so look again.
        is_over = all(orphan.thing in stays for orphan in found)
        if is_over or time.monotonic() > deadline:
            return Cleaned(tuple(removed.values()), tuple(left))
        time.sleep(_POLL)


def _told(error: HavreError | OSError) -> str:
    if not isinstance(error, HavreError):
        return str(error)
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _refuse_foreign(config: Config, found: Iterable[Orphan]) -> None:
    if not Environment.objects.exists() and any(orphan.thing.running for orphan in found):
        raise UsageError(
            f"the records in {config.state} know no environment, though the engine runs some",
            hint="is HAVRE_STATE the directory of the Havre that made them? Else remove them by"
            " docker service rm",
        )


def _records(began: needs.Mark) -> Records:
    environments = Environment.objects.select_related("project", "current_release")
    return Records(
        owners=tuple(_owner(environment) for environment in environments),
        busy=needs.busy_environments(began),
        operations=needs.operations_under_way(),
    )


def _owner(environment: Environment) -> Owner:
    needed: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    name = str(environment)
    live = environment.current_release
    for release in needs.kept_releases(environment):
        for kind, thing in _needed_by(name, release):
            needed[kind].add(thing)
    if live:
        needed[Kind.ROUTE].add(name)
        needed[Kind.NETWORK].add(name)
    # A database that only a kept release needs goes on running: it is ready when one returns to it.
    serving = {*needed[Kind.VOLUME], *(live.swarm_services.values() if live else ())}
    return Owner(
        name,
        is_live=live is not None,
        needed={kind: frozenset(names) for kind, names in needed.items()},
        serving=frozenset(serving),
    )


def _needed_by(environment: str, release: Release) -> Iterator[tuple[Kind, str]]:
    """Everything in the engine that a release names."""
    for swarm_name in release.swarm_services.values():
        yield Kind.SERVICE, swarm_name
    for swarm_name in _data_services(environment, release):
        yield Kind.SERVICE, swarm_name
        yield Kind.VOLUME, swarm_name
    for name, service in EnvironmentSpec.model_validate(release.spec).services.items():
        if isinstance(service, AppService):
            for volume in service.volumes:
                yield Kind.VOLUME, f"{environment}-{volume.name}"
        if isinstance(service, PostgresService):
            files = files_of(release, name, service, Storage.unopened(release.storage_version))
            for kind, names in files.names if files else ():
                for thing in names:
                    yield kind, thing
        version = release.secret_versions.get(password_name(name))
        if version is not None:
            yield Kind.SECRET, naming.password_secret(environment, name, version)


def _data_services(environment: str, release: Release) -> list[str]:
    """Swarm names of a release's databases and caches; their volumes are called the same."""
    services = EnvironmentSpec.model_validate(release.spec).services
    return [
        f"{environment}-{name}"
        for name, service in services.items()
        if isinstance(service, PostgresService | RedisService)
    ]


def _files(config: Config) -> Iterator[Thing]:
    for name in traefik.published(config.paths.traefik_dynamic):
        if name not in OWN_ROUTES:
            yield Thing(Kind.ROUTE, name, name)
    for folder in (config.paths.sources, config.paths.builds):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            number = int(path.name) if path.name.isdigit() else None
            yield Thing(Kind.FOLDER, str(path), operation=number)


def _drafts() -> Iterator[Thing]:
    for release in needs.abandoned_drafts():
        yield Thing(
            Kind.DRAFT, f"release {release.number} of {release.environment}", operation=release.operation_id
        )


def _take_away(config: Config, engine: Engine, orphan: Orphan) -> None:
    """Remove one orphan, or stop what only should not run."""
    thing = orphan.thing
    if orphan.stop:
        engine.scale(thing.name, 0)
    elif thing.kind in inventory.REMOVED_HERE:
        inventory.remove(engine, thing)
    else:
        _REMOVERS[thing.kind](config, thing)


def _withdraw(config: Config, thing: Thing) -> None:
    traefik.withdraw(config.paths.traefik_dynamic, thing.name)


def _remove_folder(_config: Config, thing: Thing) -> None:
    path = Path(thing.name)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _give_up(_config: Config, _thing: Thing) -> None:
    for release in needs.abandoned_drafts():
        needs.give_up_draft(release.pk)


_REMOVERS: Final[dict[Kind, Callable[[Config, Thing], None]]] = {
    Kind.ROUTE: _withdraw,
    Kind.FOLDER: _remove_folder,
    Kind.DRAFT: _give_up,
}
