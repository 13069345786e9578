"""When a dump is to be believed, and how far something is."""

from __future__ import annotations

import pytest

from havre.domain.continuity import dumping, progress
from havre.domain.continuity.dumping import Contents, Made, problem

LISTING = """;
; Archive created at 2026-11-30 15:00:00 UTC
;     TOC Entries: 12
;
215; 1259 16386 TABLE public member club
3364; 0 16386 TABLE DATA public member club
3365; 0 16390 TABLE DATA public visit club
3200; 2606 16392 CONSTRAINT public member member_pkey club
"""
HELD = Contents(2, 20_000)
LAST = Made(10_000_000, HELD)


@pytest.mark.parametrize(
    ("made", "before", "suspected", "told"),
    [
        (Made(10_000_000, HELD), LAST, 0, ""),
        (Made(10_000_000, HELD), None, 0, ""),
        (Made(10_000_000, Contents(3, 20_000)), LAST, 0, "the dump holds 2 of 3 tables"),
        (Made(1_000_000, HELD), LAST, 0, "the dump has 1.0 MB, the one before had 10.0 MB"),
        # A second one like it is right; another one is not.
        (Made(1_000_000, HELD), LAST, 1_100_000, ""),
        (Made(1_000_000, HELD), LAST, 4_000_000, "the one before had"),
        # Rows went too.
        (Made(1_000_000, Contents(2, 2_000)), LAST, 0, ""),
        # Nobody has counted since a crash.
        (Made(1_000_000, HELD), Made(10_000_000, Contents(2, 0)), 0, ""),
        (Made(1_000_000, Contents(2, 0)), LAST, 0, ""),
        # A table was made while it was dumped: the least counts.
        (Made(10_000_000, Contents(1, 20_000)), LAST, 0, ""),
    ],
)
def test_what_is_not_plausible(made: Made, before: Made | None, suspected: int, told: str) -> None:
    found = problem(made, LISTING, before, suspected=suspected)
    assert told in found
    assert bool(found) is bool(told)


def test_the_command_holds_no_shell_and_no_compression() -> None:
    assert dumping.command("drop-it")[-1] == "--dbname=drop-it"
    assert "--compress=0" in dumping.command("x")
    assert dumping.tag("shop-production", "db") == "dump:shop-production/db"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "told"),
    [
        (12_000_000, 0, 60, "12 MB"),
        (120_000_000, 400_000_000, 60, "120 of 400 MB, about 2 min more"),
        (300_000_000, 400_000_000, 60, "300 of 400 MB, about 20 s more"),
        (1_000_000_000, 200_000_000_000, 120, "1000 of 200000 MB, about 7 h more"),
        (1_000_000, 400_000_000, 1, "1 of 400 MB"),
        (0, 400_000_000, 60, "0 of 400 MB"),
        (500_000_000, 400_000_000, 60, "400 of 400 MB"),
    ],
)
def test_progress_in_words(done: int, total: int, seconds: float, told: str) -> None:
    assert progress.told(done, total, seconds) == told


def test_what_was_there_before_says_nothing_about_the_speed() -> None:
    assert progress.told(300, 400, 10, before=200).endswith("about 10 s more")


@pytest.mark.parametrize(
    ("came_back", "told"),
    [
        (Contents(2, 20_000), ""),
        (Contents(3, 12_000), ""),
        (Contents(1, 20_000), "1 of 2 tables came back"),
        (Contents(2, 9_000), "9000 of about 20000 rows came back"),
    ],
)
def test_a_restored_dump_has_what_was_dumped(came_back: Contents, told: str) -> None:
    assert dumping.lacks(HELD, came_back) == told
