"""Stack traces become one record; lines that only look alike do not."""

from __future__ import annotations

import pytest

from havre.domain.logs.joining import MOST_LINES, SOON, Joiner
from havre.domain.logs.levels import Level
from havre.domain.logs.record import LONGEST, Raw
from havre.domain.redaction import Redactor

PYTHON = """ERROR:root:it broke
Traceback (most recent call last):
  File "/app/a.py", line 3, in f
    g()
    ~^^
  File "/app/a.py", line 9, in g
    raise KeyError("x")
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/a.py", line 12, in <module>
ValueError: no"""
NODE = """TypeError: Cannot read properties of undefined (reading 'id')
    at Orders.find (/app/dist/orders.js:12:7)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {
  code: 'X',
  cause: Error: deep
      at f (/app/x.js:1:1)
}"""
JAVA = """2026-11-30 ERROR [main] c.x.App - failed
java.lang.IllegalStateException: outer
\tat com.x.App.run(App.java:12)
\tat com.x.App.main(App.java:5)
Caused by: java.io.IOException: inner
\tat com.x.Io.read(Io.java:7)
\t... 2 more
Suppressed: java.lang.Error: s
\tat com.x.Io.close(Io.java:9)"""
GO = """panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]

goroutine 1 [running]:
main.(*Server).run(0xc0000)
\t/app/main.go:12 +0x1d
main.main()
\t/app/main.go:5 +0x2a
exit status 2"""


def joined(text, *, apart=1000, task="t", redact=str):
    joiner = Joiner(release=4, redact=redact)
    found = []
    for number, line in enumerate(text.split("\n")):
        done = joiner.add(Raw(number * apart, task, "stderr", line))
        if done:
            found.append(done)
    return [*found, *joiner.complete()]


@pytest.mark.parametrize(("text", "level"), [(PYTHON, Level.ERROR), (NODE, Level.ERROR), (GO, Level.FATAL)])
def test_a_trace_is_one_record(text, level):
    before, trace, after = joined(f"INFO before\n{text}\nINFO after")
    assert before.text == "INFO before"
    assert trace.text == text
    assert trace.level is level
    assert trace.release == 4
    assert (trace.at, trace.until) == (1000, 1000 * text.count("\n") + 1000)
    assert after.text == "INFO after"


def test_a_trace_of_java_is_one_record_from_its_exception_on():
    first, trace = joined(JAVA)
    assert first.level is Level.ERROR
    assert trace.text == JAVA.partition("\n")[2]
    assert trace.level is Level.ERROR


def test_a_traceback_does_not_swallow_an_unrelated_line():
    assert [
        each.text
        for each in joined("listening on 3000\nTraceback (most recent call last):\n  File x\nE: y\nz")
    ] == [
        "listening on 3000",
        "Traceback (most recent call last):\n  File x\nE: y",
        "z",
    ]


def test_lines_of_other_tasks_and_later_ones_stay_apart():
    joiner = Joiner()
    assert joiner.add(Raw(1, "a", "stdout", "head")) is None
    assert joiner.add(Raw(2, "b", "stdout", "  not of a")) is None
    assert joiner.add(Raw(3, "a", "stdout", "  of a")) is None
    late = joiner.add(Raw(4 + SOON, "a", "stdout", "  too late"))
    assert late.text == "head\n  of a"
    assert list(joiner.complete(only_idle=True)) == []
    assert joiner.add(Raw(5 + SOON, "a", "stdout", "  of the late one")) is None
    assert [each.text for each in joiner.complete(only_idle=True)] == ["  not of a"]
    assert [each.text for each in joiner.complete()] == ["  too late\n  of the late one"]
    assert list(joiner.complete()) == []


def test_a_record_has_bounds():
    many = joined("head\n" + "\n".join("  x" for _ in range(3 * MOST_LINES)), apart=1)
    assert len(many) == 4
    assert all(each.text.count("\n") < MOST_LINES for each in many)
    [huge] = joined("x" * (LONGEST + 1234))
    assert len(huge.text) < LONGEST + 100
    assert "1,234 more characters left out" in huge.text


def test_secrets_are_taken_out_of_the_whole_record():
    redact = Redactor()
    redact.hide(["hunter22", "first line\nsecond line"])
    [record] = joined("key first line\n  second line hunter22", redact=redact)
    assert record.text == "key [secret]\n  [secret] [secret]"
