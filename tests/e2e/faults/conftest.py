"""What the tests of faults begin with."""

from __future__ import annotations

import pytest

from support.operations import Make
from support.repository import Repository
from support.server import Server


@pytest.fixture
def deployed(server: Server, make: Make) -> Repository:
    """A project whose version 1 serves."""
    repository = make(drain="1s")
    server.deploy(repository.folder)
    return repository
