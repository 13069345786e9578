"""What holds on every page: WCAG 2.2 A and AA in light and dark, a clean console, no wider than a phone."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from support.panel_pages import OPERATIONS, PAGES, STRANGERS, visit

_LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_ALL = {"runOnly": {"type": "tag", "values": _LEVELS}, "resultTypes": ["violations"]}
_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"], "resultTypes": ["violations"]}


def check(page: Page) -> None:
    for scheme, rules in (("light", _ALL), ("dark", _COLOURS)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page, options=rules)
        assert not found.violations_count, f"{scheme}: {found.generate_report()}"


def width(page: Page) -> Any:
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("name", [*PAGES, *OPERATIONS])
def test_everybody_can_use_a_page(tour: tuple[Page, list[str]], name: str) -> None:
    page, wrong = tour
    wrong.clear()
    page.set_viewport_size({"width": 1440, "height": 900})
    visit(page, name)
    check(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert width(page) <= 390, "it is wider than a phone"
    assert not wrong, wrong


def test_what_is_wrong_with_a_page_is_noticed(tour: tuple[Page, list[str]]) -> None:
    page, wrong = tour
    visit(page, "overview")
    wrong.clear()
    page.evaluate("document.querySelector('h1').setAttribute('style', 'color: red')")
    page.wait_for_function("() => true")
    assert any("Content Security Policy" in each for each in wrong), wrong
    page.evaluate("document.querySelector('h1').style.color = 'Canvas'")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input>')")
    with pytest.raises(AssertionError, match=r"(?s)color-contrast|label"):
        check(page)


@pytest.mark.parametrize("name", STRANGERS)
def test_everybody_can_use_a_page_before_signing_in(visitor: Any, name: str) -> None:
    page = visitor()
    visit(page, name)
    check(page)


def test_everybody_can_use_a_dialog(page: Page) -> None:
    visit(page, "environment")
    page.locator(".actions .button.primary").click()
    page.locator("dialog[open] form").wait_for()
    check(page)
