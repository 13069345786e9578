"""How often WAL is streamed, and what the stream's word about itself means."""

from __future__ import annotations

import pytest

from havre.domain.continuity.stream import LATE, Streaming, interval


@pytest.mark.parametrize(
    ("rpo", "has_storage", "expected"),
    [(5, True, 1.7), (10, True, 3.3), (59, True, 19.7), (60, True, None), (10, False, None)],
)
def test_an_objective_below_a_minute_is_streamed(
    rpo: float, has_storage: bool, expected: float | None
) -> None:
    assert interval(rpo, has_storage=has_storage) == expected


def test_a_stream_that_succeeds_is_no_trouble() -> None:
    found = Streaming.read('{"age": 2.5, "silent": 2.5, "problem": ""}')
    assert found == Streaming(2.5, 2.5)
    assert found.trouble == ""


def test_one_that_failed_once_is_none_either() -> None:
    assert Streaming(5.0, 5.0, "unable to connect").trouble == ""
    assert Streaming(None, 3.0, "nothing was sent yet").trouble == ""


def test_one_that_stands_still_or_does_not_run_is() -> None:
    told = "; a loss of this server would lose more than `rpo` allows"
    late = Streaming(LATE + 1, LATE + 1, "unable to connect")
    assert late.trouble == f"WAL is not streamed for 31 s: unable to connect{told}"
    assert Streaming(None, None, "it does not run").trouble == f"WAL is not streamed: it does not run{told}"
    assert Streaming(None, LATE + 1).trouble == f"WAL is not streamed for 31 s{told}"


@pytest.mark.parametrize("text", ["", "[]", "OCI runtime exec failed"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Streaming.read(text)
