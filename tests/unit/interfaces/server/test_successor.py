"""Which program ``havre serve`` becomes after an upgrade."""

from __future__ import annotations

from pathlib import Path

from havre.interfaces.server.supervisor import successor


def test_an_installed_version_becomes_the_current_one(tmp_path: Path) -> None:
    old, new = (tmp_path / "versions" / name for name in ("0.1.0", "0.2.0"))
    for version in (old, new):
        (version / "bin").mkdir(parents=True)
        (version / "bin/python").touch()
    (tmp_path / "current").symlink_to(new)
    assert successor(old, old / "bin/python") == new / "bin/python", "resolved: the link may move on"


def test_any_other_environment_stays_what_it_is(tmp_path: Path) -> None:
    assert successor(tmp_path / ".venv", tmp_path / ".venv/bin/python") == tmp_path / ".venv/bin/python"
    lonely = tmp_path / "versions/0.1.0"
    assert successor(lonely, lonely / "bin/python") == lonely / "bin/python", "no link is there"
