"""What is known of the date is kept in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from havre.domain.moments import Moment
from havre.operations.continuity import dates

WEEKS = 42 * 86_400.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[Moment]:
    """The last of it is now."""
    moments = [Moment(1_800_000_000.0, 100.0, "a")]
    monkeypatch.setattr(dates.moments, "now", lambda: moments[-1])
    return moments


def test_a_jump_is_seen_by_who_looks_first_after_it(tmp_path: Path, clock: list[Moment]) -> None:
    file = tmp_path / "clock.json"
    assert not dates.known(file).doubt
    assert not file.exists(), "who only tells writes nothing"
    assert not dates.look(file).doubt
    clock.append(Moment(clock[0].wall + WEEKS, 115.0, "a"))
    assert dates.known(file).doubt
    assert dates.look(file).doubt
    assert dates.look(file).doubt, "it is not believed because it was seen"
    clock.append(Moment(clock[0].wall + 30.0, 130.0, "a"))
    assert not dates.look(file).doubt


def test_a_file_that_cannot_be_read_or_written_stops_nothing(
    tmp_path: Path, clock: list[Moment], caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "clock.json"
    file.write_text('{"newest": 1}')
    assert not dates.look(file).doubt
    assert "cannot be read" in caplog.text
    assert not dates.look(tmp_path / "missing" / "clock.json").doubt
    assert "cannot be written" in caplog.text
    clock.append(Moment(clock[0].wall + WEEKS, 115.0, "a"))
    assert dates.look(file).doubt, "it was written anew"
