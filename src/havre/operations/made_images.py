"""The platform images that this server ever made, so that those of earlier recipes can go.

A file of ids, one a line. Labels cannot tell them: whatever somebody builds ``FROM`` one has them too.
"""

from __future__ import annotations

from collections.abc import Iterable

from havre.config import Paths


def made_images(paths: Paths) -> frozenset[str]:
    """Their ids."""
    try:
        return frozenset(paths.made_images.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


def remember_made(paths: Paths, ids: Iterable[str]) -> None:
    """Add what was made now, or found to be of the present recipe."""
    new = sorted(set(ids) - made_images(paths))
    if new:
        with paths.made_images.open("a", encoding="ascii") as file:
            file.writelines(f"{each}\n" for each in new)
