"""Pictures of the panel's pages: each is there, small, and shown."""

from __future__ import annotations

from pathlib import Path

from django.urls import URLPattern

from havre.interfaces.panel import urls
from support.panel_pages import OPERATIONS, PAGES
from support.screenshots import FOLDER, LARGEST, SIZES, names

SHOWN = (Path(__file__).parents[4] / "docs" / "how-to" / "panel.md").read_text()
PARTS = {"static", "overview-part", "preferences", "services", "measured", "live", "cancel"}
"""Addresses that are no page: pieces of one, files, and what only takes a form."""
FORMS = {"person-link", "person-change", "server-token-revoke", "manifest-check"}
FORMS |= {f"storage-{what}" for what in ("test", "lock", "forget", "kept")}
FORMS |= {f"project-{what}" for what in ("source", "environments", "key")}
FORMS |= {f"{kind}-{what}" for kind in ("variable", "secret") for what in ("set", "unset")}


def test_each_page_has_its_pictures() -> None:
    wanted = {f"{name}-{width}.png" for name in names() for width in SIZES}
    assert {path.name for path in FOLDER.iterdir()} == wanted
    for name in wanted:
        assert (FOLDER / name).stat().st_size <= LARGEST, name
        assert f"images/panel/{name}" in SHOWN, name


def test_each_address_of_the_panel_is_opened_in_a_browser() -> None:
    patterns = [
        each for each in urls.urlpatterns if isinstance(each, URLPattern) and each.name not in PARTS | FORMS
    ]
    opened = [address.removeprefix("/").partition("?")[0] for address in (*PAGES.values(), "/operations/1/")]
    assert OPERATIONS
    missing = [each.name for each in patterns if not any(each.resolve(address) for address in opened)]
    assert missing == []
