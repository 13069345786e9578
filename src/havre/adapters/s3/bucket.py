"""What a bucket holds, and what becomes of what is deleted there: its versions, the lock of new objects.

Questions and words are those of S3's reference: GetBucketVersioning, GetObjectLockConfiguration,
PutObjectLockConfiguration, ListObjectsV2, DeleteObject (https://docs.aws.amazon.com/AmazonS3/latest/API/).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final, TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError
from minio.objectlockconfig import DAYS, ObjectLockConfig

from havre.domain.continuity.survival import Kept
from havre.errors import BackupError, UsageError

_TIMEOUT: Final = 8.0  # seconds
_NO_LOCK: Final = "ObjectLockConfigurationNotFoundError"
_CANNOT: Final = {_NO_LOCK, "InvalidBucketState", "InvalidRequest", "NotImplemented", "MethodNotAllowed"}
_DAYS_OF: Final = {"Days": 1, "Years": 365}
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Bucket:
    """Where a bucket is and who asks; it prints without anything secret."""

    endpoint: str
    name: str
    region: str
    style: str
    key: str
    secret: str
    ca: str = ""

    def __repr__(self) -> str:
        return f"Bucket({self.endpoint}/{self.name})"


def protection(bucket: Bucket) -> Kept:
    """Ask it. What the service does not know, or the key may not ask, is not said.

    Raises:
        BackupError: it cannot be reached.
    """
    client = _client(bucket)
    try:
        said = _asked(bucket, lambda: client.get_bucket_versioning(bucket_name=bucket.name))
    except (S3Error, InvalidResponseError, ServerError):
        versioning = None
    else:
        versioning = said.status if said.status in {"Enabled", "Suspended"} else ""
    try:
        lock = _asked(bucket, lambda: client.get_object_lock_config(bucket_name=bucket.name))
    except (S3Error, InvalidResponseError, ServerError):
        return Kept(versioning)
    if not lock.mode or not lock.duration:
        return Kept(versioning, has_lock=True)
    days = lock.duration * _DAYS_OF[lock.duration_unit or "Days"]
    return Kept(versioning, has_lock=True, mode=lock.mode, days=days)


def lock(bucket: Bucket, days: int, mode: str) -> None:
    """Have each object that is written from now on locked.

    Args:
        bucket: it has to be made with object lock.
        days: for which nobody can delete it.
        mode: ``COMPLIANCE``, or ``GOVERNANCE`` with which who has a right of its own can all the same.

    Raises:
        UsageError: the bucket cannot lock, or the key may not.
        BackupError: it cannot be reached, or refused.
    """
    client = _client(bucket)
    wanted = ObjectLockConfig(mode, days, DAYS)
    try:
        _asked(bucket, lambda: client.set_object_lock_config(bucket_name=bucket.name, config=wanted))
    except S3Error as error:
        if error.code in _CANNOT:
            raise UsageError(
                f"the bucket {bucket.name} cannot lock objects",
                hint="that is chosen when a bucket is made: make one with object lock, and use it:"
                " havre backup storage set --bucket NAME",
            ) from error
        if error.code == "AccessDenied":
            raise UsageError(
                f"the key may not set the lock of {bucket.name}",
                hint="set it at the provider, or give this key s3:PutBucketObjectLockConfiguration",
            ) from error
        raise BackupError(f"the storage refused: {error.code}") from error
    except (InvalidResponseError, ServerError) as error:
        raise BackupError(f"the storage answered what nobody understands: {error}"[:300]) from error


def names(bucket: Bucket, prefix: str, at_most: int = 1000) -> list[str]:
    """The objects below a prefix that ends with a slash, relative to it.

    Raises:
        BackupError: it cannot be reached, or refused.
    """
    client = _client(bucket)

    def listed() -> list[str]:
        found = client.list_objects(bucket_name=bucket.name, prefix=prefix, recursive=True)
        return [str(each.object_name).removeprefix(prefix) for each in islice(found, at_most)]

    return _unless_refused(bucket, listed)


def remove(bucket: Bucket, *objects: str) -> None:
    """Remove objects, by their whole names; one that is gone is no failure.

    Raises:
        BackupError: it cannot be reached, or refused.
    """
    client = _client(bucket)
    for name in objects:
        _unless_refused(bucket, partial(client.remove_object, bucket_name=bucket.name, object_name=name))


def _unless_refused(bucket: Bucket, question: Callable[[], _Answer]) -> _Answer:
    try:
        return _asked(bucket, question)
    except S3Error as error:
        raise BackupError(f"the storage refused: {error.code}") from error
    except (InvalidResponseError, ServerError) as error:
        raise BackupError(f"the storage answered what nobody understands: {error}"[:300]) from error


def _client(bucket: Bucket) -> Minio:
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(_TIMEOUT),
        retries=False,
        ssl_context=ssl.create_default_context(cadata=bucket.ca or None),
    )
    client = Minio(
        endpoint=urlsplit(bucket.endpoint).netloc,
        access_key=bucket.key,
        secret_key=bucket.secret,
        region=bucket.region,
        http_client=pool,
    )
    if bucket.style == "path":
        client.disable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    else:
        client.enable_virtual_style_endpoint()  # type: ignore[no-untyped-call]
    return client


def _asked(bucket: Bucket, question: Callable[[], _Answer]) -> _Answer:
    try:
        return question()
    except urllib3.exceptions.HTTPError as error:
        raise BackupError(
            f"{bucket.endpoint} cannot be reached: {error.__class__.__name__}", retryable=True
        ) from error
