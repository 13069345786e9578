"""Addresses of Git repositories, as people write them: the names they suggest, and where keys are added."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from havre.domain.blueprint.naming import name_of

_SCP: Final = re.compile(r"(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):(?!//)(.+)")
"""``git@host:path``, the short form of SSH (git-clone(1), "GIT URLS")."""
_KEY_PAGES: Final = {
    "github.com": "https://github.com/{path}/settings/keys/new",
    "gitlab.com": "https://gitlab.com/{path}/-/settings/repository#js-deploy-keys-settings",
    "codeberg.org": "https://codeberg.org/{path}/settings/keys",
    "bitbucket.org": "https://bitbucket.org/{path}/admin/access-keys/",
}
"""Where the forges that everybody may use take deploy keys."""
_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)+")


def project_name(address: str) -> str:
    """A project's name made of an address; ``project`` where nothing in it will do."""
    path = _parts(address)[1]
    return name_of(path.rpartition("/")[2], "project")


def is_ssh(address: str) -> bool:
    """Whether a repository is read over SSH, so that a deploy key opens it."""
    return address.startswith("ssh://") or ("://" not in address and _SCP.fullmatch(address) is not None)


def over_ssh(address: str) -> str:
    """The same repository over SSH, for one of a private forge's by https; empty where it cannot be told."""
    host, path = _parts(address)
    is_web = address.startswith(("https://", "http://"))
    return f"git@{host}:{path}.git" if is_web and host and _PLAIN_PATH.fullmatch(path) else ""


def key_page(address: str) -> str:
    """The page of a well-known forge on which the repository's deploy keys are added; empty for others."""
    host, path = _parts(address)
    page = _KEY_PAGES.get(host, "")
    return page.format(path=path) if page and _PLAIN_PATH.fullmatch(path) else ""


def _parts(address: str) -> tuple[str, str]:
    """Host and path, without the user, the port and ``.git``."""
    short = None if "://" in address else _SCP.fullmatch(address)
    if short:
        host, path = short[1], short[2]
    else:
        try:
            split = urlsplit(address)
            host, path = split.hostname or "", split.path
        except ValueError:
            return "", ""
    return host.lower(), path.strip("/").removesuffix(".git")
