"""The archive: restic repositories with what is no database. Where they are, what they hold, how long.

Formats: https://restic.readthedocs.io/en/v0.18.0/075_scripting.html. Each thing that is saved has one tag
of its own, by which it is found again and by which old snapshots are grouped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from havre.domain.continuity.failures import Cause
from havre.domain.continuity.repositories import Keys, OffSite, Repository

FOLDER: Final = "_havre"
"""Folder of the archive in the bucket. No project's name begins so."""
HOST: Final = "havre"
"""What snapshots name as their machine: that of containers changes, and retention goes by it."""
LOCAL_VOLUME: Final = "havre-archive"
LOCAL_PATH: Final = "/archive"
CA_FILE: Final = "/dev/shm/havre/ca.pem"  # noqa: S108 - inside the container
REPLACED: Final = "replaced:"
"""Begins the tag of what was replaced."""
LABEL: Final = "havre.archive"
"""Label that tells the containers of one operation apart: of which repository."""
STATE: Final = "state"
"""Tag of Havre's own state."""

NO_REPOSITORY: Final = 10
LOCKED: Final = 11
WRONG_PASSPHRASE: Final = 12
TIMED_OUT: Final = 124
"""Exit codes of restic, and of timeout(1)."""


def images_tag(environment: str) -> str:
    """Tag of the images of an environment's releases."""
    return f"images:{environment}"


def volume_tag(volume: str) -> str:
    """Tag of a volume."""
    return f"volume:{volume}"


def replaced_tag(volume: str) -> str:
    """Tag of what a volume held before it was restored; it stays until somebody confirms."""
    return f"{REPLACED}{volume}"


@dataclass(frozen=True)
class Snapshot:
    """Something that was saved: its id, tag, time, and size in bytes."""

    id: str
    tag: str
    made_at: datetime
    size: int

    def as_data(self) -> dict[str, Any]:
        """As JSON."""
        return {"id": self.id, "what": self.tag, "made_at": self.made_at.isoformat(), "size": self.size}


def snapshots(answer: str) -> tuple[Snapshot, ...]:
    """What ``restic snapshots --json`` lists, the oldest first.

    Raises:
        ValueError: it is something else.
    """
    found = [
        Snapshot(
            id=row["id"],
            tag=(row.get("tags") or [""])[0],
            made_at=datetime.fromisoformat(_seconds(row["time"])),
            size=int((row.get("summary") or {}).get("total_bytes_processed") or 0),
        )
        for row in json.loads(answer)
    ]
    return tuple(sorted(found, key=lambda each: each.made_at))


def _seconds(time: str) -> str:
    """A time of restic with microseconds at most, which Python reads; it writes nanoseconds."""
    return re.sub(r"(\.\d{1,6})\d*", r"\1", time)


def newest(found: Sequence[Snapshot], tag: str) -> Snapshot | None:
    """The newest of a tag; None if there is none."""
    return next((each for each in reversed(found) if each.tag == tag), None)


@dataclass(frozen=True)
class Place:
    """One repository of the archive: where, and what opens it. It prints without anything secret."""

    repository: Repository
    settings: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()
    ca: str = ""
    storage: OffSite | None = None

    def __repr__(self) -> str:
        return f"Place({self.repository})"

    @property
    def text(self) -> str:
        """What ``havre-archive open`` reads."""
        lines = [f"{name}={value}" for name, value in self.settings]
        return "\n".join([*lines, *(["--- CA", self.ca.strip()] if self.ca else [])]) + "\n"


def local() -> Place:
    """The one on this server. It has no passphrase: what is in it is on the same disk without it too."""
    return Place(Repository.LOCAL, (("RESTIC_REPOSITORY", LOCAL_PATH), *_COMMON), ("--insecure-no-password",))


def elsewhere(place: OffSite, keys: Keys, ca: str, *, upload_limit: int = 0) -> Place:
    """The one in the off-site storage, sealed by its passphrase.

    Args:
        place: the storage.
        keys: what opens it.
        ca: PEM of the authorities of its certificate; with none, those of the image are trusted.
        upload_limit: KiB a second at most; 0 for no ceiling.
    """
    path = "/".join(filter(None, (place.bucket, place.prefix, FOLDER)))
    settings = [
        ("RESTIC_REPOSITORY", f"s3:{place.endpoint}/{path}"),
        ("RESTIC_PASSWORD", keys.passphrase),
        ("AWS_ACCESS_KEY_ID", keys.key),
        ("AWS_SECRET_ACCESS_KEY", keys.secret),
        ("AWS_DEFAULT_REGION", place.region),
        *([("RESTIC_CACERT", CA_FILE)] if ca else []),
        *_COMMON,
    ]
    lookup = "path" if place.style == "path" else "dns"
    options = ["--option", f"s3.bucket-lookup={lookup}"]
    if upload_limit:
        options.append(f"--limit-upload={upload_limit}")
    return Place(Repository.OFFSITE, tuple(settings), tuple(options), ca, place)


_COMMON: Final = (("RESTIC_CACHE_DIR", "/tmp/cache"), ("RESTIC_PROGRESS_FPS", "1"))  # noqa: S108 - as above


