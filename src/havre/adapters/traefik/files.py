"""The folder of dynamic configuration that Traefik watches: one file per name.

A file is written under a dot name that Traefik ignores and then renamed, so it reads the old or the
new one and never half of one, also after a power cut. Which of the two does not matter then: routes
are written again when the worker starts, so the folder itself is not synced. The text is JSON, which
is YAML too (Traefik reads no ``.json``).
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from havre.errors import ServerError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SUFFIX = ".yml"
_TEMPORARY = ".tmp"
_STALE = 60.0  # seconds; no write takes that long, so its process is gone


def publish(folder: Path, name: str, configuration: Mapping[str, Any]) -> bool:
    """Write a configuration; False if exactly this was there already.

    Args:
        folder: what Traefik watches; it must exist.
        name: of the file, without suffix.
        configuration: the dynamic configuration.

    Raises:
        ServerError: the file could not be written; the old one is as it was.
        ValueError: ``name`` cannot be a file's name.
    """
    target = _path(folder, name)
    content = _text(configuration).encode()
    try:
        if target.is_file() and target.read_bytes() == content:
            return False
        _replace(target, content)
        _clean(folder)
    except OSError as error:
        raise _error("written", target, error) from error
    return True


def withdraw(folder: Path, name: str) -> bool:
    """Remove a configuration; False if there was none.

    Raises:
        ServerError: the file could not be removed.
        ValueError: ``name`` cannot be a file's name.
    """
    target = _path(folder, name)
    try:
        target.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _error("removed", target, error) from error
    return True


def published(folder: Path) -> dict[str, dict[str, Any]]:
    """Every configuration by name, as it was published.

    What somebody else put there and is not JSON is left out, and so is a folder that does not exist.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        if path.name.startswith("."):
            continue
        try:
            value = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(value, dict):
            found[path.name.removesuffix(_SUFFIX)] = value
    return found


def _path(folder: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a name for a file: {name!r}")
    return folder / f"{name}{_SUFFIX}"


def _text(configuration: Mapping[str, Any]) -> str:
    """JSON in which no Go template begins.

    Traefik runs each file through Go's templates, which can read environment variables: ``{{`` in
    a value (JSON's own braces are never adjacent that way) is written as escapes.
    """
    text = json.dumps(configuration, indent=1, sort_keys=True, ensure_ascii=True)
    return text.replace("{{", "\\u007b\\u007b") + "\n"


def _replace(target: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=_TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)  # Traefik runs as another user
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _clean(folder: Path) -> None:
    """Remove what a process left that died between writing and renaming."""
    for path in folder.glob(f".*{_TEMPORARY}"):
        try:
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()
        except FileNotFoundError:
            continue  # its writer was faster


def _error(done: str, target: Path, error: OSError) -> ServerError:
    return ServerError(
        f"the router's configuration {target} could not be {done}: {error.strerror or error}",
        hint="check the free space and the permissions of its folder; routes stay as they were",
        retryable=True,
    )
