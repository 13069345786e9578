"""Copying settings by value."""

from __future__ import annotations

from havre.domain.copying import Copied, Outcome, copied


def test_each_setting_of_the_source_is_created_overwritten_or_there_already() -> None:
    source = {("", "A"): "1", ("api", "A"): "2", ("", "B"): "3"}
    target = {("", "A"): "1", ("api", "A"): "x", ("", "OWN"): "y"}
    assert copied("variable", source, target) == (
        Copied("variable", "", "A", Outcome.SAME),
        Copied("variable", "", "B", Outcome.CREATE),
        Copied("variable", "api", "A", Outcome.OVERWRITE),
    )
