"""Why pgBackRest failed, in plain words. The logs are its own, as it wrote them."""

from __future__ import annotations

import pytest

from havre.domain.continuity.failures import cause, errors, waits_for_wal

STAMP = "2026-11-30 04:10:00.000 P00  ERROR: "


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("[029]: cipher header invalid", "the passphrase does not open the repository"),
        ("[039]: HTTP request failed with 403 (Forbidden):", "refused the keys"),
        ("[049]: unable to connect to '10.84.0.1:9': [111] Connection refused", "cannot be reached"),
        (
            "[049]: unable to get address for 's3.nowhere': [-2] Name or service not known",
            "cannot be reached",
        ),
        (
            "[106]: new backup label '20261130-1F' is not later than latest backup label '20270101-1F'",
            "made while the clock was wrong",
        ),
        ("[050]: unable to acquire lock on file '/tmp/pgbackrest/main-backup.lock'", "another backup"),
        (
            "[082]: WAL segment 000000010000000000000004 was not archived before the 120000ms timeout",
            "did not reach the repository in time",
        ),
        ("[095]: unable to verify certificate presented by '10.84.0.1'", "is not trusted"),
        ("[041]: unable to write '/var/lib/x': [28] No space left on device", "the disk is full"),
    ],
)
def test_known_causes(log: str, words: str) -> None:
    found = cause(STAMP + log)
    assert words in found.message
    assert found.hint


def test_why_wal_did_not_come_goes_before_that_it_did_not() -> None:
    log = "ERROR: [082]: WAL segment 000000010000000000000004 was not archived before the 90000ms timeout"
    assert waits_for_wal(log)
    full = (
        "P00  ERROR: [104]: archive-push command encountered error(s):\n"
        "  repo1: [FileWriteError] unable to write '/var/lib/pgbackrest/repo/archive/main/17-1/0000'"
    )
    assert not waits_for_wal(full)
    assert "the disk is full" in cause(f"{log}\n{full}").message


def test_an_unknown_one_keeps_its_own_words() -> None:
    found = cause(f"{STAMP}[123]: the moon is full\n     HINT: wait")
    assert found.message == "[123] the moon is full"
    assert errors(f"x\n{STAMP}[123]: the moon is full") == ["[123] the moon is full"]


def test_the_database_tells_why_it_gave_up() -> None:
    log = "LOG:  starting point-in-time recovery\nFATAL:  the moon is full\nhavre-restore: the server ended"
    assert cause(log).message == "the moon is full"


def test_silence_is_told_too() -> None:
    assert cause("").message == "it ended without a word"
