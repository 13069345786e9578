"""Set up: the state directory of a server, its keys and its database, with the least permissions.

Safe to run at every start, by several processes at once, and again after a crash in the middle of
it. As root, files are shared with the web process through its group; run by anybody else
(development), everything belongs to that account and both processes run as it.

==============  =====  ============  ===========================================================
path            mode   owner:group   why
==============  =====  ============  ===========================================================
state           0750   root:web      nobody else looks in
db              2770   root:web      both write; SQLite gives its -wal and -shm the file's group
keys            0750   root:web      web reads the public key and Django's; the private one is 0600
run             3770   root:web      each makes its socket; sticky: neither removes the other's
traefik         0755   root:root     mounted into the router, which is not root
traefik/acme    0700   router        private keys of certificates; the router's account writes them
certificates    0750   root:web      the local authority, if there is one; its key is 0600
sources builds  0700   root:root     checkouts
==============  =====  ============  ===========================================================
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from havre.adapters import sealing
from havre.config import WEB_UID_WITHOUT_ACCOUNT, Config, Paths
from havre.errors import ServerError

_DJANGO_KEY_BYTES = 50
ROUTER_UID = 65532
"""Account of Traefik in its image (src/havre/images/traefik/Dockerfile)."""


def web_ids(config: Config) -> tuple[int, int]:
    """Uid and gid of the web process: the account's if it exists; without root, one's own."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        account = pwd.getpwnam(config.web_user)
    except KeyError:
        return WEB_UID_WITHOUT_ACCOUNT, WEB_UID_WITHOUT_ACCOUNT
    if account.pw_uid == 0 or account.pw_gid == 0:
        raise ServerError(
            f"the account of the web process, {config.web_user}, has root's uid or group",
            hint="name an account without rights by HAVRE_WEB_USER",
        )
    return account.pw_uid, account.pw_gid


def set_up(config: Config, *, web_ids: tuple[int, int]) -> None:
    """Make what is missing and correct what is too open, then migrate the database.

    Args:
        config: the settings of this server.
        web_ids: uid and gid that the web process will have.

    Raises:
        ServerError: the state directory cannot be made or is not this account's.
    """
    paths = config.paths
    group = web_ids[1]
    try:
        paths.state.mkdir(parents=True, exist_ok=True)
        _require_way(paths.state.resolve(), web_ids)
        with _only_one(paths.state):
            _make_folders(paths, group)
            for socket in (paths.api_socket, paths.panel_socket):
                _remove_foreign_socket(socket, web_ids[0])
            _make_keys(paths, group)
            if not config.database_url:
                _make_database(paths.database, group)
            _migrate()
    except OSError as error:
        raise ServerError(
            f"the state directory {paths.state} cannot be set up: {error.strerror}: {error.filename}",
            hint="start Havre as root, or name a directory of your own by HAVRE_STATE",
        ) from error


def _require_way(state: Path, web_ids: tuple[int, int]) -> None:
    """Refuse a state directory that the web process could not reach."""
    if os.geteuid() != 0:
        return
    uid, gid = web_ids
    for folder in reversed(state.parents):
        found = folder.stat()
        bit = 0o100 if found.st_uid == uid else 0o010 if found.st_gid == gid else 0o001
        if not found.st_mode & bit:
            raise ServerError(
                f"{folder} is closed to the web process, so it could not reach {state}",
                hint=f"name another directory by HAVRE_STATE, or open that one: chmod o+x {folder}",
            )


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    # The lock ends with the process, however that ends. It is the directory itself: no file is left.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _make_folders(paths: Paths, group: int) -> None:
    own = os.getegid()
    for folder, mode, its_group in (
        (paths.state, 0o750, group),
        (paths.db, 0o2770, group),
        (paths.keys, 0o750, group),
        (paths.run, 0o3770, group),
        (paths.traefik, 0o755, own),
        (paths.traefik_dynamic, 0o755, own),
        (paths.traefik_acme, 0o700, own),
        (paths.certificates, 0o750, group),
        (paths.sources, 0o700, own),
        (paths.builds, 0o700, own),
    ):
        try:
            folder.mkdir(mode=0o700)  # closed until its group is set
        except FileExistsError:
            if folder.is_symlink() and folder != paths.state:
                raise
        _give(folder, mode, its_group)
    if os.geteuid() == 0:
        os.chown(paths.traefik_acme, ROUTER_UID, ROUTER_UID)


def _remove_foreign_socket(file: Path, owner: int) -> None:
    # Left by a web process of another account: the sticky folder keeps the new one from replacing it.
    if file.is_socket() and file.lstat().st_uid != owner:
        file.unlink()


def _make_keys(paths: Paths, group: int) -> None:
    sealing.make_keys(paths.private_key, paths.public_key)
    _give(paths.private_key, 0o600, os.getegid())
    _give(paths.public_key, 0o644, os.getegid())
    if not paths.django_key.exists():
        draft = paths.django_key.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(_DJANGO_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(paths.django_key)
    _give(paths.django_key, 0o640, group)


def _make_database(file: Path, group: int) -> None:
    # SQLite makes its -wal and -shm with the mode, and as root also the owner, of this file.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    for name in (file, *(file.with_name(file.name + suffix) for suffix in ("-wal", "-shm"))):
        if name.exists():
            _give(name, 0o660, group)


def _give(path: Path, mode: int, group: int) -> None:
    """Set group, then mode (a change of group drops the setgid bit), where they differ."""
    found = path.stat()
    if found.st_gid != group or (os.geteuid() == 0 and found.st_uid != 0 and not path.is_dir()):
        os.chown(path, os.geteuid() if os.geteuid() == 0 else -1, group)
    if found.st_mode & 0o7777 != mode or found.st_gid != group:
        path.chmod(mode)


def _migrate() -> None:
    # Imported here: Django's settings read Django's key, which was made a moment ago.
    import django  # noqa: PLC0415
    from django.core.management import call_command  # noqa: PLC0415

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
