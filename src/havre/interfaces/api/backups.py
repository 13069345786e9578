"""What is saved of environments, and the server's off-site storage. Its keys go in and never come out."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import AfterValidator, Field, SecretStr, StrictInt, StringConstraints

from havre.adapters import sealing
from havre.config import config
from havre.domain.schedule import Schedule
from havre.errors import UsageError
from havre.interfaces import worker_client
from havre.interfaces.api import lookup
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.problems import NotFoundError
from havre.interfaces.api.schemas import Wanted
from havre.manifest.values import Name
from havre.records import continuity
from havre.records.models import BackupStorage
from havre.records.planned_backups import planned_backups

router = Router(tags=["backups"])

_PASSPHRASE_BYTES: Final = 32
_ENDPOINT: Final = r"^https://[A-Za-z0-9\[][A-Za-z0-9.:\[\]-]{0,250}$"
_PREFIX: Final = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$"


def _line(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not re.fullmatch(r"[\x21-\x7e]{1,500}", text):  # one line of pgBackRest's configuration
        raise ValueError("it has to be one word of printable ASCII, at most 500 characters")
    return value


def _inside(prefix: str) -> str:
    if {".", ".."} & set(prefix.split("/")):
        raise ValueError("it must not hold the parts `.` and `..`")
    return prefix


Key = Annotated[SecretStr, AfterValidator(_line)]


class SetStorage(Wanted):
    """An S3-compatible service. Without keys or passphrase, those of before stay.

    A passphrase is made if there is none yet; it is in the answer this once.
    """

    endpoint: Annotated[str, StringConstraints(pattern=_ENDPOINT)]
    bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,62}$")]
    region: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,60}$")] = "us-east-1"
    prefix: (
        Annotated[str, StringConstraints(pattern=_PREFIX, max_length=200), AfterValidator(_inside)]
        | Literal[""]
    ) = ""
    style: Literal["path", "host"] = "path"
    ca: Annotated[str, Field(max_length=100_000)] = ""
    key: Key | None = None
    secret: Key | None = None
    passphrase: Key | None = None


class Storage(Schema):
    """The off-site storage, without its keys. ``kit_stored``: its recovery kit is kept elsewhere."""

    version: int
    endpoint: str
    bucket: str
    region: str
    prefix: str
    style: str
    has_ca: bool
    kit_stored: bool
    created_at: datetime
    actor: str


class StoredStorage(Storage):
    """The same after it was set. ``passphrase``: the one that was made, else empty."""

    passphrase: str


class Trial(Schema):
    """What went well: ``list``, ``write``, ``read``, ``remove``.

    ``deletes`` says what becomes of what is deleted there; ``survives``: whether it can be had back, null
    where nobody knows.
    """

    place: str
    steps: list[str]
    deletes: str
    survives: bool | None


class Lock(Wanted):
    """For how long nobody can delete what is written then; ``compliance``: not even who may bypass it."""

    days: Annotated[StrictInt, Field(ge=1, le=3650)]
    mode: Literal["governance", "compliance"] = "governance"


class Locked(Schema):
    """What becomes now of what is deleted there; ``survives``: whether it can be had back."""

    place: str
    deletes: str
    survives: bool | None


class SavedBackup(Schema):
    """A backup in one repository; sizes in bytes. ``problem``: why it is not good, empty if it is."""

    service: str
    repository: str
    label: str
    type: str
    started_at: datetime
    stopped_at: datetime
    size: int
    stored: int
    lsn: str
    operation: int | None
    verified_at: datetime | None
    problem: str


class SavedRepository(Schema):
    """A repository of a database: its first and last segment of WAL, and why it could not be read."""

    repository: str
    problem: str
    wal_first: str
    wal_last: str


class SavedDatabase(Schema):
    """A database; ``replaced``: numbers of restores whose replaced data is still kept.

    ``waiting``: segments of WAL that are not in every repository yet, the first one for ``waiting_seconds``.
    ``at_risk_seconds``: whose changes would be lost with this server now, at most; null where all of it would
    be, or where it is not known. ``objective_rpo``: the most that may be, in seconds.
    ``streamed_seconds``: since all that was written had been streamed off-site; null where it was not yet.
    ``stream_problem``: what is wrong with the stream for long.
    """

    service: str
    repositories: list[SavedRepository]
    problem: str
    replaced: list[str]
    waiting: int
    waiting_seconds: float
    at_risk_seconds: float | None = None
    objective_rpo: float | None = None
    is_streamed: bool = False
    streamed_seconds: float | None = None
    stream_problem: str = ""


class PlannedRow(Schema):
    """When a database is backed up, as in crontab(5); ``next``: null for never.

    ``type`` is ``full``, ``incremental``, ``dump``, or ``verify``: when all of the environment is read back.
    """

    service: str
    type: str
    schedule: str
    timezone: str
    next: datetime | None


class SavedThing(Schema):
    """Something in the archive: ``state``, ``images:…`` or ``volume:…``, and its size in bytes."""

    what: str
    size: int


class SavedArchive(Schema):
    """What was saved last beside the databases, and whether off-site too.

    ``problem``: why the last attempt after that failed; empty if none did.
    """

    at: datetime | None
    operation: int | None
    offsite: bool
    contents: list[SavedThing]
    problem: str


class ReadBack(Schema):
    """When all that is saved was read back last and found good, by which operation.

    ``archive``: how much of each repository of the archive was read. ``problem``: what the newest attempt
    found wrong; empty if nothing.
    """

    at: datetime | None
    operation: int | None
    archive: dict[str, str]
    problem: str


class Saved(Schema):
    """What is saved of an environment.

    ``storage_is_newer``: the off-site storage was changed since the live release; the next one uses it.
    """

    backups: list[SavedBackup]
    databases: list[SavedDatabase]
    archive: SavedArchive
    verified: ReadBack
    has_storage: bool
    storage_is_newer: bool


@router.get(
    "/environments/{project}/{environment}/backups", response=Saved, summary="List backups, the newest first"
)
async def backups(request: HttpRequest, project: Name, environment: Name) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """As the repositories list them now, with what Havre remembers of each."""
    await sync_to_async(lookup.environment)(project, environment)
    question = {"query": "backups", "project": project, "environment": environment}
    return await worker_client.ask(config().paths, question)


@router.get(
    "/environments/{project}/{environment}/backups/schedule",
    response=list[PlannedRow],
    summary="List planned backups",
)
def planned(request: HttpRequest, project: Name, environment: Name) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """As the live release plans them, the next one first."""
    now = timezone.now()
    found = planned_backups(lookup.environment(project, environment)).values()
    rows = [
        {
            "service": each.service,
            "type": each.type,
            "schedule": each.job.schedule,
            "timezone": each.job.timezone,
            "next": Schedule(each.job.schedule, each.job.timezone).after(now),
        }
        for each in found
    ]
    return sorted(rows, key=lambda row: (row["next"] is None, row["next"]))


@router.get("/backup-storage", response=Storage | None, summary="Show the off-site storage")
def show_storage(request: HttpRequest) -> dict[str, Any] | None:  # noqa: ARG001 - ninja passes it
    """Where backups go beside this server, null for nowhere; for owners of the server."""
    row = continuity.newest_storage()
    return _shown(row) if row else None


@router.put("/backup-storage", response=StoredStorage, summary="Set the off-site storage")
def set_storage(request: HttpRequest, wanted: SetStorage) -> dict[str, Any]:
    """Seal its keys at once. Each environment uses it with its next deployment or restart."""
    before = continuity.newest_storage()
    public = config().paths.public_key

    def sealed(value: SecretStr | None, kept: Any) -> bytes | None:
        if value is not None:
            return sealing.seal(public, value.get_secret_value().encode())
        return bytes(kept) if kept else None

    key = sealed(wanted.key, before and before.sealed_key)
    secret = sealed(wanted.secret, before and before.sealed_secret)
    if key is None or secret is None:
        raise UsageError("the keys of the storage are missing", hint="give both, the key and its secret")
    if wanted.ca and "-----BEGIN CERTIFICATE-----" not in wanted.ca:
        raise UsageError("this is not a certificate", hint="give the authority's file in PEM form")
    made = ""
    passphrase = sealed(wanted.passphrase, before and before.sealed_passphrase)
    if passphrase is None:
        made = secrets.token_urlsafe(_PASSPHRASE_BYTES)
        passphrase = sealing.seal(public, made.encode())
    row = continuity.set_storage(
        actor=caller_of(request).actor,
        endpoint=wanted.endpoint,
        bucket=wanted.bucket,
        region=wanted.region,
        prefix=wanted.prefix,
        style=wanted.style,
        ca=wanted.ca,
        sealed_key=key,
        sealed_secret=secret,
        sealed_passphrase=passphrase,
    )
    return {**_shown(row), "passphrase": made}


@router.delete("/backup-storage", response={204: None}, summary="Forget the off-site storage")
def remove_storage(request: HttpRequest) -> Status[None]:
    """New releases do without one; what is stored there stays there."""
    if not continuity.remove_storage(actor=caller_of(request).actor):
        raise NotFoundError("no off-site storage is set")
    return Status(204, None)


@router.post("/backup-storage/test", response=Trial, summary="Try the off-site storage")
async def try_storage(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """List, write, read back and remove a small file."""
    return await worker_client.ask(config().paths, {"query": "storage"})


@router.post("/backup-storage/lock", response=Locked, summary="Lock what is written to the off-site storage")
async def lock_storage(request: HttpRequest, wanted: Lock) -> dict[str, Any]:  # noqa: ARG001 - ninja passes it
    """Set the default retention of a bucket that was made with object lock."""
    question = {"query": "lock-storage", "days": wanted.days, "mode": wanted.mode}
    return await worker_client.ask(config().paths, question)


def _shown(row: BackupStorage) -> dict[str, Any]:
    names = ("version", "endpoint", "bucket", "region", "prefix", "style", "created_at", "actor")
    more = {"has_ca": bool(row.ca), "kit_stored": continuity.is_kit_stored(row)}
    return {**{name: getattr(row, name) for name in names}, **more}
