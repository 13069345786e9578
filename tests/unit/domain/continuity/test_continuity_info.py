"""pgBackRest's listing, read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from havre.domain.continuity.info import Info, parse
from havre.domain.continuity.repositories import Repository


def entry(label: str, *, repo: int = 1, stop: int = 1000, **more: Any) -> dict[str, Any]:
    return {
        "annotation": {"havre-operation": "12"},
        "archive": {"start": "000000010000000000000003", "stop": "000000010000000000000004"},
        "database": {"id": 1, "repo-key": repo},
        "error": False,
        "info": {"size": 30_000_000, "repository": {"delta": 4_000_000}},
        "label": label,
        "lsn": {"start": "0/3000028", "stop": "0/4000050"},
        "timestamp": {"start": stop - 10, "stop": stop},
        "type": "full",
        **more,
    }


def listing(*backups: dict[str, Any], **more: Any) -> str:
    stanza = {
        "name": "main",
        "backup": list(backups),
        "archive": [
            {"database": {"id": 1, "repo-key": 1}, "id": "17-1", "min": "0" * 24, "max": "0" * 23 + "5"}
        ],
        "repo": [{"key": 1, "status": {"code": 0, "message": "ok"}}],
        "status": {"code": 0, "lock": {"backup": {"held": False}}, "message": "ok"},
        **more,
    }
    return json.dumps([stanza])


def test_a_backup_is_read() -> None:
    (made,) = parse(listing(entry("20261120-020000F"))).backups
    assert made.repository is Repository.LOCAL
    assert (made.label, made.kind, made.size, made.stored) == (
        "20261120-020000F",
        "full",
        30_000_000,
        4_000_000,
    )
    assert made.stopped == datetime.fromtimestamp(1000, UTC)
    assert (made.lsn_stop, made.wal_start, made.timeline) == ("0/4000050", "000000010000000000000003", 1)
    assert made.operation == 12


def test_the_oldest_comes_first_and_each_repository_has_its_own() -> None:
    found = parse(listing(entry("B", stop=3000), entry("A", stop=2000), entry("C", repo=2, stop=1000)))
    assert [each.label for each in found.of(Repository.LOCAL)] == ["A", "B"]
    assert [each.label for each in found.of(Repository.OFFSITE)] == ["C"]
    assert found.made_by(12, Repository.OFFSITE) is found.backups[0]
    assert found.made_by(13, Repository.LOCAL) is None


def test_what_others_made_has_no_operation() -> None:
    (made,) = parse(listing(entry("A", annotation={}))).backups
    assert made.operation is None


def test_a_backup_with_broken_pages_says_so() -> None:
    (made,) = parse(listing(entry("A", error=True))).backups
    assert made.has_errors


def test_a_repository_that_cannot_be_read_is_a_problem_and_an_empty_one_is_not() -> None:
    found = parse(
        listing(
            repo=[
                {"key": 1, "status": {"code": 2, "message": "no valid backups"}},
                {"key": 2, "status": {"code": 99, "message": "[HostConnectError] unable to connect"}},
            ]
        )
    )
    assert found.problem(Repository.LOCAL) == ""
    assert found.problem(Repository.OFFSITE) == "[HostConnectError] unable to connect"


def test_a_backup_that_runs_tells_its_progress() -> None:
    lock = {"backup": {"held": True, "size": 2000, "size-cplt": 500}}
    found = parse(listing(status={"code": 0, "lock": lock, "message": "ok"}))
    assert found.is_busy
    assert found.progress == (500, 2000)


def test_nothing_is_nothing() -> None:
    assert parse("[]") == Info()


@pytest.mark.parametrize("text", ["", "no json", '{"a": 1}'])
def test_what_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_backups_of_another_major_version_are_told_apart() -> None:
    clusters = [
        {"id": 1, "repo-key": 1, "system-id": 1, "version": "15"},
        {"id": 2, "repo-key": 1, "system-id": 2, "version": "17"},
    ]
    later = entry("B", stop=2000, database={"id": 2, "repo-key": 1})
    found = parse(listing(entry("A", stop=1000), later, db=clusters))
    assert [each.version for each in found.backups] == [15, 17]
    assert [each.label for each in found.of_version(17).backups] == ["B"]
    assert found.of_version(None) == found
    assert len(parse(listing(entry("A"))).of_version(17).backups) == 1, "which is not told, fits"
