"""Whether off-site copies survive who has the keys."""

from __future__ import annotations

import pytest

from havre.domain.continuity.survival import Kept, verdict
from havre.domain.doctor import Level


@pytest.mark.parametrize(
    ("kept", "survives", "told"),
    [
        (Kept("Enabled", "COMPLIANCE", 30), True, "locked for 30 days: nobody"),
        (Kept("Enabled", "GOVERNANCE", 7), True, "only who may bypass it"),
        (Kept("Enabled"), True, "kept as versions"),
        (Kept("Enabled", has_lock=True), True, "the bucket can lock them: havre backup storage lock"),
        (Kept("Suspended"), False, "DELETED IS GONE"),
        (Kept(""), False, "DELETED IS GONE"),
        (Kept(None), None, "does not say"),
    ],
)
def test_what_becomes_of_what_is_deleted(kept: Kept, survives: bool | None, told: str) -> None:
    assert kept.survives is survives
    assert told in str(kept)
    found = verdict(kept)
    assert found.level is (Level.WARNING if survives is False else Level.OK)
    assert bool(found.remedy) is (survives is False)
