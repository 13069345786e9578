"""The shared server with its processes in the tests' hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.crash_lab import ROOMY, Lab
from support.server import Server


@pytest.fixture(scope="module")
def of_module(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The shared server, its processes in the test's hand."""
    server.stop()
    made = Lab(server, tmp_path_factory.mktemp("crash"))
    try:
        yield made
    finally:
        made.processes.start(**ROOMY)
        made.destroy_everything()
        made.processes.stop()
        server.start()


@pytest.fixture
def lab(of_module: Lab) -> Iterator[Lab]:
    """The same; whatever a test started is stopped."""
    yield of_module
    of_module.processes.stop()
