"""What a drill's copy may take, what has to be equal in it, and what its outcome is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from havre.domain.continuity.drilling import (
    Counted,
    Found,
    Outcome,
    Recovered,
    Share,
    compare,
    judge_page,
    judge_sql,
    page,
    recovered,
    require_disk,
    require_memory,
    share,
    summary,
)
from havre.domain.continuity.repositories import OffSite, Repository, drill_text
from havre.errors import BackupError

MIB, GB = 1024**2, 10**9


@pytest.mark.parametrize(
    ("cores", "cpus", "memory", "expected"),
    [
        (8, None, None, Share(4, 512 * MIB)),
        (8, 2.0, 1024 * MIB, Share(2, 1024 * MIB)),
        (8, 6.0, None, Share(4, 512 * MIB)),
        (1, None, 16 * MIB, Share(0.5, 64 * MIB)),
    ],
)
def test_a_copy_takes_half_of_the_machine_at_most(
    cores: int, cpus: float | None, memory: int | None, expected: Share
) -> None:
    assert share(cores, cpus=cpus, memory=memory) == expected


def test_a_copy_never_takes_memory_or_disk_that_production_needs() -> None:
    require_memory([Share(1, GB), Share(1, GB)], 3 * GB)
    with pytest.raises(BackupError, match=r"may need 2\.3 GB of memory, 2\.0 GB are free"):
        require_memory([Share(1, GB), Share(1, GB)], 2 * GB)
    require_disk(10 * GB, 12 * GB)
    with pytest.raises(BackupError, match=r"needs 12\.0 GB of the disk, 11\.9 GB are free"):
        require_disk(10 * GB, 11_900_000_000)


def test_what_was_recovered_is_read() -> None:
    text = "next_xid=812\nlast_commit=2026-11-20T12:00:01.500000Z\ntimeline=3\nuncommitted=805,811\n"
    at = datetime(2026, 11, 20, 12, 0, 1, 500_000, tzinfo=UTC)
    assert recovered(text) == Recovered(812, at, 3, (805, 811))
    assert recovered("next_xid=3\nlast_commit=\ntimeline=1\nuncommitted=\n") == Recovered(3, None, 1)
    for broken in ("", "next_xid=x\nlast_commit=\ntimeline=1\nuncommitted=\n"):
        with pytest.raises(BackupError, match="did not tell"):
            recovered(broken)


@pytest.mark.parametrize(
    ("counted", "at_rest", "problems", "changed"),
    [
        pytest.param(Counted("t", 5, 5, 0), True, 0, 0, id="equal"),
        pytest.param(Counted("t", 6, 5, 0), True, 1, 1, id="at rest it must not have more either"),
        pytest.param(Counted("t", 7, 5, 9), False, 0, 2, id="two were changed or deleted since"),
        pytest.param(Counted("t", 4, 5, 0), False, 1, 0, id="an old row is missing"),
        pytest.param(Counted("t", None, 5, 0), False, 1, 0, id="a table is missing"),
    ],
)
def test_every_row_that_is_older_than_the_copy_has_to_be_in_it(
    counted: Counted, at_rest: bool, problems: int, changed: int
) -> None:
    found = compare([counted], at_rest=at_rest)
    assert (len(found.problems), found.changed) == (problems, changed)
    assert found.is_equal == (counted == Counted("t", 5, 5, 0))


def test_a_comparison_says_what_was_compared() -> None:
    tables = [Counted("a", 1200, 1200, 0), Counted("b", 34, 34, 0)]
    assert compare(tables, at_rest=True).told == ("1,234 rows in 2 tables: equal to the original")
    found = compare([Counted("a", 1200, 1190, 15)], at_rest=False, skipped=[("b", "too slow")])
    assert found.told == (
        "1,200 rows in 1 table: all that the original had at that moment and still has; since then it wrote"
        " 15 rows, and changed or deleted 10"
    )
    assert found.as_data()["skipped"] == [["b", "too slow"]]


def test_an_assertion_is_good_when_it_answers_true_and_nothing_else() -> None:
    assert judge_sql("q", "t\n").problem == ""
    for answer, told in (
        ("f\n", "it answered f"),
        ("", "it answered nothing"),
        ("t\nt\n", "it answered t t"),
    ):
        assert judge_sql("q", answer).problem == told
    assert judge_sql("q", "t", "ERROR:  no\nsuch table").problem == "ERROR: no such table"
    assert len(judge_sql("q", "", "x" * 900).problem) == 200


def test_a_page_is_good_when_status_and_text_are() -> None:
    def problem(answer: str) -> str:
        return judge_page("web /", page(answer), wanted=200, contains="Welcome").problem

    assert problem("200\nWelcome\nhome") == ""
    assert problem("500\nWelcome") == "it answered 500, not 200"
    assert problem("200\nSorry") == "the answer does not hold 'Welcome'"
    assert problem("599\nCould not connect to 'web:80'\n") == "Could not connect to 'web:80'"
    assert problem("perl: not found") == "it was not asked"
    assert [page(f"{status}\n").is_good for status in (199, 200, 399, 400, 599)] == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_everything_that_is_wrong_is_told_missing_rows_first() -> None:
    found = Found(
        checks=[Outcome("q"), Outcome("web /", "it answered 500, not 200")],
        rows={"db": ["t has 4 rows"]},
        dumps={"db": "it is not whole: it ended early", "other": ""},
        missed=["it took 5 h"],
    )
    assert found.problems == [
        "db: t has 4 rows",
        "the dump of db did not come back: it is not whole: it ended early",
        "check web /: it answered 500, not 200",
        "it took 5 h",
    ]
    assert summary(["a"] * 7) == "a; a; a; a; a; 2 more"
    assert Found().problems == []
    worse = Found(unhealthy="api ended", volumes={"shop-data": None, "shop-cache": "2026-11-20T14:32:05Z"})
    assert worse.problems == [
        "the release did not become healthy on the copy: api ended",
        "the volume shop-data was never saved",
    ]


def test_a_copy_knows_one_repository_and_no_secret() -> None:
    place = OffSite("https://s3.example.org", "b", prefix="club", has_ca=True)
    far, near = drill_text(Repository.OFFSITE, place, "p-e/db"), drill_text(Repository.LOCAL, None, "p-e/db")
    assert "repo2-path=/club/p-e/db" in far
    assert "repo2-storage-ca-file=/run/drill/offsite-ca.pem" in far
    assert "repo1-" not in far
    assert "repo1-path=/var/lib/pgbackrest/repo" in near
    assert "repo2-" not in near
    for text in (far, near):
        assert "key" not in text
        assert "pass" not in text
