"""Names that the manifest takes, made of names that repositories have."""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 30
_TAKEN_ENDINGS = re.compile(r"-(?:r[0-9]+|release|tasks|alias)$")


def name_of(text: str, otherwise: str) -> str:
    """A name of at most 30 lower-case letters, digits and hyphens; ``@shop/api`` is ``api``."""
    words = re.sub(r"[^a-z0-9]+", "-", text.rpartition("/")[2].lower())
    name = re.sub(r"^[^a-z]+", "", words)[:LONGEST].strip("-")
    return _TAKEN_ENDINGS.sub("", name) or otherwise


def another(name: str, taken: Collection[str]) -> str:
    """The name, with a number if it is taken."""
    number = 1
    found = name
    while found in taken:
        number += 1
        found = f"{name[: LONGEST - 3]}-{number}"
    return found
