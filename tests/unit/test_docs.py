"""The pages of this repository: their links lead somewhere, and what they promise is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/README.md")],
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<(?:img|source)[^>]*?(?:src|srcset)=\"([^\"]+)\"")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_PICTURE_LARGEST = 300 * 1024


def prose(page: Path) -> str:
    """A page without its code, in which brackets are no links."""
    return re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, made the way GitHub does."""
    found = re.findall(r"^#+ +(.+?)\s*$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def links(page: Path) -> list[str]:
    return [first or second for first, second in _LINK.findall(prose(page))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leaves the repository"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: that page has no such heading"


@pytest.mark.parametrize(
    "folder", ["docs/how-to", "docs/runbooks", "docs/reference", "docs/explanation", "docs/adr"]
)
def test_every_page_can_be_reached(folder: str) -> None:
    index = ROOT / ("docs/adr/README.md" if folder == "docs/adr" else "docs/README.md")
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    for page in (ROOT / folder).glob("*.md"):
        assert page in linked | {index}, f"{index.relative_to(ROOT)} does not name it"


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs/images").iterdir():
        assert picture.stat().st_size <= _PICTURE_LARGEST, picture.name
