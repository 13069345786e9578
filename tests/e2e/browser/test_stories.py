"""Stories of people before the panel, over the harbour that never was."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, expect

from support.panel_browser import (
    come_in,
    give_password,
    open_context,
    served,
    sign_out,
    submit,
)
from support.panel_pages import visit

HOME = "/environments/dropit/production/"


def test_the_first_run_teaches_what_to_do(visitor: Any) -> None:
    with served(empty=True) as panel:
        page = visitor(panel.url)
        page.goto("/")
        expect(page).to_have_url(f"{panel.url}/account/login/")  # nothing is open
        come_in(page, panel.link)
        expect(page.get_by_role("heading", level=1)).to_have_text("An empty harbour")
        page.get_by_role("link", name="First steps").click()
        expect(page.get_by_role("heading", level=2)).to_have_count(5)
        page.get_by_role("link", name="New project").click()
        expect(page.get_by_label("Git address")).to_be_editable()
        page.goto(panel.link)
        expect(page.locator("main")).to_contain_text("link")
        expect(page.locator("input[name=new_password1]")).to_have_count(0)  # it was good once
        page.context.close()


def test_a_password_and_a_wrong_code_open_nothing(visitor: Any, owner: Any) -> None:
    page = visitor()
    give_password(page, "lea")
    page.locator("input[name=code]").fill("000000")
    submit(page)
    expect(page.locator(".error, .banner.bad").first).to_be_visible()
    page.goto("/activity/")
    expect(page.locator("main form")).not_to_have_count(0)
    expect(page.locator("nav a[href='/activity/']")).to_have_count(0)
    page.goto("/account/two-factor/authenticate/")
    page.locator("input[name=code]").fill(owner.app.code())
    submit(page)
    expect(page.get_by_text("Signed in as lea.")).to_be_visible()
    sign_out(page)
    page.goto("/")
    page.wait_for_url("**/account/login/")


def test_a_viewer_is_invited_and_cannot_act(visitor: Any, page: Page) -> None:
    visit(page, "people")
    page.get_by_role("link", name="Invite somebody").click()
    page.locator("input[name=name], input[name=password]").first.wait_for()
    if "/reauthenticate/" in page.url:  # who decides about people is asked once more who they are
        visit(page, "invite")
    page.get_by_label("Name", exact=True).fill("noor")
    page.get_by_label("dropit").select_option("viewer")
    submit(page)
    link = page.locator("#link").input_value()

    noor = visitor()
    come_in(noor, link)
    expect(noor.locator(".card.environment h3").first).to_contain_text("dropit")
    expect(noor.get_by_text("atelier")).to_have_count(0)
    noor.goto(HOME)
    expect(noor.get_by_role("heading", level=1)).to_contain_text("production")
    for name in ("Deploy", "Roll back", "Restart", "Scale", "Run a command", "Return"):
        expect(noor.get_by_role("link", name=name, exact=True)).to_have_count(0)
    expect(noor.locator("nav a[href^='/settings/']")).to_have_count(0)
    token = noor.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    for kind in ("deploy", "rollback", "restart", "scale", "run", "backup", "restore"):
        form = {"csrfmiddlewaretoken": token}
        answer = noor.context.request.post(f"{HOME}do/{kind}", form=form, max_redirects=0)
        assert answer.status == 403, (kind, answer.status)
    assert noor.context.request.get("/environments/atelier/production/").status == 404
    assert noor.context.request.get("/settings/people/").status == 403


def test_french_from_the_browser_and_by_choice(of_owner: Any) -> None:
    page = of_owner(locale="fr-FR")
    page.goto(HOME)
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("link", name="Déployer", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Versions")).to_be_visible()
    page.get_by_label("Langue").select_option("en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("link", name="Deploy", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{page.url.split('/environments')[0]}{HOME}")


_FOCUS = """() => {
  const at = document.activeElement, look = getComputedStyle(at), box = at.getBoundingClientRect();
  return {text: at.textContent.trim(), tag: at.tagName, name: at.getAttribute("name"),
          ring: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
          shown: box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0};
}"""


def test_a_deployment_is_begun_by_keyboard_alone(page: Page) -> None:
    page.goto(HOME)
    page.keyboard.press("Tab")
    first = page.evaluate(_FOCUS)
    assert first["text"] == "Skip to the content"
    assert first["shown"], first
    for _press in range(30):
        page.keyboard.press("Tab")
        focus = page.evaluate(_FOCUS)
        assert focus["ring"], f"where the focus is cannot be seen: {focus}"
        assert focus["shown"], focus
        if focus["text"] == "Deploy":
            break
    assert focus["text"] == "Deploy"
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open] input[name=ref]")).to_be_focused()
    page.keyboard.type("main")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert page.evaluate(_FOCUS)["text"] == "Deploy"


def test_pages_are_read_without_javascript(of_owner: Any) -> None:
    page = of_owner(java_script_enabled=False)
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator(".card.environment")).to_have_count(5)
    page.locator(".card.environment a.head").filter(has_text="dropit production").click()
    expect(page.locator("#services tbody tr")).to_have_count(4)
    expect(page.locator("#services tbody tr").filter(has_text="api")).to_contain_text("2 of 2")
    expect(page.locator(".releases li").first).to_contain_text("6")
    page.get_by_role("link", name="Deploy", exact=True).click()  # a page instead of a dialog
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deploy")
    expect(page.get_by_role("button", name="Deploy", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Apply", exact=True)).to_be_visible()


def test_times_are_those_of_the_browser(browser: Browser, panel: Any, owner: Any) -> None:
    context = open_context(browser, panel.url, storage_state=owner.kept, timezone_id="Asia/Tokyo")
    context.clear_cookies(name="havre_timezone")
    page = context.new_page()
    page.goto("/")
    expect(page.get_by_text("Times are in Asia/Tokyo.")).to_be_visible()
    context.close()
