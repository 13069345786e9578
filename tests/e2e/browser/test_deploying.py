"""A project from its Git address to its second release and back, by the panel of a real server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from support.panel_browser import come_in, forwarded, sign_in, sign_out
from support.repository import Repository
from support.server import Server
from support.ssh_server import Sshd, running

_COUNT = """document.addEventListener("htmx:sseMessage", event => {
  const count = JSON.parse(sessionStorage.heard ?? "{}"), kind = event.detail.type;
  sessionStorage.heard = JSON.stringify({...count, [kind]: (count[kind] ?? 0) + 1});
});"""


@pytest.fixture
def page(server: Server, project: str, visitor: Any) -> Iterator[Page]:
    """An owner who came in by the link of ``havre admin create``, signed in by both factors.

    The panel's own socket is brought to the browser as ``ssh -L`` does it.
    """
    server.cli("admin", "create", project, check=False)  # it is there already where the test is tried again
    link = server.json("admin", "link", project, "--reset")["url"]
    try:
        with forwarded(server.state / "run" / "panel.sock") as url:
            opened: Page = visitor(url)
            opened.add_init_script(_COUNT)
            app = come_in(opened, httpx.URL(link).path)
            sign_out(opened)
            sign_in(opened, project, app)
            yield opened
            opened.context.close()
    finally:
        server.cli("admin", "remove", project, "--yes", check=False)  # the last owner stays


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Sshd]:
    """Where the private repository is, which a deploy key opens."""
    with running(tmp_path / "ssh") as started:
        yield started


def outcome(page: Page, word: str) -> Any:
    """Wait for an operation's end on its page, which tells it by itself; what came while one watched."""
    expect(page.locator("header.title .status")).to_have_text(word)
    expect(page.locator("[sse-connect]")).to_have_count(0)
    return page.evaluate("JSON.parse(sessionStorage.heard ?? '{}')")


def test_a_project_is_deployed_fails_and_goes_back(
    page: Page, server: Server, make: Callable[..., Repository], forge: Sshd, *, site: Any, project: str
) -> None:
    repository = make(health={"path": "/health", "start_period": "5s"})
    address = f"ssh://root@127.0.0.1:{forge.port}{repository.folder}"

    # The plan of a project that is not there yet, carried out.
    page.goto("/projects/new")
    page.get_by_label("Git address").fill(address)
    page.locator("input[name=name]").fill(project)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("main")).to_contain_text(re.compile("First deployment|There is a project"))
    server.cli("deploy-key", "set", "-p", project, stdin=forge.key.read_text())
    page.goto(f"/environments/{project}/production/begin/")  # also where this is tried again
    page.get_by_role("button", name="Show the plan first").click()
    outcome(page, "Succeeded")
    expect(page.locator(".changes")).to_contain_text("api")
    page.get_by_role("link", name="Carry out the plan").click()
    begin(page, page.get_by_role("button", name="Carry it out"))
    heard = outcome(page, "Succeeded")
    assert heard["steps"] > 1, "the steps came while one watched"
    assert heard["log"] >= 1, "so did the log of the build"
    assert heard["over"] == 1
    assert site.version() == "1"

    # A second release, by the button of the environment.
    home = f"/environments/{project}/production/"
    repository.commit(version="2")
    deploy(page, home)
    outcome(page, "Succeeded")
    assert site.version() == "2"

    # One that does not start: told with its reason, and the second serves on.
    repository.commit(version="3", exitAtStart=4)
    deploy(page, home)
    outcome(page, "Failed")
    expect(page.get_by_role("alert")).to_contain_text("code 4")
    expect(page.locator("pre.log")).to_contain_text("leaving with code 4")
    assert site.version() == "2"
    page.goto(home)
    expect(page.locator(".problems")).to_contain_text("The last deployment failed")
    expect(page.locator(".now .number")).to_have_text("Release 2")

    # Back to the first, with what differs.
    page.get_by_role("link", name="Return to release 1").click()
    dialog = page.locator("dialog[open]")
    expect(dialog.locator(".plain li")).to_have_count(1)
    begin(page, dialog.get_by_role("button", name="Roll back"))
    outcome(page, "Succeeded")
    assert site.version() == "1"
    sign_out(page)
    page.goto(home)
    page.wait_for_url("**/account/login/?next=*")


def deploy(page: Page, home: str) -> None:
    page.goto(home)
    page.get_by_role("link", name="Deploy", exact=True).click()
    begin(page, page.locator("dialog[open]").get_by_role("button", name="Deploy", exact=True))


def begin(page: Page, button: Locator) -> None:
    """Press what starts an operation, and be at its page."""
    before = page.url
    page.evaluate("sessionStorage.removeItem('heard')")
    button.click()
    expect(page).not_to_have_url(before)
    expect(page).to_have_url(re.compile(r"/operations/\d+/$"))
