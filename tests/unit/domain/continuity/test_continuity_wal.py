"""Segments of WAL: gaps among them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from havre.domain.continuity.wal import Gap, gaps, name, place, place_of_lsn, segments

SHA = "0" * 40


def test_names_are_taken_out_of_paths() -> None:
    paths = [
        f"17-1/0000000100000000/000000010000000000000002-{SHA}.zst",
        f"17-1/0000000100000000/000000010000000000000001-{SHA}",
        "17-1/00000002.history",
        f"17-1/0000000100000000/000000010000000000000003.partial-{SHA}.zst",
        "17-1/0000000100000000/000000010000000000000001.00000028.backup",
        "archive.info",
    ]
    assert segments(paths) == ["000000010000000000000001", "000000010000000000000002"]


def test_a_gap_is_named_by_its_first_and_last_segment() -> None:
    found = gaps([name(1, number) for number in (1, 2, 5, 6)])
    assert found == (Gap("000000010000000000000003", "000000010000000000000004"),)
    assert found[0].count == 2
    assert str(found[0]) == "000000010000000000000003 to 000000010000000000000004"


def test_the_counter_goes_on_after_ff() -> None:
    assert gaps(["0000000100000000000000FF", "000000010000000100000000"]) == ()


def test_each_timeline_has_its_own_segments() -> None:
    assert gaps([name(1, 1), name(1, 2), name(2, 4), name(2, 5)]) == ()


def test_what_is_before_does_not_count() -> None:
    names = [name(1, 1), name(1, 3), name(1, 4)]
    assert gaps(names, since=name(1, 3)) == ()
    assert len(gaps(names, since=name(1, 1))) == 1


def test_a_position_is_in_a_segment() -> None:
    assert place_of_lsn("0/3000148") == place("000000010000000000000003")
    assert place_of_lsn("1/0") == place("000000010000000100000000")


@given(st.sets(st.integers(0, 2000), min_size=2, max_size=60))
def test_gaps_and_segments_together_are_the_whole(numbers: set[int]) -> None:
    found = gaps(name(1, number) for number in numbers)
    missing = {n for gap in found for n in range(place(gap.first), place(gap.last) + 1)}
    assert missing == set(range(min(numbers), max(numbers) + 1)) - numbers


def test_segments_of_another_major_version_are_left_out() -> None:
    first, second = "000000010000000000000001", "000000010000000000000009"
    paths = [f"15-1/{second[:16]}/{second}-{'a' * 40}.zst", f"17-2/{first[:16]}/{first}-{'b' * 40}.zst"]
    assert segments(paths, version=17) == [first]
    assert segments(paths) == [first, second]
