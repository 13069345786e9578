from __future__ import annotations

import asyncio
import json

import pytest

from havre.interfaces.api import streams
from havre.records import queries
from havre.records.models import Operation


@pytest.fixture
def operation(transactional_db):
    row = queries.ensure_environment("shop", "production", source="")
    found = queries.enqueue("deploy", row, {}, actor="t")
    queries.record_event(found, "step", {"name": "build", "title": "Build\nit", "state": "running"})
    queries.record_log(found, [("build api", "line\r\n\r\ndata: forged"), ("build api", "two")])
    return found


def parse(text):
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_events_come_in_order_with_their_time_and_end_with_the_outcome(ask, operation):
    queries.finish(operation, Operation.State.SUCCEEDED, result={"release": 1})

    answer = ask("GET", f"/api/v1/operations/{operation.pk}/events")

    assert answer.headers["content-type"] == "text/event-stream"
    events = parse(answer.text)
    assert [kind for _, kind, _ in events] == ["step", "log", "log", "outcome"]
    assert all(data["at"] for _, _, data in events)
    assert events[1][2]["line"] == "line\r\n\r\ndata: forged"
    assert events[-1][2]["result"] == {"release": 1}


def test_a_stream_resumes_after_the_last_event_that_was_received(ask, operation):
    queries.finish(operation, Operation.State.SUCCEEDED)
    path = f"/api/v1/operations/{operation.pk}/events"
    ids = [number for number, _, _ in parse(ask("GET", path).text)]

    assert [i for i, _, _ in parse(ask("GET", path, params={"after": ids[1]}).text)] == ids[2:]
    resumed = ask("GET", path, params={"after": 0}, headers={"Last-Event-ID": str(ids[2])})
    assert [i for i, _, _ in parse(resumed.text)] == ids[3:]
    assert parse(ask("GET", path, params={"after": ids[-1]}).text) == []


def test_bad_positions_are_refused(ask, operation):
    path = f"/api/v1/operations/{operation.pk}/events"
    assert ask("GET", path, params={"after": -1}).status_code == 422
    assert ask("GET", path, headers={"Last-Event-ID": "x"}).status_code == 422
    assert ask("GET", path, params={"after": 10**30}).status_code == 422
    assert ask("GET", "/api/v1/operations/999999/events").status_code == 404


def test_events_that_happen_later_are_followed(ask, operation, monkeypatch):
    polls = []

    def batch(number, last):
        found = real(number, last)
        polls.append(last)
        if len(polls) == 3:
            queries.finish(operation, Operation.State.CANCELLED)
        return found

    real = streams._batch
    monkeypatch.setattr(streams, "_batch", batch)
    events = parse(ask("GET", f"/api/v1/operations/{operation.pk}/events").text)
    assert [kind for _, kind, _ in events][-1] == "outcome"
    assert len(polls) >= 3


def test_an_ended_operation_without_an_outcome_ends_the_stream(ask, operation, monkeypatch):
    monkeypatch.setattr(streams, "_POLL", 0.001)
    Operation.objects.update(state="failed")
    assert len(parse(ask("GET", f"/api/v1/operations/{operation.pk}/events").text)) == 3


def test_silence_is_filled_with_comments(monkeypatch):
    monkeypatch.setattr(streams, "_FIRST_ROW", 0.01)
    monkeypatch.setattr(streams, "_HEARTBEAT", 0.01)
    closed = []

    async def rows():
        try:
            await asyncio.sleep(0.05)
            yield {"line": "late"}
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    async def read():
        stream = streams._with_silence(rows())
        first = await anext(stream)
        sent = streams._log_rows(first, stream, streams.EVENT_STREAM)
        found = []
        async for each in sent:
            found.append(each)
            if b"late" in each:
                break
        await sent.aclose()
        return found

    found = asyncio.run(read())
    assert found[0].startswith(b":")
    assert found[-1] == b'event: line\ndata: {"line": "late"}\n\n'
    assert closed == [True]
