"""The log of an environment as interfaces ask for it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from havre.adapters.logs.writer import LogWriter
from havre.domain.logs.intake import said
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record
from havre.errors import UsageError
from havre.operations import live_log, read_logs
from havre.operations.live_log import LiveLog
from havre.operations.read_logs import Asked
from havre.records import queries

pytestmark = pytest.mark.django_db(transaction=True)
AT = 1_796_057_640  # 2026-11-30T16:54:00Z
SHOP = Asked("shop", "production")
LINES = ("a" * 40 + "!", "a" * 40, "quiet", "Timeout of db")


def record(second: float, text: str, level: Level = Level.INFO) -> Record:
    at = int((AT + second) * 10**9)
    return Record(at, at, level, "t1", "stdout", 4, text)


@pytest.fixture
def store(tmp_path):
    queries.ensure_environment("shop", "production", source="")
    made = LogWriter(tmp_path)
    made.append(
        {
            "shop/production/api": [record(n, text) for n, text in enumerate(LINES)],
            "shop/production/web": [record(1.5, "of web", Level.ERROR)],
            "shop/production/": [said("deployment 3 begins", (AT + 2) * 10**9 + 5, key="operation-3-begins")],
            "shop/staging/api": [record(0, "of another environment")],
        }
    )
    yield made
    made.close()


def texts(rows):
    return [row["line"] for row in rows]


def test_lines_of_an_environment_come_in_order_with_what_they_tell(store, tmp_path):
    rows = list(read_logs.rows(tmp_path, SHOP))
    assert texts(rows) == [LINES[0], LINES[1], "of web", LINES[2], "deployment 3 begins", LINES[3]]
    assert {key: rows[2][key] for key in ("at", "service", "release", "task", "stream", "level")} == {
        "at": "2026-11-30T16:54:01.500000Z",
        "service": "web",
        "release": "4",
        "task": "t1",
        "stream": "stdout",
        "level": "error",
    }
    assert (rows[4]["service"], rows[4]["task"], rows[4]["stream"]) == ("", "", "havre")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"services": ["web"]}, ["of web", "deployment 3 begins"]),
        ({"level": "error"}, ["of web"]),
        ({"since": AT + 1.2, "until": AT + 2}, ["of web"]),
        ({"text": "TIME"}, ["Timeout of db"]),
        ({"grep": "^(a+)+$"}, [LINES[1]]),
        ({"grep": "(?i)QUIET", "text": "qui"}, ["quiet"]),
    ],
)
def test_lines_are_narrowed(store, tmp_path, more, found):
    assert texts(read_logs.rows(tmp_path, replace(SHOP, **more))) == found
    assert texts(read_logs.page(tmp_path, replace(SHOP, **more))["lines"]) == found


def test_the_last_lines(store, tmp_path):
    assert texts(read_logs.rows(tmp_path, SHOP, tail=2)) == ["deployment 3 begins", LINES[3]]
    assert texts(read_logs.rows(tmp_path, SHOP, tail=100))[0] == LINES[0]
    assert texts(read_logs.rows(tmp_path, SHOP, tail=0)) == []


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"grep": "("}, "is not a regular expression"),
        ({"grep": "(?=a)"}, "is not a regular expression"),
        ({"level": "loud"}, "no level 'loud'"),
        ({"text": "a " * 50 + " ".join(map(str, range(50)))}, "at most 20 words"),
        ({"services": ["nope"]}, "has no service nope"),
        ({"environment": "elsewhere"}, "no environment"),
    ],
)
def test_what_means_nothing_is_told(store, tmp_path, more, told):
    with pytest.raises(UsageError, match=told):
        list(read_logs.rows(tmp_path, replace(SHOP, **more)))


def test_pages_lead_to_each_other(store, tmp_path):
    newest = read_logs.page(tmp_path, SHOP, limit=2)
    older = read_logs.page(tmp_path, SHOP, limit=10, before=newest["older"])
    assert texts([*older["lines"], *newest["lines"]]) == texts(read_logs.rows(tmp_path, SHOP))
    assert older["older"] is None
    back = read_logs.page(tmp_path, SHOP, limit=2, after=older["newer"])
    assert back["lines"] == newest["lines"]
    store.append({"shop/production/api": [record(20, '{"level": 50, "msg": "no", "n": 1}')]})
    [parsed] = read_logs.page(tmp_path, SHOP, limit=1)["lines"]
    assert (parsed["message"], parsed["fields"]) == ("no", {"level": 50, "msg": "no", "n": 1})
    with pytest.raises(UsageError, match="not a place in the log"):
        read_logs.page(tmp_path, SHOP, before="../../etc")


def test_a_link_shows_a_line_and_its_neighbours_of_this_environment_only(store, tmp_path):
    rows = list(read_logs.rows(tmp_path, SHOP))
    shown = read_logs.line(tmp_path, "shop", "production", rows[2]["id"], around=1)
    assert shown["lines"] == [{**row, "message": None, "fields": None} for row in rows[1:4]]
    [foreign] = read_logs.rows(tmp_path, Asked("shop", "production"), tail=1)
    queries.ensure_environment("shop", "staging", source="")
    with pytest.raises(UsageError, match="has no line"):
        read_logs.line(tmp_path, "shop", "staging", foreign["id"])
    for wrong in ("20261130-9-9", "20200101-1-1", "../x"):
        with pytest.raises(UsageError):
            read_logs.line(tmp_path, "shop", "production", wrong)


def follow(tmp_path, asked, live, *, tail, lines):
    """Rows until as many came, read in a thread of their own."""
    found, over = [], threading.Event()

    def read():
        for row in read_logs.rows(tmp_path, asked, tail=tail, live=live, stopped=over.is_set):
            found.append(row)
            if len(found) >= lines:
                return

    thread = threading.Thread(target=read)
    thread.start()
    deadline = time.monotonic() + 60
    while not live._followers and time.monotonic() < deadline:
        time.sleep(0.01)
    return thread, found, over


def test_following_goes_on_from_history_without_a_gap_or_a_repetition(store, tmp_path):
    live = LiveLog()
    thread, found, over = follow(tmp_path, replace(SHOP, level="info"), live, tail=1, lines=4)
    again = store.append(
        {"shop/production/api": [record(9, "debug", Level.DEBUG), record(10, "new"), record(8, "late")]}
    )
    live.publish(again)
    live.publish(store.append({"shop/staging/api": [record(11, "of another environment")]}))
    live.publish(store.append({"shop/production/web": [record(12, "newest")]}))
    thread.join(60)
    over.set()
    assert texts(found) in ([LINES[3], "new", "late", "newest"], ["new", "late", "newest"])
    assert live._followers == set()


def test_who_reads_too_slowly_is_told_how_much_is_missing(store, monkeypatch):
    monkeypatch.setattr(live_log, "MOST_WAITING", 10)
    live = LiveLog()
    with live.following(lambda _: True) as following:
        live.publish(store.append({"shop/production/api": [record(n, f"n{n}") for n in range(25)]}))
        lines, missed = following.take(1)
    assert (len(lines), missed) == (10, 15)
    assert lines[-1].record.text == "n24"
    assert "15 lines left out" in read_logs._missed(15)["line"]
