"""What a bucket is asked when it is away; what it answers is in the integration tests, on a real one."""

from __future__ import annotations

import pytest

from havre.adapters.s3.bucket import Bucket, lock, protection
from havre.errors import BackupError

NOBODY = Bucket("https://127.0.0.1:1", "bucket", "us-east-1", "path", "key", "secret-of-it")


def test_one_that_is_away_is_told() -> None:
    with pytest.raises(BackupError, match="cannot be reached"):
        protection(NOBODY)
    with pytest.raises(BackupError, match="cannot be reached") as failed:
        lock(NOBODY, 30, "GOVERNANCE")
    assert NOBODY.secret not in str(failed.value) + repr(NOBODY)
