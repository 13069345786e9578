"""Each page of the panel by a name, for its pictures and for what has to hold on every one of them."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

from support.panel_browser import PASSWORD

_HOME = "/environments/dropit/production/"

PAGES: Final[dict[str, str]] = {
    "overview": "/",
    "first-steps": "/first-steps/",
    "new-project": "/projects/new",
    "project": "/projects/dropit/",
    "environment": _HOME,
    "environment-new": "/environments/dropit/preview-214/",
    "environment-data": f"{_HOME}data/",
    "first-deployment": "/environments/dropit/preview-214/begin/",
    "domains": f"{_HOME}domains/",
    "variables": f"{_HOME}settings/",
    "manifest": f"{_HOME}manifest/",
    **{f"do-{kind}": f"{_HOME}do/{kind}" for kind in ("deploy", "rollback", "restart", "scale", "run")},
    **{f"do-{kind}": f"{_HOME}do/{kind}" for kind in ("backup", "drill", "restore")},
    "data": "/data/",
    "activity": "/activity/",
    "sessions": "/account/sessions/",
    "tokens": "/account/tokens/",
    "token-new": "/account/tokens/new/",
    "two-factor": "/account/two-factor/",
    "recovery-codes": "/account/two-factor/codes/new/",
    "passkey": "/account/two-factor/keys/add/",
    "password": "/account/password/",
    "proof": "/account/reauthenticate/",
    "people": "/settings/people/",
    "invite": "/settings/people/new/",
    "person": "/settings/people/named/lea/",
    "storage": "/settings/storage/",
    "storage-change": "/settings/storage/change/",
    "server-tokens": "/settings/tokens/",
    "audit": "/settings/audit/",
}
"""Addresses in the harbour of ``support.panel_harbour``, for its owner ``lea``."""

OPERATIONS: Final[dict[str, str]] = {
    "operation-failed": "/activity/?kind=deploy&state=failed",
    "operation-live": "/activity/?state=running",
    "plan": "/activity/?kind=plan",
}
"""Pages of operations: the newest of these lists."""

STRANGERS: Final[dict[str, str]] = {"sign-in": "/account/login/", "link-is-over": "/account/welcome/gone/"}
"""Pages for who is not signed in."""


def visit(page: Page, name: str) -> None:
    """Open a page by its name; where it asks once more who that is, the password is given."""
    if name in OPERATIONS:
        page.goto(OPERATIONS[name])
        page.goto(page.locator('main a[href^="/operations/"]').first.get_attribute("href") or "")
        return
    address = {**PAGES, **STRANGERS}[name]
    page.goto(address)
    if name != "proof" and "/reauthenticate/" in page.url:
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("main form .button.primary").first.click()
        page.wait_for_url(f"**{address}")
    assert page.url.endswith(address), f"{name} is at {page.url}"
