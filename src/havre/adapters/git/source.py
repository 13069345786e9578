"""Where sources are: a checked value, from which no option, no other protocol and no secret gets out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import SecretBytes

from havre.errors import SourceError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCP_LIKE = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._-]*)@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]*)"
    r":(?P<path>[^:/\\ -].*|/[^/].*)"
)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9A-Fa-f:.]+")
# The user name of ssh:// is no secret; a token often stands as that of https://. The last alternative
# catches a password with a slash in it, which is no valid URL but is shown in the error that says so.
_CREDENTIALS = re.compile(r"(?i)(https?://)[^/\s@]*@|([a-z][a-z0-9+.-]*://)[^/\s@]*:[^@\s]*@")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_FULL_COMMIT = re.compile(r"[0-9a-f]{40}")
# git-check-ref-format(1): what may not be in the name of a branch or tag.
_NOT_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|^[-/.]|[/.]$|^@$")


def redact(text: str) -> str:
    """The text without the credentials in the URLs it holds."""
    return _CREDENTIALS.sub(lambda match: f"{match[1] or match[2]}***@", text)


@dataclass(frozen=True, repr=False)
class Source:
    """A place in a Git repository.

    Args:
        location: absolute path of a local repository or of a folder in one, ``file://``, ``https://`` or
            ``ssh://`` URL, or ``user@host:path``. An ``https`` URL may carry ``user:password@``.
        ref: branch, tag or commit id (7 to 40 hexadecimal digits); None for the default branch, of a
            local repository the branch it is on.
        subfolder: folder below the repository's root (below the given folder, for a local one).
        deploy_key: private SSH key, unencrypted.

    Raises:
        SourceError: one of them is not what it should be.
    """

    location: str
    ref: str | None = None
    subfolder: str | None = None
    deploy_key: SecretBytes | None = None

    def __post_init__(self) -> None:
        """Refuse what Git could read as an option, another protocol or a way out of the checkout."""
        check_location(self.location)
        if self.ref is not None:
            check_ref(self.ref)
        if self.subfolder is not None:
            check_subfolder(self.subfolder)

    def __repr__(self) -> str:
        key = ", deploy_key=***" if self.deploy_key else ""
        return f"Source({self.shown!r}, ref={self.ref!r}, subfolder={self.subfolder!r}{key})"

    @property
    def shown(self) -> str:
        """The location as it may be shown: without credentials."""
        return redact(self.location)

    @property
    def local_path(self) -> Path | None:
        """Path of a local repository, or of a folder in one; None for one elsewhere."""
        return local_path(self.location)

    @property
    def is_ssh(self) -> bool:
        """Whether the repository is reached over SSH."""
        return self.local_path is None and not self.location.startswith("https://")

    @property
    def is_commit(self) -> bool:
        """Whether the ref may be a commit id."""
        return self.ref is not None and bool(_COMMIT.fullmatch(self.ref))

    @property
    def is_full_commit(self) -> bool:
        """Whether the ref is a complete commit id."""
        return self.ref is not None and bool(_FULL_COMMIT.fullmatch(self.ref))

    def without_credentials(self) -> tuple[str, str | None]:
        """The location to call Git with, and the line of its credential store, if it has credentials."""
        if not self.location.startswith("https://"):
            return self.location, None
        parts = urlsplit(self.location)
        credentials, at, host = parts.netloc.rpartition("@")
        if not at:
            return self.location, None
        return parts._replace(netloc=host).geturl(), f"https://{credentials}@{host}"


def local_path(location: str) -> Path | None:
    """The path that a location names on this machine, or None if it is elsewhere.

    Who may not read the server's files must not be let name one: ask this before accepting a location.
    """
    if location.startswith("/"):
        return Path(location)
    if location.lower().startswith("file://"):
        return Path(unquote(urlsplit(location).path))
    return None


def check_location(location: str) -> None:
    """Refuse a location that is neither a local path nor a URL of an allowed protocol.

    Raises:
        SourceError: with what to write instead.
    """
    if not location or location.startswith("-") or _CONTROL.search(location):
        raise SourceError(
            f"{redact(location)!r} is not the location of a Git repository.",
            hint="Give an absolute path, https://host/path, ssh://user@host/path or user@host:path.",
        )
    if location.startswith("/"):
        return
    scheme = _SCHEME.match(location)
    if scheme:
        _check_url(location, scheme["scheme"].lower())
    elif not _SCP_LIKE.fullmatch(location):
        raise SourceError(
            f"{redact(location)!r} is neither an absolute path nor a Git URL.",
            hint="Give an absolute path, https://host/path, ssh://user@host/path or user@host:path.",
        )


def _check_url(location: str, scheme: str) -> None:
    if scheme in {"http", "git"}:
        raise SourceError(
            f"{redact(location)} is not protected on its way: sources could be changed.",
            hint=f"Use https:// or ssh:// instead of {scheme}://.",
        )
    if scheme not in {"https", "ssh", "file"}:
        raise SourceError(
            f"Git's protocol {scheme}:// is not allowed.", hint="Use https://, ssh:// or file://."
        )
    try:
        parts = urlsplit(location)
        valid = _valid_url(parts, scheme)
    except ValueError:
        valid = False
    if not valid:
        raise SourceError(f"{redact(location)} is not a valid URL of a Git repository.", hint="Correct it.")


def _valid_url(parts: SplitResult, scheme: str) -> bool:
    if scheme == "file":
        return not parts.netloc and parts.path.startswith("/") and not _CONTROL.search(unquote(parts.path))
    host, user = parts.hostname or "", unquote(parts.username or "")
    parts.port  # noqa: B018 - raises ValueError where it is no number
    usable = bool(_HOST.fullmatch(host)) and len(parts.path) > 1 and not parts.path.startswith("/-")
    if scheme == "ssh" and (parts.password is not None or user.startswith("-")):
        return False
    return usable and not _CONTROL.search(unquote(parts.path) + user + unquote(parts.password or ""))


def check_ref(ref: str) -> None:
    """Refuse what Git would not take as the name of a branch, a tag or a commit.

    Raises:
        SourceError: it is not one.
    """
    if not ref or _NOT_IN_REF.search(ref):
        raise SourceError(
            f"{ref!r} is not the name of a branch, a tag or a commit.",
            hint="Give a name as “git branch --all” or “git tag” shows it, or a commit id.",
        )


def check_subfolder(subfolder: str) -> None:
    """Refuse a sub-folder outside the repository.

    Raises:
        SourceError: it is absolute, goes up, or holds control characters.
    """
    path = PurePosixPath(subfolder)
    if path.is_absolute() or ".." in path.parts or ".git" in path.parts or _CONTROL.search(subfolder):
        raise SourceError(
            f"The sub-folder {subfolder!r} is not a path below the repository's root.",
            hint="Write it relative to the root, such as apps/shop.",
        )
