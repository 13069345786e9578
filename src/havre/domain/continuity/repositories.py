"""Repositories of a database's backups, and the configuration by which pgBackRest uses them.

Format: https://pgbackrest.org/configuration.html. The first repository is a volume of the server, the
second an S3-compatible service elsewhere; what is secret stands in a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

STANZA: Final = "main"
"""pgBackRest's word for a cluster; every database has repositories of its own, so one name will do."""
FOLDER: Final = "/var/lib/pgbackrest"
DATA_VOLUME: Final = "/var/lib/postgresql/data"
"""Where a database's container has its volume."""
PGDATA: Final = f"{DATA_VOLUME}/pgdata"
"""The cluster on it; what restores make and replace lies beside."""
"""Where the volume of backups is in the database's container: repository, queue and log."""
CONFIG: Final = "/etc/pgbackrest/pgbackrest.conf"
SECRET_CONFIG: Final = "/etc/pgbackrest/conf.d/offsite.conf"  # noqa: S105 - a path
CA_FILE: Final = "/etc/pgbackrest/offsite-ca.pem"
_HTTPS: Final = 443
_SHORTEST_TIMEOUT: Final = 5
_LONGEST_SLACK: Final = 15.0
_STREAMED_TIMEOUT: Final = 60


class Repository(StrEnum):
    """Where a copy is; the order is pgBackRest's."""

    LOCAL = "local"
    OFFSITE = "offsite"

    @property
    def key(self) -> int:
        """Its number in pgBackRest's options."""
        return list(Repository).index(self) + 1


@dataclass(frozen=True)
class OffSite:
    """An S3-compatible service, without its keys.

    Attributes:
        endpoint: ``https://HOST[:PORT]``; pgBackRest speaks TLS only.
        bucket: its name.
        region: as the service calls it.
        prefix: folder in the bucket, without slashes around; may be empty.
        style: ``path`` or ``host``: where the bucket's name stands in addresses.
        has_ca: whether its certificate is signed by an authority that is given with it.
        version: counts up with every change, also of keys.
    """

    endpoint: str
    bucket: str
    region: str = "us-east-1"
    prefix: str = ""
    style: str = "path"
    has_ca: bool = False
    version: int = 1

    @property
    def host(self) -> str:
        """Host name or address."""
        return urlsplit(self.endpoint).hostname or ""

    @property
    def port(self) -> int:
        """The port of HTTPS, unless the endpoint says otherwise."""
        return urlsplit(self.endpoint).port or _HTTPS

    @property
    def place(self) -> str:
        """As people read it."""
        return "/".join(filter(None, (f"{self.endpoint}/{self.bucket}", self.prefix)))


@dataclass(frozen=True)
class Keeping:
    """Days for which backups, and the WAL to return to any moment since, are kept."""

    local: int = 7
    offsite: int = 30


@dataclass(frozen=True)
class Keys:
    """What opens an off-site repository; it prints as nothing."""

    key: str
    secret: str
    passphrase: str

    def __repr__(self) -> str:
        return "Keys(…)"


def archive_timeout(rpo: float, *, is_streamed: bool = False) -> int:
    """Seconds after which WAL is archived though its segment is not full, for an RPO in seconds.

    A quarter of it, at most 15 s, is left for the segment's way into the repositories. Where WAL is streamed
    beside, the archive need not hurry.
    """
    if is_streamed:
        return _STREAMED_TIMEOUT
    return max(_SHORTEST_TIMEOUT, int(rpo - min(rpo / 4, _LONGEST_SLACK)))


def config_text(keeping: Keeping, offsite: OffSite | None, database: str, *, by_blocks: bool = True) -> str:
    """``pgbackrest.conf``, without anything secret.

    Args:
        keeping: how long.
        offsite: the second repository, if there is one.
        database: its folder there, ``PROJECT-ENVIRONMENT/SERVICE``.
        by_blocks: whether of a large file only the changed blocks are saved (not by Debian 12's 2.45).
    """
    lines = [
        "# Written by Havre.",
        "[global]",
        *_local(keeping),
        *(_offsite(keeping, offsite, database) if offsite else ()),
        *(("repo1-block=y", *(("repo2-block=y",) if offsite else ())) if by_blocks else ()),
        "archive-async=y",
        f"spool-path={FOLDER}/spool",
        # Beyond it WAL is dropped rather than filling the disk: the database goes on.
        "archive-push-queue-max=4GiB",
        "compress-type=zst",
        "compress-level=3",
        "start-fast=y",
        "delta=y",
        "process-max=2",
        # PostgreSQL may wait a minute after failures until it archives again.
        "archive-timeout=90",
        # Shorter than the minute and the two repetitions of 2.55 by default, and counted for each request:
        # a storage that dies in the middle is given up by operations/continuity/outage.py.
        "io-timeout=20",
        "job-retry=1",
        "job-retry-interval=5",
        f"log-path={FOLDER}/log",
        "log-level-file=warn",
        "",
        # A dead off-site repository must not hold the local copy back.
        "[global:archive-push]",
        "io-timeout=5",
        "job-retry=0",
        "",
        # Fetched one after the other: two of its helpers that fetch ahead may lock each other out, and then a
        # replay waits two minutes and takes the missing answer for the end of the WAL (seen with 2.55).
        "[global:archive-get]",
        "archive-async=n",
        "",
        f"[{STANZA}]",
        f"pg1-path={PGDATA}",
        "pg1-socket-path=/run/postgresql",
        "pg1-user=postgres",
    ]
    return "\n".join(lines) + "\n"


