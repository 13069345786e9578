"""What of the engine's answers to a removal is worth another try."""

from __future__ import annotations

import pytest
from docker.errors import APIError, NotFound

from havre.adapters.swarm.calls import is_busy, is_leaving


@pytest.mark.parametrize(
    ("error", "busy", "leaving"),
    [
        (APIError("network shop is in use by service x"), True, True),
        (APIError("network shop has active endpoints"), True, True),
        (APIError("network vo8ugqrxujari35yabgd6vlty not found"), False, True),
        (NotFound("network shop not found"), False, False),
        (APIError("permission denied"), False, False),
        (OSError("not found"), False, False),
    ],
)
def test_what_is_worth_another_try(error: Exception, busy: bool, leaving: bool) -> None:
    assert (is_busy(error), is_leaving(error)) == (busy, leaving)