def to_read_back(size: int, day: int) -> str:
    """How much of a repository a check reads: all of a small one, one of ten parts of a large one.

    Not a percentage: which files that means is drawn by lot, and some would never be read. Weekly or daily,
    ten checks in a row read everything.

    Args:
        size: bytes of the repository.
        day: of the check, counted from any beginning.
    """
    return "100%" if size < _SMALL else f"{day % _PARTS + 1}/{_PARTS}"


_SMALL: Final = 2_000_000_000  # bytes
_PARTS: Final = 10

_BEGIN_BESIDE: Final = (
    "bring config back, by the bucket's versions; or make a new one beside it:"
    " havre backup storage set --prefix NAME, then havre backup now"
)
_OTHER_KEY: Final = re.compile(r"config or key \S+ is damaged|config file has zero size")


def is_foreign(code: int, said: str) -> bool:
    """Whether restic says that another key wrote a repository's settings, or that they are spoilt."""
    return code == WRONG_PASSPHRASE or (code != 0 and bool(_OTHER_KEY.search(said)))


_KNOWN: Final[tuple[tuple[str, str, str], ...]] = (
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied|Access Denied|Forbidden|\b403\b",
        "the off-site storage refused the keys",
        "set valid ones by `havre backup storage set`; `havre backup storage test` looks closer",
    ),
    (
        r"NoSuchBucket|bucket does not exist",
        "the off-site storage has no such bucket",
        "make the bucket, or name another one: havre backup storage set --bucket NAME",
    ),
    (
        r"x509|certificate",
        "the certificate of the off-site storage is not trusted",
        "name the file of its authority: havre backup storage set --ca FILE",
    ),
    (
        r"connection refused|no such host|dial tcp|i/o timeout|connection reset|no route to host",
        "the off-site storage cannot be reached",
        "`havre backup storage test` looks closer",
    ),
    (
        r"already contains keys",
        "the archive was begun and not finished: it has a key and no settings",
        "if the bucket has no data below _havre/data/, remove _havre/keys/ and try again",
    ),
    (r"no space left", "the disk is full", "`havre doctor` looks at the disks"),
    (r"no data read", "what was to be saved is empty", "does it say more by itself?"),
    (
        r"ended before its end",
        "what was to be saved ended before its end",
        "do it again; the lines above may tell why",
    ),
    (
        _OTHER_KEY.pattern,
        "the archive was written with another key, or its file config is damaged",
        _BEGIN_BESIDE,
    ),
    (
        r"ciphertext verification failed|does not match|Pack ID|contains \d+ errors|is damaged",
        "files of the archive are damaged",
        "make a new one beside it: havre backup storage set --prefix NAME, then havre backup now",
    ),
)
_LONGEST: Final = 300


_CODES: Final = {
    WRONG_PASSPHRASE: Cause(
        "the passphrase does not open the archive",
        "give the one that it was made with: havre backup storage set --passphrase-file FILE",
    ),
    NO_REPOSITORY: Cause("there is no archive at that place", "is bucket, prefix and endpoint right?"),
    LOCKED: Cause("another process has the archive locked", "try again in some minutes"),
}
NO_SETTINGS: Final = Cause(
    "the archive has no settings any more: its file config is missing, its data are there", _BEGIN_BESIDE
)
"""Of an off-site one."""
_FOREIGN: Final = Cause(
    "the archive on this server was written with another key, by an earlier installation perhaps",
    "`havre backup now` sets it aside and begins a new one; nothing of it is deleted",
)


def cause(code: int, said: str, *, is_local: bool = False) -> Cause:
    """Why restic failed, by its exit code and its words; ``is_local`` if that was on this server."""
    if is_local and is_foreign(code, said):
        return _FOREIGN
    if code in _CODES:
        return _CODES[code]
    for pattern, message, hint in _KNOWN:
        if re.search(pattern, said, re.IGNORECASE):
            return Cause(message, hint)
    if code == TIMED_OUT:
        return Cause("the off-site storage cannot be reached", "`havre backup storage test` looks closer")
    lines = [plain(line) for line in said.splitlines() if line.strip()]
    return Cause(lines[0][:_LONGEST] if lines else f"restic ended with {code} and without a word")


def not_restored(said: str) -> str:
    """The files that ``restic restore --json`` could not write, in a few words; empty if it names none.

    Formats: https://restic.readthedocs.io/en/v0.18.0/075_scripting.html#restore.
    """
    found: dict[str, None] = {}
    for line in said.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and row.get("message_type") == "error" and row.get("item"):
            found[str(row["item"])] = None
    names = list(found)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED])[:_LONGEST] + more


_NAMED: Final = 3


def plain(line: str) -> str:
    """A line that restic wrote; of an error as JSON, its message."""
    try:
        row = json.loads(line)
    except ValueError:
        return line.strip()
    if not isinstance(row, dict):
        return line.strip()
    error = row.get("error")
    return str(error.get("message") if isinstance(error, dict) else row.get("message") or line).strip()
