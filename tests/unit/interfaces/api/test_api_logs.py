"""Logs by the API: from the web's side through the worker's socket to a real store."""

from __future__ import annotations

import json

import pytest

from havre.adapters.logs.writer import LogWriter
from havre.config import config
from havre.controllers.queries import QueryServer
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record
from havre.records import queries

LOGS = "/api/v1/environments/shop/production/logs"
AT = 1_796_057_640


@pytest.fixture
def worker(ask):
    """A worker that answers questions, with 250 lines of two services."""
    queries.ensure_environment("shop", "production", source="")
    queries.ensure_environment("blog", "production", source="")
    paths = config().paths
    paths.run.mkdir(exist_ok=True)
    store = LogWriter(paths.logs)
    for n in range(250):
        at = (AT + n) * 10**9
        level = Level.ERROR if n % 50 == 0 else Level.INFO
        source = f"shop/production/{'api' if n % 2 else 'web'}"
        store.append(
            {source: [Record(at, at, level, "t1", "stdout", 4, f"line {n} of request-{n % 10}\n  more")]}
        )
    store.append(
        {"blog/production/api": [Record(AT * 10**9, AT * 10**9, Level.INFO, "t", "stdout", 1, "of blog")]}
    )
    store.close()
    server = QueryServer(paths, lambda: None)
    server.start()
    yield
    server.stop()


def heads(page):
    return [row["line"].split(" of")[0] for row in page["lines"]]


def test_the_newest_page_leads_to_all_others_and_back(ask, worker):
    newest = ask("GET", f"{LOGS}/search").json()
    assert heads(newest) == [f"line {n}" for n in range(150, 250)]
    assert newest["looked_until"] is None
    older = ask("GET", f"{LOGS}/search", params={"before": newest["older"], "limit": 1000}).json()
    assert heads(older) == [f"line {n}" for n in range(150)]
    assert older["older"] is None
    newer = ask("GET", f"{LOGS}/search", params={"after": older["newer"], "limit": 2}).json()
    assert heads(newer) == ["line 150", "line 151"]
    assert newer["lines"][0]["line"] == "line 150 of request-0\n  more"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"level": "error", "service": "web"}, ["line 0", "line 50", "line 100", "line 150", "line 200"]),
        ({"level": "error", "service": "api"}, []),
        ({"text": "request-7", "since": AT + 225}, ["line 227", "line 237", "line 247"]),
        ({"grep": "^line 1?1 ", "until": AT + 100}, ["line 1", "line 11"]),
        ({"text": '"line 42 of"'}, ["line 42"]),
    ],
)
def test_a_search_is_narrowed(ask, worker, params, found):
    assert heads(ask("GET", f"{LOGS}/search", params=params).json()) == found


@pytest.mark.parametrize(
    "params",
    [
        {"grep": "("},
        {"level": "loud"},
        {"text": " ".join(map(str, range(60)))},
        {"before": "../../etc/passwd"},
        {"after": "1"},
        {"limit": 100_000},
        {"service": "../x"},
        {"since": -1},
    ],
)
def test_what_means_nothing_is_refused(ask, worker, params):
    answer = ask("GET", f"{LOGS}/search", params=params)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_line_has_a_link_that_shows_its_surroundings(ask, worker):
    [row] = ask("GET", f"{LOGS}/search", params={"text": '"line 42"'}).json()["lines"]
    shown = ask("GET", f"{LOGS}/lines/{row['id']}", params={"around": 2}).json()
    assert shown["id"] == row["id"]
    assert heads(shown) == [f"line {n}" for n in range(40, 45)]
    assert shown["lines"][2] == row
    foreign = ask("GET", f"/api/v1/environments/blog/production/logs/lines/{row['id']}")
    assert foreign.status_code in {400, 404, 422}
    assert "line 42" not in foreign.text
    assert ask("GET", f"{LOGS}/lines/..%2Fx").status_code in {404, 422}


def test_everything_that_is_found_comes_as_a_file(ask, worker):
    answer = ask("GET", f"{LOGS}/download", params={"level": "error"})
    assert answer.headers["content-disposition"] == 'attachment; filename="shop-production.log"'
    assert answer.text.splitlines()[:3] == [
        "2026-11-30T16:54:00.000000Z web r4 ERROR | line 0 of request-0",
        "  more",
        "2026-11-30T16:54:50.000000Z web r4 ERROR | line 50 of request-0",
    ]
    rows = ask("GET", f"{LOGS}/download", params={"format": "jsonl"})
    assert [json.loads(row)["line"].split(" of")[0] for row in rows.text.splitlines()] == [
        f"line {n}" for n in range(250)
    ]
    assert ask("GET", f"{LOGS}/download", params={"service": "nope"}).status_code >= 400


def test_the_stream_says_where_it_is_and_goes_on_from_there(ask, worker):
    answer = ask("GET", LOGS, params={"tail": 5})
    events = [
        dict(part.split(": ", 1) for part in event.splitlines())
        for event in answer.text.split("\n\n")
        if event
    ]
    assert [json.loads(event["data"])["id"] for event in events] == [event["id"] for event in events]
    resumed = ask(
        "GET",
        LOGS,
        params={"tail": 1},
        headers={"Last-Event-ID": events[1]["id"], "Accept": "application/x-ndjson"},
    )
    assert [json.loads(row)["id"] for row in resumed.text.splitlines()] == [
        event["id"] for event in events[2:]
    ]
    unknown = ask("GET", LOGS, params={"tail": 1}, headers={"Last-Event-ID": "x"})
    assert unknown.text.count("event: line") == 1


def test_an_unknown_environment_and_a_worker_that_is_away_are_told(ask, state):
    assert ask("GET", "/api/v1/environments/shop/nowhere/logs/search").status_code == 404
    queries.ensure_environment("shop", "production", source="")
    assert ask("GET", f"{LOGS}/search").status_code == 503
