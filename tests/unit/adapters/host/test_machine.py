from __future__ import annotations

import os
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from havre.adapters.host import machine


def test_space_of_a_folder_that_is_not_there_yet_is_its_parents(tmp_path: Path) -> None:
    found = machine.space(tmp_path / "not" / "there")
    assert found.path == str(tmp_path)
    assert 0 < found.free <= found.total


def test_a_listening_port_is_found_with_its_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (found,) = [listener for listener in machine.listeners() if listener[0] == port]
    assert found[2] == os.getpid()
    assert found[1]


def test_memory_is_read() -> None:
    found = machine.memory()
    assert 0 < found.available <= found.total
    assert found.swap_used <= found.swap_total


def test_the_clock_can_be_asked() -> None:
    assert machine.clock_synchronised() in {True, False, None}
    later = datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=90)
    ahead = machine.ahead_of_here(later.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"))
    assert ahead is not None
    assert 85 < ahead <= 90
    assert machine.ahead_of_here("soon") is None


def test_authorities_that_are_not_certificates_are_named(tmp_path: Path) -> None:
    (tmp_path / "company").mkdir()
    (tmp_path / "company" / "bad.crt").write_text("hello")
    (tmp_path / "note.txt").write_text("hello")
    assert machine.extra_authorities(tmp_path) == (["bad.crt"], ["bad.crt"])
    assert machine.extra_authorities(tmp_path / "none") == ([], [])


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, ""),
        ({"https_proxy": ""}, ""),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://me:secret@proxy:3128"}, "http://proxy:3128"),
    ],
)
def test_a_proxy_is_told_without_its_password(environ: dict[str, str], shown: str) -> None:
    assert machine.https_proxy(environ) == shown


def test_the_mode_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    (tmp_path / "key").chmod(0o640)
    assert machine.file_mode(tmp_path / "key") == 0o640
    assert machine.file_mode(tmp_path / "none") is None
    assert machine.file_mode(tmp_path / "key" / "below") is None


def test_git_is_found_or_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.git_version()[0].isdigit()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.git_version() == ""
