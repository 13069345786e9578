"""Makes ``docs/images/panel``: each page of the panel on a desk and on a phone.

``PYTHONPATH=src:tests python -m support.screenshots [NAME…]`` serves the harbour that never was, opens it in
Debian's Chromium and writes ``NAME-1440.png`` and ``NAME-390.png``; a page of :data:`DARK` also in the dark.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import BrowserContext, Page

from support.panel_browser import chromium, come_in, give_password, open_context, served, sign_in, sign_out
from support.panel_pages import OPERATIONS, PAGES, STRANGERS, visit

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images" / "panel"
SIZES: Final = {1440: (900, 1200), 390: (844, 1800)}
"""Widths, and the least and greatest heights, in pixels: a picture is as high as its page, within these."""
DARK: Final = ("overview", "environment")
EMPTY: Final = "first-run"
SECOND: Final = "second-factor"
LARGEST: Final = 80 * 1024
"""Bytes of a picture."""


def names() -> list[str]:
    """Of all pictures, without sizes."""
    dark = [f"{name}-dark" for name in DARK]
    return [EMPTY, *STRANGERS, SECOND, *PAGES, *OPERATIONS, *dark]


def _take(page: Page, name: str) -> None:
    for width, (height, tallest) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("window.scrollTo(0, 0)")
        tall = min(tallest, max(height, int(page.evaluate("document.documentElement.scrollHeight"))))
        page.set_viewport_size({"width": width, "height": tall})
        save(page.screenshot(), FOLDER / f"{name}-{width}.png")


def save(picture: bytes, path: Path) -> None:
    """Write a picture with as many colours as :data:`LARGEST` allows."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    for colours in (256, 128, 96, 64, 48):
        packed = io.BytesIO()
        few = image.quantize(colours, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(packed, "PNG", optimize=True)
        if packed.tell() <= LARGEST:
            break
    path.write_bytes(packed.getvalue())


def _signed_in(context: BrowserContext, link: str, wanted: set[str]) -> Page:
    page = context.new_page()
    app = come_in(page, link)
    sign_out(page)
    for name in STRANGERS:
        if name in wanted:
            visit(page, name)
            _take(page, name)
    if SECOND in wanted:
        give_password(page, "lea")
        _take(page, SECOND)
        page.locator("form.after button").click()
    sign_in(page, "lea", app)
    return page


def main(chosen: list[str]) -> None:
    """Make those that are named, or all."""
    wanted = set(chosen or names())
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        if EMPTY in wanted:
            with served(empty=True) as panel:
                page = open_context(browser, panel.url).new_page()
                come_in(page, panel.link)
                _take(page, EMPTY)
        with served() as panel:
            page = _signed_in(open_context(browser, panel.url), panel.link, wanted)
            for name in (*PAGES, *OPERATIONS):
                if name in wanted:
                    visit(page, name)
                    _take(page, name)
            page.emulate_media(color_scheme="dark", reduced_motion="reduce")
            for name in DARK:
                if f"{name}-dark" in wanted:
                    visit(page, name)
                    _take(page, f"{name}-dark")


if __name__ == "__main__":
    main(sys.argv[1:])
