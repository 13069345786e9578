"""What is left to do of a request, and which of two holds."""

from __future__ import annotations

import pytest

from havre.domain.promotion import ABORT, PROMOTE, PROMOTE_FULLY, Request, following


@pytest.mark.parametrize(
    ("request_", "at", "left"),
    [
        (Request(), 0, ""),
        (Request(PROMOTE, 0), 0, PROMOTE),
        (Request(PROMOTE, 0), 1, ""),  # it had its effect
        (Request(PROMOTE_FULLY, 0), 1, PROMOTE_FULLY),
        (Request(ABORT, 0), 2, ABORT),
    ],
)
def test_what_is_left_of_a_request(request_: Request, at: int, left: str) -> None:
    assert request_.at(at) == left


@pytest.mark.parametrize(
    ("before", "later", "holds"),
    [
        (Request(), Request(PROMOTE, 1), Request(PROMOTE, 1)),
        (Request(PROMOTE, 0), Request(PROMOTE, 1), Request(PROMOTE, 1)),
        (Request(PROMOTE_FULLY, 0), Request(PROMOTE, 1), Request(PROMOTE_FULLY, 0)),
        (Request(PROMOTE_FULLY, 0), Request(ABORT, 0), Request(ABORT, 0)),
        (Request(ABORT, 0), Request(PROMOTE_FULLY, 0), Request(ABORT, 0)),
    ],
)
def test_the_weightier_request_holds(before: Request, later: Request, holds: Request) -> None:
    assert before.then(later) == holds


@pytest.mark.parametrize(
    ("stage", "what", "next_"),
    [(0, "", 1), (0, PROMOTE, 1), (0, PROMOTE_FULLY, 3), (2, "", 3), (2, PROMOTE, 3)],
)
def test_the_stage_that_follows(stage: int, what: str, next_: int) -> None:
    assert following(stage, 3, what) == next_