DRILL: Final = "/run/drill"
"""Where the container of a drill's copy has its settings and keys; in memory."""


def drill_text(repository: Repository, offsite: OffSite | None, database: str) -> str:
    """``pgbackrest.conf`` of a copy: one repository, which is only read.

    Args:
        repository: the one that is restored from.
        offsite: where it is, if it is that one.
        database: its folder there, ``PROJECT-ENVIRONMENT/SERVICE``.
    """
    lines = [
        "# Written by Havre, for a drill.",
        "[global]",
        f"repo{repository.key}-path={offsite_path(offsite, database)}"
        if offsite
        else f"repo1-path={FOLDER}/repo",
    ]
    if offsite:
        lines += [
            f"repo{repository.key}-type=s3",
            *s3_lines(offsite, repository.key, f"{DRILL}/offsite-ca.pem"),
            f"repo{repository.key}-cipher-type=aes-256-cbc",
        ]
    lines += [
        "archive-async=y",
        "spool-path=/tmp/pgbackrest",
        "lock-path=/tmp/pgbackrest",
        "process-max=1",
        "log-level-file=off",
        "",
        f"[{STANZA}]",
        f"pg1-path={PGDATA}",
        "pg1-socket-path=/run/postgresql",
        "pg1-user=postgres",
    ]
    return "\n".join(lines) + "\n"


def _local(keeping: Keeping) -> Sequence[str]:
    return (
        f"repo1-path={FOLDER}/repo",
        "repo1-bundle=y",
        "repo1-retention-full-type=time",
        f"repo1-retention-full={keeping.local}",
    )


def _offsite(keeping: Keeping, offsite: OffSite, database: str) -> Sequence[str]:
    return (
        f"# Version {offsite.version} of the off-site storage.",
        "repo2-type=s3",
        f"repo2-path={offsite_path(offsite, database)}",
        *s3_lines(offsite, 2),
        "repo2-cipher-type=aes-256-cbc",
        "repo2-bundle=y",
        "repo2-retention-full-type=time",
        f"repo2-retention-full={keeping.offsite}",
    )


def offsite_path(offsite: OffSite, database: str) -> str:
    """A database's folder in the bucket."""
    return "/" + "/".join(filter(None, (offsite.prefix, database)))


def s3_lines(offsite: OffSite, number: int, ca_file: str = CA_FILE) -> Sequence[str]:
    """How pgBackRest reaches the bucket, as repository ``number``."""
    lines = [
        f"repo{number}-s3-bucket={offsite.bucket}",
        f"repo{number}-s3-endpoint={offsite.host}",
        f"repo{number}-s3-region={offsite.region}",
        f"repo{number}-s3-uri-style={offsite.style}",
        f"repo{number}-storage-port={offsite.port}",
    ]
    return [*lines, f"repo{number}-storage-ca-file={ca_file}"] if offsite.has_ca else lines


def secret_text(keys: Keys, number: int = 2) -> str:
    """The file beside it that holds what is secret."""
    lines = (
        "[global]",
        f"repo{number}-s3-key={keys.key}",
        f"repo{number}-s3-key-secret={keys.secret}",
        f"repo{number}-cipher-pass={keys.passphrase}",
    )
    return "\n".join(lines) + "\n"


def trial_text(offsite: OffSite, keys: Keys, ca_file: str) -> str:
    """One file with everything, for trying whether the storage can be read and written."""
    lines = (
        "[global]",
        "repo1-type=s3",
        f"repo1-path=/{offsite.prefix}" if offsite.prefix else "repo1-path=/",
        *s3_lines(offsite, 1, ca_file),
        f"repo1-s3-key={keys.key}",
        f"repo1-s3-key-secret={keys.secret}",
        "io-timeout=5",
        "log-level-file=off",
    )
    return "\n".join(lines) + "\n"


RETURNED: Final = f"{DRILL}/returned"
"""The file in a copy of a database that says that it is not needed any more."""
