"""A full disk of the engine, as builds and pulls tell of it: which it is, and what helps."""

from __future__ import annotations

import re
from typing import Final

_FULL: Final = re.compile(r"no space left on device|ENOSPC|disk quota exceeded", re.IGNORECASE)
# Folders below the engine's data root, and containerd's, as they are laid out there.
_ROOT: Final = re.compile(
    r"(?P<root>(?:/[^\s:\"'/]+)+)/"
    r"(?:image/\w+/(?:layerdb|imagedb)|overlay2/\w{20}|buildkit/|tmp/(?:GetImageBlob|docker-)|io\.containerd\.)"
)

REMEDY: Final = (
    "free space: havre images prune, docker builder prune; docker system df shows what is there; or enlarge"
    " that disk. Then deploy again: nothing else is needed"
)


def is_full(text: str) -> bool:
    """Whether a text tells of a disk that is full."""
    return bool(_FULL.search(text))


def place(text: str) -> str:
    """The disk in words, with the engine's folder on it where the text names one of those."""
    found = _ROOT.search(text)
    return "the Docker engine's disk" + (f" (at {found['root']})" if found else "")
