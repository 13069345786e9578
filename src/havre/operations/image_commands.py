"""What a command on the server asks and does beside a running Havre: images and their pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from havre.adapters.swarm import image_store
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.domain.pruning import Judged
from havre.records.opening import open_records

if TYPE_CHECKING:
    from havre.operations.prune import Pruned


def images(config: Config) -> tuple[Judged, ...]:
    """Every image that Havre built or pulled, with who needs it.

    Raises:
        HavreError: the engine or the records cannot be asked.
    """
    open_records(config)
    # Imported here: it reads the records, which were opened a moment ago.
    from havre.operations import prune as pruning  # noqa: PLC0415

    return pruning.images(config, Engine(config.docker_host))


def prune(config: Config) -> tuple[Pruned, int]:
    """Remove what nothing needs, and bring the build cache below its ceiling; bytes freed of the latter.

    Raises:
        HavreError: the engine or the records cannot be asked.
    """
    open_records(config)
    from havre.operations import prune as pruning  # noqa: PLC0415 - as above

    engine = Engine(config.docker_host)
    pruned = pruning.prune_images(config, engine)
    return pruned, image_store.prune_cache(engine, config.build_cache)
