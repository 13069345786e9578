"""The Havre elsewhere that ``havre login`` remembers, in a file that its owner alone can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from havre.errors import UsageError
from havre.interfaces.cli.connection import Connection


def place(environ: Mapping[str, str]) -> Path:
    """Where the file is (https://specifications.freedesktop.org/basedir-spec/)."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~")).expanduser() / ".config")
    return Path(base) / "havre" / "login.json"


def store(environ: Mapping[str, str], connection: Connection) -> Path:
    """Keep a connection in place of the one of before; where it is kept.

    Raises:
        UsageError: it cannot be written.
    """
    path = place(environ)
    kept = {"url": connection.url, "token": connection.token, "ca": str(connection.ca or "")}
    draft = path.with_suffix(".draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(kept, file)
        draft.rename(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="use HAVRE_TOKEN") from error
    return path


def load(environ: Mapping[str, str]) -> Connection | None:
    """The connection that is kept, if one is.

    Raises:
        UsageError: the file can be read by others, or is none of Havre's.
    """
    path = place(environ)
    try:
        with path.open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise UsageError(
                    f"{path} can be read by others", hint=f"chmod 600 {path}, and renew the token"
                )
            kept = json.load(file)
        ca = kept.get("ca")
        return Connection(url=str(kept["url"]), token=str(kept["token"]), ca=Path(ca) if ca else None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UsageError(
            f"{path} cannot be read", hint="begin anew: havre logout, havre login URL"
        ) from error


def forget(environ: Mapping[str, str]) -> bool:
    """Remove what is kept; whether anything was."""
    path = place(environ)
    if not path.exists():
        return False
    path.unlink()
    return True
