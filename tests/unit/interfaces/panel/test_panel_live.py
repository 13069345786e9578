from __future__ import annotations

import re

from havre.errors import HavreError
from havre.records import queries
from havre.records.models import Event, Operation, Step


def events(text):
    return [
        (
            re.search(r"event: (\w+)", each)[1],
            "\n".join(re.findall(r"data: (.*)", each)),
            int(re.search(r"id: (\d+)", each)[1]),
        )
        for each in text.split("\n\n")
        if "event: " in each
    ]


def test_the_stream_tells_steps_and_lines_as_pieces_of_the_page_and_ends(harbour):
    running = Operation.objects.get(state="running")
    last = Event.objects.latest("id").pk
    Step.objects.filter(operation=running, name="release").update(state="done")
    queries.record_event(running, "step", {"name": "release", "state": "done"})
    queries.record_log(running, [("api", "<b>up</b> in 2 s"), ("api", "ready")])
    queries.finish(running, Operation.State.FAILED, error=HavreError("no"))

    answer = harbour("GET", f"/operations/{running.pk}/live?after={last}")

    assert answer.headers["content-type"] == "text/event-stream"
    told = events(answer.text)
    assert [name for name, _data, _id in told] == ["steps", "log", "over"]
    steps, log, over = told
    assert "Run the release command" in steps[1]
    assert "&lt;b&gt;up&lt;/b&gt; in 2 s" in log[1]
    assert log[1].count("<div>") == 2
    assert last <= steps[2] < log[2] < over[2]
    again = harbour("GET", f"/operations/{running.pk}/live", headers={"Last-Event-ID": str(log[2])})
    assert [name for name, _data, _id in events(again.text)] == ["over"]


def test_an_operation_that_is_not_there_has_no_stream(harbour):
    assert harbour("GET", "/operations/999999/live").status_code == 404
