"""What a bucket says of itself: whether it keeps versions, and whether they are locked.

Signature: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html; questions:
GetBucketVersioning and GetObjectLockConfiguration of the same reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from havre.errors import BackupError

_TIMEOUT: Final = 8.0  # seconds
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_STATUS: Final = re.compile(r"<Status>\s*(\w+)\s*</Status>")
_MODE: Final = re.compile(r"<Mode>\s*(\w+)\s*</Mode>")
_PERIOD: Final = re.compile(r"<(Days|Years)>\s*(\d+)\s*</\1>")
_IS_ON: Final = re.compile(r"<ObjectLockEnabled>\s*Enabled\s*<")
_DAYS: Final = {"Days": 1, "Years": 365}


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


@dataclass(frozen=True)
class Protection:
    """What a bucket says.

    Attributes:
        versioning: ``Enabled``, ``Suspended``, or empty for never switched on; None where it does not say.
        has_lock: whether objects can be locked.
        mode: of the lock that every new object gets, ``GOVERNANCE`` or ``COMPLIANCE``; empty for none.
        days: for which that holds.
    """

    versioning: str | None = None
    has_lock: bool = False
    mode: str = ""
    days: int = 0


def protection(bucket: Bucket, *, now: datetime | None = None) -> Protection:
    """Ask it.

    Raises:
        BackupError: it cannot be reached.
    """
    versioning = _asked(bucket, "versioning", now)
    lock = _asked(bucket, "object-lock", now) or ""
    found = _STATUS.search(versioning) if versioning is not None else None
    mode, period = _MODE.search(lock), _PERIOD.search(lock)
    return Protection(
        versioning=None if versioning is None else found[1] if found else "",
        has_lock=bool(_IS_ON.search(lock)),
        mode=mode[1] if mode and period else "",
        days=int(period[2]) * _DAYS[period[1]] if mode and period else 0,
    )


def _asked(bucket: Bucket, what: str, now: datetime | None) -> str | None:
    """The answer; None where the service does not know the question, or the key may not ask it."""
    host = urlsplit(bucket.endpoint).netloc
    path = f"/{bucket.name}"
    if bucket.style != "path":
        host, path = f"{bucket.name}.{host}", "/"
    context = ssl.create_default_context(cadata=bucket.ca or None)
    headers = _signed(bucket, host, path, what, now or datetime.now(UTC))
    try:
        answer = httpx.get(
            f"https://{host}{path}?{what}=",
            headers=headers,
            timeout=_TIMEOUT,
            verify=context,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise BackupError(
            f"{bucket.endpoint} cannot be reached: {error.__class__.__name__}", retryable=True
        ) from error
    return answer.text if answer.status_code == HTTPStatus.OK else None


def _signed(bucket: Bucket, host: str, path: str, what: str, now: datetime) -> dict[str, str]:
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{stamp[:8]}/{bucket.region}/s3/aws4_request"
    headers = {"host": host, "x-amz-content-sha256": _NOTHING, "x-amz-date": stamp}
    names = ";".join(headers)
    request = "\n".join(
        [
            "GET",
            path,
            f"{what}=",
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            names,
            _NOTHING,
        ]
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{bucket.secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return {
        **headers,
        "authorization": f"AWS4-HMAC-SHA256 Credential={bucket.key}/{scope}, SignedHeaders={names},"
        f" Signature={signature}",
    }
