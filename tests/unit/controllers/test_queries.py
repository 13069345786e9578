from __future__ import annotations

import json
import socket
import stat
import threading
import time
from contextlib import suppress

import pytest

from havre.config import Paths
from havre.controllers.queries import QueryServer
from havre.errors import EngineError, UsageError
from havre.operations import look, read_logs


@pytest.fixture
def paths(tmp_path):
    found = Paths(tmp_path)
    found.run.mkdir()
    return found


@pytest.fixture
def woken():
    return threading.Event()


@pytest.fixture
def server(paths, woken):
    found = QueryServer(paths, woken.set)
    found.start()
    yield found
    found.stop()


def connect(paths):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(paths.worker_socket))
    return connection


def ask(paths, question):
    with connect(paths) as connection:
        connection.sendall(question if isinstance(question, bytes) else json.dumps(question).encode() + b"\n")
        return [json.loads(line) for line in connection.makefile("rb")]


LOGS = {"query": "logs", "project": "shop", "environment": "production", "follow": True}


def test_waking(server, paths, woken):
    assert ask(paths, {"query": "wake"}) == [{"ok": True}]
    assert woken.is_set()


def test_a_client_that_does_not_wait_for_the_answer_still_wakes(server, paths, woken):
    with connect(paths) as connection:
        connection.sendall(b'{"query":"wake"}\n')
    assert woken.wait(5)


def test_the_socket_is_for_owner_and_group_and_replaces_a_stale_one(paths, woken):
    socket.socket(socket.AF_UNIX).bind(str(paths.worker_socket))
    found = QueryServer(paths, woken.set)
    found.start()
    try:
        assert stat.S_IMODE(paths.worker_socket.stat().st_mode) == 0o660
        assert ask(paths, {"query": "wake"}) == [{"ok": True}]
    finally:
        found.stop()
    assert list(paths.run.iterdir()) == []


def test_processes(server, paths, monkeypatch):
    monkeypatch.setattr(
        look, "processes", lambda project, environment: [{"service": f"{project}/{environment}"}]
    )
    question = {"query": "ps", "project": "shop", "environment": "production"}
    assert ask(paths, question) == [{"rows": [{"service": "shop/production"}]}]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            UsageError("no such", hint="h"),
            {"message": "no such", "hint": "h", "retryable": False, "kind": "usage"},
        ),
        (
            EngineError("away", retryable=True),
            {"message": "away", "hint": "", "retryable": True, "kind": "engine"},
        ),
    ],
)
def test_errors_are_told(server, paths, monkeypatch, error, told):
    def fail(*_args):
        raise error

    monkeypatch.setattr(look, "processes", fail)
    assert ask(paths, {"query": "ps", "project": "shop", "environment": "production"}) == [{"error": told}]


def test_an_unexpected_error_stays_in_the_log(server, paths, monkeypatch, caplog):
    def fail(*_args):
        raise RuntimeError("inner")

    monkeypatch.setattr(look, "processes", fail)
    (answer,) = ask(paths, {"query": "ps", "project": "shop", "environment": "production"})
    assert "inner" not in answer["error"]["message"]
    assert "inner" in caplog.text


@pytest.mark.parametrize(
    "question",
    [
        b"\n",
        b"no json\n",
        b"[]\n",
        b"\xff\n",
        b"[" * 60_000 + b"\n",
        {"query": "exec", "command": "id"},
        {"query": "ps", "project": "../x", "environment": "production"},
        {"query": "ps", "project": "shop"},
        {"query": "wake", "more": 1},
        {**LOGS, "grep": "x" * 300},
        {**LOGS, "tail": -1},
    ],
)
def test_other_questions_are_refused(server, paths, question):
    (answer,) = ask(paths, question)
    assert answer["error"]["kind"] == "usage"


def test_an_endless_question_ends(server, paths):
    with suppress(ConnectionError):
        (answer,) = ask(paths, b"x" * 70_000)
        assert answer["error"]["kind"] == "usage"
    assert ask(paths, {"query": "wake"}) == [{"ok": True}]


def test_log_rows_come_one_per_line_with_what_was_asked(server, paths, monkeypatch):
    asked = {}

    def rows(_folder, question, **more):
        asked.update(more, question=question)
        yield {"line": "one\ntwo"}
        yield {"line": "three"}

    monkeypatch.setattr(read_logs, "rows", rows)
    question = {
        **LOGS,
        "services": ["api"],
        "since": 1.5,
        "tail": 3,
        "follow": False,
        "grep": "e",
        "level": "warn",
    }
    assert ask(paths, question) == [{"line": "one\ntwo"}, {"line": "three"}]
    assert asked.pop("stopped")() is True  # now, and to whoever still asks afterwards
    wanted = read_logs.Asked("shop", "production", ("api",), since=1.5, grep="e", level="warn")
    assert asked == {"question": wanted, "tail": 3, "after": "", "live": None}


@pytest.fixture
def following(monkeypatch):
    """A stand-in for the engine's logs that ends only when it is told to stop."""
    ended = threading.Event()

    def rows(*_args, stopped, **_more):
        try:
            yield {"line": "first"}
            while not stopped():
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(read_logs, "rows", rows)
    return ended


def test_a_client_that_goes_ends_its_following(server, paths, following):
    with connect(paths) as connection:
        connection.sendall(json.dumps(LOGS).encode() + b"\n")
        assert json.loads(connection.makefile("rb").readline()) == {"line": "first"}
        assert not following.wait(0.1)
    assert following.wait(5)


def test_stopping_ends_those_that_follow(paths, woken, following):
    found = QueryServer(paths, woken.set)
    found.start()
    with connect(paths) as connection:
        connection.sendall(json.dumps(LOGS).encode() + b"\n")
        lines = connection.makefile("rb")
        lines.readline()
        found.stop()
        assert lines.readline() == b""
    assert following.wait(5)


def test_too_many_at_once_are_told_so(server, paths, following):
    connections = []
    try:
        for _ in range(64):
            connection = connect(paths)
            connection.sendall(json.dumps(LOGS).encode() + b"\n")
            connection.makefile("rb").readline()
            connections.append(connection)
        (answer,) = ask(paths, {"query": "wake"})
        assert answer["error"]["retryable"] is True
    finally:
        for connection in connections:
            connection.close()
