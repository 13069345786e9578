"""What a verification found. The reports are pgBackRest's own, as it wrote them."""

from __future__ import annotations

import pytest

from havre.domain.continuity.verification import parse

LABEL = "20261130-112031F"
FILES = "total files checked: 966, total valid files:"
HEAD = "2026-11-30 11:20:32.503 P00   INFO: stanza: main\n"
GOOD = f"""{HEAD}                                    status: ok
                                      archiveId: 17-1, total WAL checked: 2, total valid WAL: 2
                                        missing: 0, checksum invalid: 0, size invalid: 0, other: 0
                                      backup: {LABEL}, status: valid, {FILES} 966
                                        missing: 0, checksum invalid: 0, size invalid: 0, other: 0
2026-11-30 11:20:32.503 P00   INFO: verify command end: completed successfully (84ms)
"""
BAD = f"""2026-11-30 11:20:32.815 P01   INFO: invalid checksum '{LABEL}/bundle/2'
{HEAD}                                    status: error
                                      archiveId: 17-1, total WAL checked: 2, total valid WAL: 2
                                        missing: 0, checksum invalid: 0, size invalid: 0, other: 0
                                      backup: {LABEL}, status: invalid, {FILES} 965
                                        missing: 0, checksum invalid: 1, size invalid: 0, other: 0
"""


def test_a_good_one_is_said_to_be_good() -> None:
    found = parse(GOOD)
    assert found.problem({LABEL}) == ""
    assert not found.damage
    assert (found.wal_checked, found.wal_valid) == (2, 2)


def test_a_damaged_one_is_named_with_its_file() -> None:
    found = parse(BAD)
    assert found.problem({LABEL}) == f"files are damaged or missing: {LABEL}"
    assert found.invalid == {LABEL}
    assert f"'{LABEL}/bundle/2'" in found.damage[0]


def test_a_backup_that_the_report_leaves_out_is_not_good() -> None:
    assert parse(GOOD).problem({LABEL, "another"}) == "not read back: another"


def test_missing_segments_of_wal_are_told() -> None:
    log = GOOD.replace("valid WAL: 2", "valid WAL: 1").replace("status: ok", "status: error")
    assert parse(log).problem({LABEL}) == "files are damaged or missing: 1 of 2 segments of WAL"


@pytest.mark.parametrize("log", ["", "INFO: verify command begin", GOOD.partition("status: ok")[0]])
def test_silence_is_no_good_answer(log: str) -> None:
    assert parse(log).problem(()) == "it was not read to its end"
