"""Static files under names that change with their content, from memory, compressed once.

There are few and they are small, so no build step collects them and no process beside this one serves
them: what Django's finders find is read when the first name is asked for. A browser keeps each for a year.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.views.decorators.http import require_safe

from havre.interfaces.panel.guard import Need, needs

_COMPRESSED: Final = frozenset({".css", ".js", ".svg", ".json", ".webmanifest"})
_DIGEST: Final = 10  # hexadecimal digits
_FOREVER: Final = "public, max-age=31536000, immutable"
_ACCEPTS_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))")


@dataclass(frozen=True)
class Asset:
    """One file; ``compressed`` is None where gzip saves nothing."""

    address: str
    media_type: str
    content: bytes
    compressed: bytes | None


@lru_cache(maxsize=1)
def catalogue() -> dict[str, Asset]:
    """Every file by its plain name."""
    found: dict[str, Asset] = {}
    for finder in get_finders():
        for name, storage in finder.list([]):
            with storage.open(name, "rb") as file:
                found.setdefault(name, _asset(name, file.read()))
    return found


@lru_cache(maxsize=1)
def _addresses() -> dict[str, Asset]:
    return {asset.address: asset for asset in catalogue().values()}


def _asset(name: str, content: bytes) -> Asset:
    path = PurePosixPath(name)
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST]
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    packed = gzip.compress(content, 9, mtime=0) if path.suffix in _COMPRESSED else None
    return Asset(
        address=str(path.with_name(f"{path.stem}.{digest}{path.suffix}")),
        media_type=media_type,
        content=content,
        compressed=packed if packed and len(packed) < len(content) else None,
    )


class AssetStorage(StaticFilesStorage):
    """Lets ``{% static %}`` write the names that change with the content, also in templates of libraries."""

    def url(self, name: str | None) -> str:
        """The address of a file.

        Raises:
            KeyError: there is no such file, which a test of the page tells.
        """
        return super().url(catalogue()[name or ""].address)


@needs(Need.NOTHING)
@require_safe
def serve(request: HttpRequest, path: str) -> HttpResponse:
    """A static file by the name that ``{% static %}`` wrote; nothing else can be named."""
    asset = _addresses().get(path)
    if asset is None:
        return HttpResponseNotFound()
    wants_gzip = _ACCEPTS_GZIP.search(request.headers.get("Accept-Encoding", ""))
    packed = asset.compressed if wants_gzip else None
    answer = HttpResponse(packed or asset.content, content_type=asset.media_type)
    if packed:
        answer["Content-Encoding"] = "gzip"
    answer["Vary"] = "Accept-Encoding"
    answer["Cache-Control"] = _FOREVER
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
