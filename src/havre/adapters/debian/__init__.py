"""Debian: its packages, accounts and trusted certificate authorities. Needs root.

Every command is a list of arguments; a failure carries the end of what the command said.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from havre.errors import HavreError

_TIMEOUT: Final = 1800.0  # seconds; packages may come over a slow line
_QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
_TOLD: Final = 15  # lines of a command that failed
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AUTHORITIES: Final = Path("/usr/local/share/ca-certificates")
"""Where ``update-ca-certificates`` looks for authorities that the administrator added."""


def release(file: Path = Path("/etc/os-release")) -> int:
    """Debian's major version; 0 if this is no Debian, or it does not say (testing)."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return 0
    values = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', text, re.MULTILINE))
    is_debian = values.get("ID") == "debian"
    return int(values["VERSION_ID"]) if is_debian and values.get("VERSION_ID", "").isdigit() else 0


def installed(names: Collection[str]) -> frozenset[str]:
    """Those of these packages that are installed."""
    if not shutil.which("dpkg-query"):
        return frozenset()
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return frozenset(row[0] for row in rows if row[1:] == ["installed"])


def install(names: Sequence[str]) -> None:
    """Install packages, without questions.

    Raises:
        HavreError: apt-get failed.
    """
    options = ["-q", "-y", "--no-install-recommends"]
    _run(["apt-get", "update", "-q"], "Debian's package lists could not be read", check=False)
    _run(["apt-get", "install", *options, *names], f"packages could not be installed: {', '.join(names)}")


def accounts() -> frozenset[str]:
    """Names of every account of this machine."""
    return frozenset(account.pw_name for account in pwd.getpwall())


def members(group: str) -> frozenset[str]:
    """Accounts that are in a group; none if it is not there."""
    try:
        return frozenset(grp.getgrnam(group).gr_mem)
    except KeyError:
        return frozenset()


def make_account(name: str) -> None:
    """Make a system account with a group of its name: no home, no shell, no password."""
    arguments = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    shell = ["--shell", "/usr/sbin/nologin", "--comment", "Havre web process"]
    _run(["useradd", *arguments, *shell, name], f"the account {name} could not be made")


def remove_account(name: str) -> None:
    """Remove an account and its group."""
    _run(["userdel", name], f"the account {name} could not be removed")


def join(name: str, group: str) -> None:
    """Put an account into a group."""
    _run(["usermod", "--append", "--groups", group, name], f"{name} could not join the group {group}")


def refresh_authorities() -> None:
    """Have ``/etc/ssl/certs`` follow what lies in :data:`AUTHORITIES`."""
    _run(["update-ca-certificates"], "the trusted authorities could not be written")


def _run(arguments: Sequence[str], failure: str, *, check: bool = True) -> None:
    environment: Mapping[str, str] = {**os.environ, **_QUIET, "PATH": _SYSTEM_PATH}
    try:
        done = subprocess.run(
            list(arguments),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HavreError(failure, hint=f"{arguments[0]} could not be run: {error}") from error
    if check and done.returncode != 0:
        detail = "\n".join(done.stdout.splitlines()[-_TOLD:])
        raise HavreError(failure, hint="correct what it says and run this again", detail=detail)
