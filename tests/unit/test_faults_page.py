"""The page of faults is current, and tells of each fault."""

from __future__ import annotations

import json

from support import faults


def test_every_fault_was_recorded() -> None:
    assert json.loads(faults.RESULTS.read_text()).keys() == faults.FAULTS.keys()


def test_the_page_is_current() -> None:
    assert faults.PAGE.read_text() == faults.markdown(), "run in tests: python -m support.faults"
