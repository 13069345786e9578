"""Times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from havre.domain import times
from havre.errors import UsageError

AT = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-11-20T14:32:05Z", "2026-11-20 15:32:05+01:00"])
def test_a_time_with_a_zone_is_read_and_shown_in_utc(text: str) -> None:
    assert times.read(text) == AT
    assert times.shown(times.read(text)) == "2026-11-20 14:32:05 UTC"


def test_a_time_without_a_zone_is_of_this_machine() -> None:
    here = AT.astimezone().replace(tzinfo=None)
    assert times.read(here.isoformat(sep=" ")) == AT


def test_any_zone_is_shown_in_utc() -> None:
    assert times.shown(AT.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-20 14:32:05 UTC"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "0001-01-01T00:00+23:00"])
def test_what_is_no_time_is_refused_with_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time") as refused:
        times.read(text)
    assert "2026-11-20 14:32" in refused.value.hint
