"""What is done where a repository of the archive does not open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from havre.domain.continuity import archive
from havre.domain.continuity.beginning import MADE_WITHIN, Next, aside, is_begun, next_step

KEY = "keys/a7c43b70c55a842738aaf58d930173502e50efc653fec8e17c9f74f22cef9597"
DAMAGED = "Fatal: config or key 4c435bb2 is damaged: ciphertext verification failed"
LONG = MADE_WITHIN + 1.0


@pytest.mark.parametrize(
    ("code", "said", "files", "waited", "steps"),
    [
        pytest.param(0, "", (), 0.0, (Next.USE, Next.USE), id="it opens"),
        pytest.param(10, "", (), 0.0, (Next.MAKE, Next.MAKE), id="nothing is there"),
        pytest.param(10, "", None, 0.0, (Next.MAKE, Next.MAKE), id="nobody can tell what is there"),
        pytest.param(10, "", (KEY,), 0.0, (Next.WAIT, Next.WAIT), id="perhaps somebody makes it now"),
        pytest.param(10, "", (KEY,), MADE_WITHIN, (Next.WAIT, Next.WAIT), id="perhaps he ends just now"),
        pytest.param(10, "", (KEY,), LONG, (Next.CLEAR, Next.CLEAR), id="nobody ends it"),
        pytest.param(10, "", (KEY, "config-tmp-12"), LONG, (Next.CLEAR, Next.CLEAR), id="killed at config"),
        pytest.param(10, "", (f"{KEY}-tmp-9",), LONG, (Next.CLEAR, Next.CLEAR), id="killed at the key"),
        pytest.param(10, "", (KEY, "data/00/x"), LONG, (Next.SET_ASIDE, Next.REFUSE), id="data"),
        pytest.param(10, "", (KEY, "snapshots/x"), LONG, (Next.SET_ASIDE, Next.REFUSE), id="snapshots"),
        pytest.param(10, "", ("index/x",), LONG, (Next.SET_ASIDE, Next.REFUSE), id="its key is gone too"),
        pytest.param(10, "", ("mine.txt",), LONG, (Next.SET_ASIDE, Next.REFUSE), id="it is something else"),
        pytest.param(12, "wrong password", (), 0.0, (Next.SET_ASIDE, Next.REFUSE), id="another passphrase"),
        pytest.param(1, DAMAGED, (), 0.0, (Next.SET_ASIDE, Next.REFUSE), id="another key"),
        pytest.param(1, "config file has zero size", (), 0.0, (Next.SET_ASIDE, Next.REFUSE), id="no config"),
        pytest.param(1, "no space left on device", (), 0.0, (Next.REFUSE, Next.REFUSE), id="disk full"),
        pytest.param(124, "", (), 0.0, (Next.REFUSE, Next.REFUSE), id="no answer"),
        pytest.param(11, "locked", (), 0.0, (Next.REFUSE, Next.REFUSE), id="locked"),
    ],
)
def test_what_comes_next(
    code: int, said: str, files: Sequence[str] | None, waited: float, steps: tuple[Next, Next]
) -> None:
    here, there = steps
    assert next_step(code, said, files, is_local=True, waited=waited) is here
    assert next_step(code, said, files, is_local=False, waited=waited) is there


def test_who_was_quicker_is_known() -> None:
    assert is_begun("Fatal: create key in repository at s3:x failed: repository already contains keys")
    assert is_begun("unable to open repository at /x: config file already exists")
    assert not is_begun("Fatal: create key in repository at s3:x failed: Access Denied.")


def test_what_is_set_aside_is_found_by_its_time() -> None:
    assert aside(datetime(2026, 11, 30, 19, 50, 19, tzinfo=UTC)) == "set-aside/20261130T195019"


@pytest.mark.parametrize("code", [1, 12])
def test_the_key_of_another_installation_is_told_as_such(code: int) -> None:
    here = archive.cause(code, DAMAGED, is_local=True)
    assert "another key" in here.message
    assert "storage set" not in here.hint, "that is about the other repository"
    assert "havre backup now" in here.hint
    there = archive.cause(code, DAMAGED)
    assert "havre backup storage set" in there.hint
    assert there.message != here.message
    damaged = archive.cause(1, "Pack ID does not match, want 1, got 2", is_local=True)
    assert damaged.message == "files of the archive are damaged"
