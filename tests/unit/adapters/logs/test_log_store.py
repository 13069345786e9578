"""The store of logs: what is written is found, in every state of its files, and survives a kill."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest

from havre.adapters.logs import day as days
from havre.adapters.logs import packing, writer
from havre.adapters.logs.reader import LogReader, all_pages
from havre.adapters.logs.writer import LogWriter
from havre.domain.logs.levels import Level, at_least
from havre.domain.logs.question import Cursor, Question
from havre.domain.logs.record import LineId, Record
from havre.domain.logs.words import Sought, terms_of

DAY = "2026-11-30"
MICRO = 1_000_000
BEGIN = days.begins(DAY)
API, WEB, DB = "shop/production/api", "shop/production/web", "blog/staging/db"


def record(at: int, text: str, *, level: Level = Level.INFO, task: str = "t1", release: int = 3) -> Record:
    """A record of a microsecond of the epoch."""
    return Record(at * 1000, at * 1000, level, task, "stdout", release, text)


def only(*names: str):
    return lambda known: [name for name in known if name in names]


@pytest.fixture
def store(tmp_path):
    made = LogWriter(tmp_path / "logs")
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path):
    return LogReader(tmp_path / "logs")


def texts(page):
    return [line.text for line in page.lines]


def test_an_empty_store_answers_nothing(tmp_path):
    reader = LogReader(tmp_path / "none")
    page = reader.page(Question())
    assert page.lines == ()
    assert page.older is None
    assert reader.sources() == []
    assert reader.line(LineId("20261130", 1, 1)) is None


def test_a_record_comes_back_as_it_was(store, reader):
    text = "first\n  second\ttab Ünï ❤"
    [stored] = store.append({API: [record(BEGIN + 5, text, level=Level.ERROR)]})
    [line] = reader.page(Question()).lines
    assert (line.text, line.level, line.release, line.task, line.stream) == (
        text,
        Level.ERROR,
        3,
        "t1",
        "stdout",
    )
    assert (line.at, line.source, line.id) == (BEGIN + 5, API, stored.id)
    assert reader.line(stored.id) == line


@pytest.fixture(params=["fresh", "blocks", "packed"])
def filled(request, tmp_path, monkeypatch):
    """A store with two days of three sources in each state of a file, and all its lines in order."""
    if request.param != "fresh":
        monkeypatch.setattr(writer, "BLOCK_RECORDS", 40)
    made = LogWriter(tmp_path / "logs")
    dice = random.Random(7)
    stored = []
    at = BEGIN - 80 * MICRO
    for _ in range(60):
        batch = {}
        for source in dice.sample([API, WEB, DB], dice.randint(1, 3)):
            batch[source] = []
            for _ in range(dice.randint(1, 9)):
                at += dice.choice([0, 0, 1, 900_000])
                jitter = dice.choice([0, 0, -2 * MICRO])
                words = " ".join(
                    dice.choices(["alpha", "beta", "Gamma", "delta-9", "timeout", "/api/x"], k=4)
                )
                batch[source].append(
                    record(at + jitter, f"{words} n{len(stored)}", level=Level(dice.randrange(7)))
                )
        stored.extend(made.append(batch))
    made.close()
    if request.param == "packed":
        for path in packing.unpacked(tmp_path / "logs").values():
            assert packing.pack(path)
    lines = [
        (
            each.record.at // 1000,
            each.id.source,
            each.id.number,
            each.source,
            each.record.level,
            each.record.text,
        )
        for each in stored
    ]
    return LogReader(tmp_path / "logs"), sorted(lines)


QUESTIONS = {
    "all": (Question(), bool),
    "one source": (Question(choose=only(WEB)), lambda line: line[3] == WEB),
    "errors": (Question(levels=at_least(Level.ERROR)), lambda line: line[4] >= Level.ERROR),
    "infos": (Question(levels=at_least(Level.INFO)), lambda line: line[4] >= Level.INFO or not line[4]),
    "time": (
        Question(since=BEGIN - 20 * MICRO, until=BEGIN + 30 * MICRO),
        lambda line: BEGIN - 20 * MICRO <= line[0] < BEGIN + 30 * MICRO,
    ),
    "words": (
        Question(sought=Sought(terms_of("gam TIMEOUT"))),
        lambda line: "gamma" in line[5].lower() and "timeout" in line[5],
    ),
    "phrase": (Question(sought=Sought(terms_of('"alpha beta"'))), lambda line: "alpha beta" in line[5]),
    "expression": (
        Question(sought=Sought(pattern=r"elta-\d.*n\d*7$")),
        lambda line: "delta-9" in line[5] and line[5][-1] == "7",
    ),
    "expression and word of one": (
        Question(
            choose=only(API, DB),
            sought=Sought(terms_of("alpha"), r"n\d*[02468]$"),
            levels=at_least(Level.WARN),
        ),
        lambda line: (
            line[3] != WEB and "alpha" in line[5] and line[5][-1] in "02468" and line[4] >= Level.WARN
        ),
    ),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_pages_of_both_directions_hold_each_line_once_and_in_order(filled, name):
    reader, lines = filled
    question, is_meant = QUESTIONS[name]
    expected = [line[5] for line in lines if is_meant(line)]
    assert expected, "the question has to find something"
    asked = replace(question, limit=7)
    backward = []
    while True:
        page = reader.page(asked)
        assert len(page.lines) <= 7
        backward = texts(page) + backward
        if page.older is None:
            break
        asked = replace(asked, before=page.older)
    assert backward == expected
    forward = replace(question, limit=7, after=Cursor(0, 0, 0))
    assert [line.text for line in all_pages(reader, forward)] == expected


def test_a_link_leads_to_its_line_and_what_stands_around(filled):
    reader, lines = filled
    for at, source, number, name, _, text in lines[::29]:
        line = reader.line(LineId(days.day_of(at).replace("-", ""), source, number))
        assert (line.text, line.source) == (text, name)
        here = [each[5] for each in lines].index(text)
        before = reader.page(Question(before=line.cursor, limit=3))
        after = reader.page(Question(after=line.cursor, limit=3))
        assert texts(before) == [each[5] for each in lines[max(0, here - 3) : here]]
        assert texts(after) == [each[5] for each in lines[here + 1 : here + 4]]
    assert reader.line(LineId("20261130", 1, 99_999)) is None
    assert reader.line(LineId("20261130", 99, 1)) is None


def test_what_cannot_be_looked_through_in_time_goes_on_from_there(filled):
    reader, lines = filled
    asked = Question(sought=Sought(pattern="elta"), limit=1000, seconds=0.0)
    found = []
    for _ in range(500):
        page = reader.page(asked)
        found = texts(page) + found
        if page.older is None:
            break
        # A budget of nothing looks at no block: give it one at a time, as a hurried reader would.
        asked = replace(asked, before=page.older, seconds=0.0 if page.looked_until is None else 5.0)
    assert found == [line[5] for line in lines if "elta" in line[5]]


def test_numbers_go_on_after_a_restart(tmp_path):
    first = LogWriter(tmp_path)
    [one] = first.append({API: [record(BEGIN, "one")]})
    first.close()
    second = LogWriter(tmp_path)
    [two] = second.append({API: [record(BEGIN + 1, "two")]})
    second.close()
    assert two.id.number == one.id.number + 1
    assert two.id.source == one.id.source


def test_positions_are_those_of_each_stream_of_each_task(tmp_path):
    store = LogWriter(tmp_path)
    store.append(
        {API: [record(BEGIN - 5, "day before"), record(BEGIN + 5, "x"), record(BEGIN + 9, "y", task="t2")]}
    )
    store.append({API: [record(BEGIN + 3, "late")]})
    assert store.positions(API) == {"t1/stdout": (BEGIN + 5) * 1000, "t2/stdout": (BEGIN + 9) * 1000}
    assert store.positions(WEB) == {}
    store.close()


def test_late_lines_go_into_a_packed_day(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    store.append({API: [record(BEGIN, "first")]})
    store.close()
    assert packing.pack(folder / f"{DAY}.day")
    assert [each.name for each in folder.iterdir()] == [f"{DAY}.packed"]
    again = LogWriter(folder)
    [late] = again.append({API: [record(BEGIN + 1, "late")]})
    again.close()
    assert late.id.number == 2
    assert texts(reader.page(Question())) == ["first", "late"]


def test_packing_that_died_leaves_the_day_as_it_was(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    store.append({API: [record(BEGIN, "first")]})
    store.close()
    assert not packing.pack(folder / f"{DAY}.day", stopped=lambda: True)
    packing.tidy(folder)
    assert list(days.files(folder).values()) == [folder / f"{DAY}.day"]
    assert not list(folder.glob("*.draft*"))
    assert texts(reader.page(Question())) == ["first"]


def test_a_day_that_is_packed_but_not_removed_is_removed(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    store.append({API: [record(BEGIN, "first")]})
    store.close()
    before = (folder / f"{DAY}.day").read_bytes()
    packing.pack(folder / f"{DAY}.day")
    (folder / f"{DAY}.day").write_bytes(before)
    assert texts(reader.page(Question())) == ["first"]
    packing.tidy(folder)
    assert [each.name for each in folder.iterdir()] == [f"{DAY}.packed"]


def test_old_days_go_by_age_and_by_size(tmp_path):
    store = LogWriter(tmp_path)
    for ago in range(5):
        at = BEGIN - ago * 86_400 * MICRO
        store.append({API: [record(at + n, f"{ago} {os.urandom(2000).hex()}") for n in range(200)]})
        store.close()
    size = sum(days.size(path) for path in days.files(tmp_path).values())
    assert packing.expire(tmp_path, today=DAY, days_kept=3, most_bytes=size) == ["2026-11-26"]
    assert packing.expire(tmp_path, today=DAY, days_kept=3, most_bytes=size // 3) == [
        "2026-11-27",
        "2026-11-28",
        "2026-11-29",
    ]
    assert list(days.files(tmp_path)) == [DAY]
    assert packing.expire(tmp_path, today=DAY, days_kept=0, most_bytes=0) == []


def test_a_full_disk_is_told_and_loses_nothing_that_was_stored(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    store.append({API: [record(BEGIN, "before")]})
    pages = store._days[DAY].connection.execute("PRAGMA page_count").fetchone()[0]
    store._days[DAY].connection.execute(f"PRAGMA max_page_count={pages}")
    noise = [record(BEGIN + n, os.urandom(400).hex()) for n in range(900)]
    with pytest.raises(days.LogStoreError, match=DAY):
        store.append({API: noise})
    [after] = store.append({API: [record(BEGIN + 9, "after")]})
    store.close()
    assert after.id.number == 2
    assert texts(reader.page(Question())) == ["before", "after"]


def test_nobody_else_can_read_it(tmp_path):
    LogWriter(tmp_path / "logs").close()
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


WRITES_UNTIL_KILLED = """
import sys
from pathlib import Path
from havre.adapters.logs.writer import LogWriter
from havre.domain.logs.record import Record
from havre.domain.logs.levels import Level
store = LogWriter(Path(sys.argv[1]))
at = int(sys.argv[2]) * 1000
number = 0
while True:
    batch = [
        Record(at + n, at + n, Level.INFO, "t", "stdout", 1, f"line {n} of many")
        for n in range(number, number + 300)
    ]
    store.append({"shop/production/api": batch})
    number += 300
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [0, 1, 7, 23])
def test_a_writer_that_is_killed_loses_nothing_it_committed(tmp_path, after):
    folder = tmp_path / "logs"
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITES_UNTIL_KILLED), str(folder), str(BEGIN)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    told = 0
    for _ in range(after + 1):
        told = int(child.stdout.readline())
    time.sleep(0.003 * after)  # somewhere within a batch
    child.send_signal(signal.SIGKILL)
    told = max([told, *map(int, child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    reader = LogReader(folder)
    lines = list(all_pages(reader, Question(after=Cursor(0, 0, 0), limit=2000)))
    assert len(lines) in {told, told + 300}  # the last batch may have been committed and not told
    assert [line.text for line in lines] == [f"line {n} of many" for n in range(len(lines))]
    again = LogWriter(folder)
    [next_one] = again.append({API: [record(BEGIN + 10 * MICRO, "after the death")]})
    assert next_one.id.number == len(lines) + 1
    with_index = reader.page(Question(sought=Sought(terms_of("many")), limit=5))
    assert len(with_index.lines) == 5
    check = again._days[DAY].connection.execute("PRAGMA integrity_check").fetchone()
    again._days[DAY].connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    again.close()
    assert check == ("ok",)


def test_lines_that_come_while_their_day_is_packed_are_stored_afterwards(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    tomorrow = BEGIN + 86_400 * MICRO
    store.append({API: [record(BEGIN, "first"), record(tomorrow, "next day")]})
    with store.resting(DAY):
        late = store.append({API: [record(BEGIN + 1, "late"), record(tomorrow + 1, "meanwhile")]})
        assert packing.pack(folder / f"{DAY}.day")
    assert [each.record.text for each in late] == ["meanwhile"]
    assert texts(reader.page(Question())) == ["first", "late", "next day", "meanwhile"]
    store.close()


def test_a_day_that_is_deleted_while_it_is_written_to_begins_anew(tmp_path, reader):
    folder = tmp_path / "logs"
    store = LogWriter(folder)
    store.append({API: [record(BEGIN, "gone")]})
    store.close(before="2026-12-01")
    assert packing.expire(folder, today="2026-12-01", days_kept=0, most_bytes=10**9) == [DAY]
    store.append({API: [record(BEGIN + 1, "late")]})
    store.close()
    assert texts(reader.page(Question())) == ["late"]


def test_more_than_a_file_may_hold_loose_goes_into_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "MOST_FRESH", 50)
    store = LogWriter(tmp_path)
    for n in range(40):
        store.append(
            {f"shop/production/s{n % 20}": [record(BEGIN + n * 10 + k, f"n{n} k{k}") for k in range(5)]}
        )
        [loose] = store._days[DAY].connection.execute("SELECT count(*) FROM fresh").fetchone()
        assert loose <= 50
    store.close()
    assert len(LogReader(tmp_path).page(Question(limit=1000)).lines) == 200
