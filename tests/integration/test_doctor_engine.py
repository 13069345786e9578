"""``havre doctor`` against a real engine."""

from __future__ import annotations

import os
from pathlib import Path

from havre.config import Config
from havre.domain.doctor import Level
from havre.errors import ServerError
from havre.operations import doctor


def test_the_engine_and_its_swarm_are_found_well(tmp_path: Path) -> None:
    def health() -> tuple[int, dict[str, object]]:
        raise ServerError("not running here")

    config = Config(state=tmp_path, docker_host=os.environ["HAVRE_TEST_DOCKER_HOST"])
    found = {verdict.check: verdict for verdict in doctor.examine(config, health=health)}
    assert found["Docker engine"].level is Level.OK
    assert found["Swarm"].level is Level.OK, found["Swarm"]
    assert "s from the engine's" in found["Clock"].seen
    assert found["Clock"].level is not Level.FAILED
