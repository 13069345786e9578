"""Building on this server: one after another, below the ceiling that protects what serves."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from havre.adapters.buildkit.build import build
from havre.adapters.buildkit.secret_files import secret_files
from havre.adapters.cgroups import ceiling as cgroups
from havre.adapters.host import machine
from havre.adapters.swarm import image_store
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain.build import BuildRequest, BuildResult
from havre.domain.ceiling import size
from havre.errors import BuildError, Cancelled, HavreError
from havre.operations.build_ceiling import chosen_ceiling, find_place
from havre.operations.build_queue import WORKER, BuildQueue
from havre.operations.context import Interrupted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asker:
    """Who wants something built, and how it is told and stopped.

    Args:
        owner: as others in the queue are told: ``shop/production (operation 12)``.
        report: takes the lines of the log.
        tell: takes what is waited for, and the empty string when the waiting is over.
        checkpoint: raises when it is time to stop.
        number: of the operation that wants it; the lowest is built first.
    """

    owner: str
    report: Callable[[str], None]
    tell: Callable[[str], None]
    checkpoint: Callable[[], None]
    number: int = WORKER


class Builds:
    """Every build of this server's worker."""

    def __init__(self, config: Config, engine: Engine) -> None:
        self._config = config
        self._engine = engine
        self.queue = BuildQueue(config.build_slots)

    def build(
        self, request: BuildRequest, asker: Asker, secrets: Mapping[str, str] | None = None
    ) -> BuildResult:
        """Wait for a place, then build below the ceiling.

        Args:
            request: what to build.
            asker: who wants it.
            secrets: values of build secrets, by id.

        Raises:
            BuildError: it failed.
            EngineError: no client can build, or the engine stopped answering.
        """
        with (
            self.queue.turn(asker.owner, number=asker.number, tell=asker.tell, checkpoint=asker.checkpoint),
            self._below_ceiling(asker.report) as (held, memory),
            secret_files(secrets or {}) as files,
        ):
            self._make_room(asker.report)
            try:
                return build(
                    dataclasses.replace(request, secrets={**request.secrets, **files}),
                    engine_host=self._config.docker_host,
                    report=asker.report,
                    cancelled=lambda: _is_over(asker.checkpoint),
                    memory=memory,
                    ran_out=lambda: held.killed,
                )
            except Cancelled:
                asker.checkpoint()  # which knows whether it was cancelled or the worker stops
                raise

    def _make_room(self, report: Callable[[str], None]) -> None:
        """See that the disk of the engine has room, giving up build cache for it.

        Raises:
            BuildError: it has not.
        """
        root = Path(str(self._engine.info().get("DockerRootDir") or ""))
        # An engine in other namespaces names a folder that is not this machine's.
        if not root.is_absolute() or not root.is_dir():
            return
        reserve = self._config.build_reserve
        free = machine.space(root).free
        if free >= reserve:
            return
        report(f"only {size(free)} are free at {root}: pruning the build cache")
        wanted = reserve - free
        used = image_store.cache_size(self._engine)
        image_store.prune_cache(self._engine, max(used - wanted, 0))
        free = machine.space(root).free
        if free < reserve:
            raise BuildError(
                f"The disk of the engine is nearly full: {size(free)} are free at {root}, "
                f"a build begins with {size(reserve)} at least.",
                hint="See what is there: havre images list, docker system df. Free some space, enlarge the "
                "disk, or lower HAVRE_BUILD_RESERVE.",
            )

    @contextlib.contextmanager
    def _below_ceiling(self, report: Callable[[str], None]) -> Iterator[tuple[cgroups.Held, int]]:
        try:
            place = find_place(self._config, self._engine.info())
        except HavreError as error:
            report(f"warning: no ceiling for this build: {error.message}")
            yield cgroups.Held(), 0
            return
        limit = chosen_ceiling(self._config)
        with cgroups.held(place, limit) as held:
            for problem in held.problems:
                report(f"warning: no complete ceiling for this build: {problem}")
            yield held, limit.memory
        for problem in held.problems:
            log.warning("the ceiling of builds: %s", problem)


def _is_over(checkpoint: Callable[[], None]) -> bool:
    try:
        checkpoint()
    except (Interrupted, Cancelled):
        return True
    return False
