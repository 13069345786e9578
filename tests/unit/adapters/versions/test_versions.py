"""Installed versions: names of wheels, links, what a lock names; making one is tested end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from havre.adapters import versions
from havre.errors import HavreError, UsageError


@pytest.mark.parametrize(
    "name", ["havre.whl", "other-1.0-py3-none-any.whl", "havre-one-py3-none-any.whl", "havre-1.0.tar.gz"]
)
def test_what_is_no_wheel_of_havre_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(UsageError):
        versions.version_of(tmp_path / name)


def test_a_wheel_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        versions.version_of(tmp_path / "havre-1.0-py3-none-any.whl")


def test_a_damaged_wheel_leaves_nothing(tmp_path: Path) -> None:
    wheel = tmp_path / "havre-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not a zip")
    with pytest.raises(UsageError, match="damaged"):
        versions.make(tmp_path / "versions/1.0", wheel)
    assert versions.installed(tmp_path / "versions") == frozenset()


def test_a_link_is_moved_and_nothing_else_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "current"
    versions.link(link, tmp_path / "versions/1")
    versions.link(link, tmp_path / "versions/2")
    assert versions.linked(link) == "2"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(HavreError, match="in the way"):
        versions.link(tmp_path / "file", tmp_path / "versions/2")
    assert (tmp_path / "file").read_text() == "mine"


def test_drafts_are_not_versions(tmp_path: Path) -> None:
    (tmp_path / ".0.2.0.draft").mkdir()
    (tmp_path / "0.1.0").mkdir()
    assert versions.installed(tmp_path) == {"0.1.0"}
    assert versions.linked(tmp_path / "none") == ""


def test_a_lock_is_read_for_this_machine_only() -> None:
    lock = (
        "# a comment\n"
        "Django==5.2.1 \\\n    --hash=sha256:00\n"
        "colorama==0.4 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
        "ruamel_yaml==0.19\n"
    )
    assert versions._pinned(lock) == {"django": "5.2.1", "ruamel-yaml": "0.19"}
