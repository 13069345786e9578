"""Copies of the server's own state, made before an upgrade and put back when it fails.

One directory per copy below ``STATE/backups``, closed to everybody but root::

    havre.sqlite3   the database, by SQLite's online backup
    keys/           private key, public key, Django's key, known hosts
    acme/           accounts and certificates of the router
    certificates/   the local authority, if there is one
    havre.toml      the settings, if there are any

Applications' own data are not in it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from havre.config import Config
from havre.domain import installation
from havre.errors import ServerError, UsageError

KEPT: Final = 5
"""Copies that are kept; older ones are removed after an upgrade that went well."""
DATABASE: Final = "havre.sqlite3"


def folder(config: Config) -> Path:
    """Where the copies are."""
    return config.state / "backups"


def require_copyable(config: Config, *, is_saved: bool) -> None:
    """Refuse a database that is not copied here, unless somebody says that it is saved.

    Raises:
        UsageError: it is a PostgreSQL of the administrator's own.
    """
    if config.database_url and not is_saved:
        raise UsageError(
            "the state is in a PostgreSQL of your own, which an upgrade does not copy or put back",
            hint="save it (pg_dump), then say so: --database-is-saved",
        )


def make(config: Config, version: str) -> Path:
    """Copy the state; the copy's directory, whose name tells when and of which version.

    Raises:
        ServerError: it could not be read or written.
    """
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    place = folder(config) / f"{now}-{version}"
    draft = place.with_name(f".{place.name}")
    try:
        folder(config).mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        fill(config, draft)
        draft.rename(place)
    except (OSError, sqlite3.Error) as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise ServerError(f"the state could not be copied: {error}", hint="is the disk full?") from error
    return place


def fill(config: Config, draft: Path) -> None:
    """Copy the state into an empty directory.

    Raises:
        OSError: it could not be read or written.
        sqlite3.Error: the database could not be read.
    """
    if not config.database_url:
        copy_database(config.paths.database, draft / DATABASE)
    for source, name in folders(config).items():
        if source.is_dir():
            shutil.copytree(source, draft / name)  # permissions stay; the copy is root's alone
    settings = Path(installation.SETTINGS)
    if settings.exists():
        shutil.copy2(settings, draft / settings.name)


def folders(config: Config) -> dict[Path, str]:
    """The directories of the state, and what they are called in a copy."""
    paths = config.paths
    return {
        paths.keys: "keys",
        paths.traefik_acme: "acme",
        config.state / "certificates": "certificates",
    }


def copy_database(source: Path, target: Path) -> None:
    """Copy a SQLite database, while others may use it, and check the copy.

    Raises:
        sqlite3.Error: it cannot be read, or the copy is not sound.
    """
    with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
        (answer,) = copy.execute("PRAGMA quick_check").fetchone()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"{source}: {answer}")
    target.chmod(0o600)


def put_back(config: Config, place: Path) -> None:
    """Put a copy's database in the place of the present one; nobody may use that now.

    Keys and certificates are not put back: an upgrade does not touch them.

    Raises:
        ServerError: it could not be written; the copy is still there.
    """
    if config.database_url:
        return
    database = config.paths.database
    draft = database.with_name(f".{database.name}.restored")
    try:
        shutil.copyfile(place / DATABASE, draft)
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        draft.rename(database)
    except OSError as error:
        raise ServerError(
            f"the database could not be put back from {place}: {error}",
            hint=f"stop Havre and copy {place / DATABASE} to {database} yourself",
        ) from error


def copies(config: Config) -> list[Path]:
    """The copies, oldest first."""
    place = folder(config)
    if not place.is_dir():
        return []
    return sorted(entry for entry in place.iterdir() if entry.is_dir() and entry.name[0] != ".")


def prune(config: Config) -> None:
    """Remove all but the newest copies."""
    for old in copies(config)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
