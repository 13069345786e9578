"""What a bucket is asked, and how that is signed."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from havre.adapters.s3 import bucket as s3
from havre.adapters.s3.bucket import Bucket, Protection, protection
from havre.errors import BackupError

# The example of "GET Bucket Lifecycle" in Amazon's description of the signature.
EXAMPLE = Bucket(
    "https://s3.amazonaws.com", "examplebucket", "us-east-1", "host", "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
)  # fmt: skip
SIGNATURE = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
LOCK = """<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>
<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule></ObjectLockConfiguration>"""


def test_the_signature_is_that_of_the_description() -> None:
    headers = s3._signed(
        EXAMPLE, "examplebucket.s3.amazonaws.com", "/", "lifecycle", datetime(2013, 5, 24, tzinfo=UTC)
    )
    assert headers["authorization"].endswith(f"Signature={SIGNATURE}")
    assert EXAMPLE.secret not in str(headers) + repr(EXAMPLE)


@pytest.mark.parametrize(
    ("versioning", "lock", "told"),
    [
        ((200, "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"), (404, ""),
         Protection("Enabled")),
        ((200, "<VersioningConfiguration/>"), (404, "<Error/>"), Protection("")),
        ((501, "NotImplemented"), (403, "AccessDenied"), Protection(None)),
        ((200, "<Status>Enabled</Status>"), (200, LOCK), Protection("Enabled", True, "COMPLIANCE", 30)),
        ((200, "<Status>Enabled</Status>"), (200, "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"),
         Protection("Enabled", True)),
    ],
)  # fmt: skip
def test_what_it_says(
    monkeypatch: pytest.MonkeyPatch, versioning: tuple[int, str], lock: tuple[int, str], told: Protection
) -> None:
    def get(url: str, **_: object) -> httpx.Response:
        status, text = lock if "object-lock" in url else versioning
        return httpx.Response(status, text=text)

    monkeypatch.setattr(httpx, "get", get)
    assert protection(EXAMPLE) == told


def test_one_that_is_away_is_told() -> None:
    nobody = Bucket("https://127.0.0.1:1", "b", "r", "path", "k", "s")
    with pytest.raises(BackupError, match="cannot be reached"):
        protection(nobody)
