"""A browser on the panel: Debian's Chromium, the panel it opens, and who sits before it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from support.authenticator import Authenticator
from support.ports import free_port

PASSWORD = "a long walk by the sea"
PATIENCE = 90_000
"""Milliseconds for whatever is waited for: the machine may be busy."""
ZONE = "Europe/Paris"
_TESTS = Path(__file__).parent.parent


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's own browser, without a window."""
    found = shutil.which("chromium")
    if found is None:
        raise RuntimeError("no chromium: apt-get install chromium, as bin/test does")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


def open_context(browser: Browser, base: str, **options: Any) -> BrowserContext:
    """A browser's profile of its own, in which the panel knows the time zone already.

    Args:
        browser: it.
        base: the panel's address.
        options: Playwright's, of ``new_context``.
    """
    named = {"locale": "en-GB", "timezone_id": ZONE, "reduced_motion": "reduce", **options}
    context = browser.new_context(base_url=base, **named)
    context.set_default_timeout(PATIENCE)
    context.add_cookies([{"name": "havre_timezone", "value": ZONE, "url": base}])
    return context


def submit(page: Page, form: str = "main form") -> None:
    """Press the main button of a form."""
    page.locator(f"{form} .button.primary").first.click()


def come_in(page: Page, link: str) -> Authenticator:
    """By a one-time link: choose a password, set an authenticator app up, keep the recovery codes."""
    page.goto(link)
    page.locator("input[name=new_password1]").fill(PASSWORD)
    page.locator("input[name=new_password2]").fill(PASSWORD)
    submit(page)
    page.locator('a[href="/account/two-factor/app/add/"]').click()
    authenticator = Authenticator(page.locator("code.secret").inner_text())
    page.locator("input[name=code]").fill(authenticator.code())
    submit(page)
    expect(page.locator("#recovery_codes")).not_to_be_empty()
    page.locator("main a.button.primary").click()
    page.wait_for_url("**/")
    return authenticator


def give_password(page: Page, name: str) -> None:
    """The first factor, on the page to sign in."""
    page.goto("/account/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    submit(page)
    page.wait_for_url("**/two-factor/authenticate/")


def sign_in(page: Page, name: str, authenticator: Authenticator) -> None:
    """Both factors."""
    give_password(page, name)
    page.locator("input[name=code]").fill(authenticator.code())
    submit(page)
    page.wait_for_url("**/")


def sign_out(page: Page) -> None:
    """By the button of every page."""
    page.locator('form[action="/account/logout/"] button').click()
    page.wait_for_url("**/account/login/")


class Panel:
    """A served panel: its address, and the link by which ``lea``, an owner, comes in for the first time."""

    def __init__(self, url: str, link: str) -> None:
        self.url = url
        self.link = link


@contextmanager
def served(*, empty: bool = False) -> Iterator[Panel]:
    """``support.panel_serving`` in a process of its own.

    Args:
        empty: whether there is nothing but the account, as on a new server.
    """
    folder = Path(tempfile.mkdtemp(prefix="havre-panel-"))
    port = free_port()
    paths = os.pathsep.join([str(_TESTS), str(_TESTS.parent / "src")])
    words = [sys.executable, "-m", "support.panel_serving", str(folder / "state"), str(port)]
    process = subprocess.Popen(
        [*words, *(["--empty"] if empty else [])],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        assert link, "the panel did not start"
        _wait_for(port)
        yield Panel(f"http://localhost:{port}", link)
    finally:
        process.terminate()
        process.communicate(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            assert time.monotonic() < deadline, "the panel does not listen"
            time.sleep(0.05)
        else:
            return


@contextmanager
def forwarded(path: Path) -> Iterator[str]:
    """A unix socket at a loopback port, as ``ssh -L PORT:PATH`` has it; yields the address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(str(path))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=_carry, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://localhost:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Everything that comes, until one side is done; then both are closed."""
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
