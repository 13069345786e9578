"""The panel as a browser of somebody who signed in meets it, over a harbour that never was."""

from __future__ import annotations

import pytest
from django.utils import timezone

from havre.domain.access import EVERYTHING
from support import panel_harbour
from support.api_process import ask_remotely, state
from support.panel_people import browser_of

__all__ = ["ask_remotely", "harbour", "send", "state"]


@pytest.fixture
def ask(transactional_db, state):
    """A browser of root, an owner of the server, without any records."""
    return browser_of("root", EVERYTHING)


@pytest.fixture
def harbour(ask):
    """The records of ``support.panel_harbour``, and an owner who asks the panel about them."""
    panel_harbour.fill(timezone.now())
    return ask


@pytest.fixture
def send(harbour):
    """Send a form of the panel, with its token, as the page itself would."""

    def post(path, form, **headers):
        return harbour.send(path, form, headers)

    return post
