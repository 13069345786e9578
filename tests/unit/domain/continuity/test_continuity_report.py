"""What the continuity report finds to look at, and its plot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.continuity.report import Code, Copies, Drilled, Protected, Report, plot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FAR = Copies("offsite", 3, NOON - DAY, NOON - 9 * DAY, NOON - DAY)
DATABASE = Protected(
    "shop-production", "db", (Copies("local", 3, NOON - DAY, NOON - 9 * DAY), FAR), 60.0, 3600.0
)
DRILL = Drilled(NOON - DAY, "shop-production", "offsite", True, 120.0, 0.0, 14_400.0, 3600.0)
GOOD = Report("host", NOON, "https://s3.example.org/b", (DATABASE,), (DRILL,), ())


def with_offsite(**changes: object) -> Report:
    copies = (DATABASE.copies[0], replace(FAR, **changes))  # type: ignore[arg-type]
    return replace(GOOD, databases=(replace(DATABASE, copies=copies),))


@pytest.mark.parametrize(
    ("report", "codes"),
    [
        pytest.param(GOOD, [], id="all is well"),
        pytest.param(replace(GOOD, databases=()), [Code.NOTHING], id="nothing is protected"),
        pytest.param(replace(GOOD, storage=""), [Code.NO_STORAGE], id="no place elsewhere"),
        pytest.param(replace(GOOD, kit_stored=False), [Code.NO_KIT], id="the recovery kit is not stored"),
        pytest.param(replace(GOOD, storage="", kit_stored=False), [Code.NO_STORAGE], id="nothing to open"),
        pytest.param(with_offsite(count=0), [Code.NO_OFFSITE_COPY], id="no copy elsewhere"),
        pytest.param(
            replace(GOOD, databases=(replace(DATABASE, copies=(), problem="db does not run"),)),
            [Code.PROBLEM],
            id="nobody could look",
        ),
        pytest.param(with_offsite(newest=NOON - 3 * DAY), [Code.STALE], id="three days old"),
        pytest.param(with_offsite(problem="damaged"), [Code.BAD_COPY], id="damaged"),
        pytest.param(with_offsite(verified=None), [Code.NOT_VERIFIED], id="not read back"),
        pytest.param(
            replace(GOOD, databases=(replace(DATABASE, at_risk=3601.0),)), [Code.RPO], id="too much at risk"
        ),
        pytest.param(replace(GOOD, drills=()), [Code.NEVER_DRILLED], id="never drilled"),
        pytest.param(
            replace(GOOD, drills=(DRILL, replace(DRILL, at=NOON, is_good=False, problem="x"))),
            [Code.DRILL_FAILED],
            id="the last drill failed",
        ),
        pytest.param(
            replace(GOOD, drills=(DRILL, replace(DRILL, at=NOON - 2 * DAY, is_good=False))),
            [],
            id="one before failed",
        ),
        pytest.param(
            replace(GOOD, drills=(replace(DRILL, at=NOON - 40 * DAY),)), [Code.DRILL_OLD], id="an old drill"
        ),
    ],
)
def test_what_there_is_to_look_at(report: Report, codes: list[Code]) -> None:
    assert [each.code for each in report.findings] == codes


def test_the_plot_is_scaled_to_what_was_measured_and_in_the_order_of_time() -> None:
    found = plot([replace(DRILL, at=NOON, rto=250.0), DRILL, replace(DRILL, at=NOON + DAY, rto=None)])
    assert [mark.drill.rto for mark in found.marks] == [120.0, 250.0, None]
    assert (found.top, found.ticks) == (360, (0, 120, 240, 360))
    assert [round(mark.height, 2) for mark in found.marks] == [0.33, 0.69, 0.0]
    assert [round(mark.x, 2) for mark in found.marks] == [0.17, 0.5, 0.83]
    assert found.objective is None, "four hours are far above"
    assert plot([replace(DRILL, objective_rto=60.0)]).objective == 0.5
    assert plot([]).marks == ()
