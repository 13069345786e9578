"""One browser and one panel over the harbour that never was; each test has a profile of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from support.authenticator import Authenticator
from support.panel_browser import (
    Panel,
    chromium,
    come_in,
    open_context,
    served,
    sign_in,
    sign_out,
)

Open = Callable[..., Page]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="package")
def panel() -> Iterator[Panel]:
    with served() as started:
        yield started


@dataclass(frozen=True)
class Owner:
    """``lea``, an owner of the server, signed in by both factors: her app, and what her browser keeps."""

    app: Authenticator
    kept: Any


@pytest.fixture(scope="package")
def owner(browser: Browser, panel: Panel) -> Owner:
    context = open_context(browser, panel.url)
    page = context.new_page()
    app = come_in(page, panel.link)
    sign_out(page)
    sign_in(page, "lea", app)
    kept = context.storage_state()
    context.close()
    return Owner(app, kept)


def listen(context: BrowserContext) -> list[str]:
    """What goes wrong in a browser from now on: refused by the policy, failed in a script, not found."""
    wrong: list[str] = []

    def note(message: ConsoleMessage) -> None:
        address = message.page.url if message.page else ""
        is_page = message.location["url"] == address and message.text.startswith("Failed to load resource")
        if message.type in {"error", "warning"} and not is_page:  # a page itself may well say no
            wrong.append(f"{address}: {message.text}")

    context.on("console", note)
    context.on("weberror", lambda error: wrong.append(f"{error.page}: {error.error}"))
    return wrong


@pytest.fixture
def visitor(browser: Browser, panel: Panel) -> Iterator[Open]:
    """Opens a page in a new profile; nothing may go wrong in it."""
    contexts = []
    heard: list[list[str]] = []

    def open_page(base: str = panel.url, **options: Any) -> Page:
        context = open_context(browser, base, **options)
        contexts.append(context)
        heard.append(listen(context))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert not any(heard), heard


@pytest.fixture
def of_owner(visitor: Open, owner: Owner) -> Open:
    """Opens a page as ``lea``."""

    def open_page(**options: Any) -> Page:
        return visitor(storage_state=owner.kept, **options)

    return open_page


@pytest.fixture(scope="package")
def tour(browser: Browser, panel: Panel, owner: Owner) -> Iterator[tuple[Page, list[str]]]:
    """One page of ``lea`` for a look at every page, and what went wrong in it."""
    context = open_context(browser, panel.url, storage_state=owner.kept)
    wrong = listen(context)
    yield context.new_page(), wrong
    context.close()


@pytest.fixture
def page(of_owner: Open) -> Page:
    return of_owner()
