"""From the engine's bytes to records."""

from __future__ import annotations

import struct

import pytest

from havre.domain.logs.frames import Frame, Frames, Lines, nanoseconds
from havre.domain.logs.intake import Intake
from havre.domain.logs.levels import Level
from havre.domain.logs.marks import Happened
from havre.domain.logs.record import LONGEST
from havre.domain.logs.resuming import Resumed
from havre.domain.logs.sampling import Meter, rates

DETAILS = "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id="


def frame(
    second: float, text: str | bytes, *, task: str = "t1", stream: int = 1, end: bytes = b"\n"
) -> bytes:
    whole, part = divmod(round(second * 1e9), 10**9)
    data = text.encode() if isinstance(text, str) else text
    body = f"2026-11-30T16:54:{whole:02d}.{part:09d}Z {DETAILS}{task} ".encode() + data + end
    return struct.pack(">BxxxL", stream, len(body)) + body


def intake(**changes) -> Intake:
    made = {"release": 7, "meter": Meter(1000, 1000), "resumed": Resumed({})}
    return Intake(**{**made, **changes})


AT = nanoseconds(b"2026-11-30T16:54:00.000000000Z")


def test_times_are_read_to_the_nanosecond():
    assert AT == 1_796_057_640 * 10**9
    assert nanoseconds(b"2026-11-30T16:54:00.000000001Z") == AT + 1
    assert nanoseconds(b"2026-11-30T16:54:00.5Z") == AT + 500_000_000
    assert nanoseconds(b"2026-11-30T16:54:00Z") == AT
    for wrong in (
        b"",
        b"error",
        b"2026-11-30T16:54:00.5",
        b"2026-11-30 16:54:00.5Z",
        b"2026-11-30T16:54:00.xZ",
    ):
        assert nanoseconds(wrong) is None


@pytest.mark.parametrize("size", [1, 3, 8, 50, 10_000])
def test_records_are_the_same_however_the_bytes_are_cut(size):
    data = b"".join(
        [
            frame(1, "ERROR boom"),
            frame(1.001, "  at x", stream=2),
            frame(1.002, "    more", stream=1),
            frame(2, b"\xff\xfe not utf-8 \xc3\xa9"),
            frame(3, "other", task="t2"),
        ]
    )
    made = intake()
    found = [
        record for begin in range(0, len(data), size) for record in made.feed(data[begin : begin + size], 0.0)
    ]
    found += made.end()
    assert sorted((r.at - AT, r.task, r.stream, r.text) for r in found) == [
        (1_000_000_000, "t1", "stdout", "ERROR boom\n    more"),
        (1_001_000_000, "t1", "stderr", "  at x"),
        (2_000_000_000, "t1", "stdout", "\ufffd\ufffd not utf-8 é"),
        (3_000_000_000, "t2", "stdout", "other"),
    ]
    assert {record.release for record in found} == {7}
    assert found[0].level is Level.ERROR


def test_what_is_no_stream_of_frames_is_refused():
    with pytest.raises(ValueError, match="frames"):
        Frames().feed(b"\x1b[2J hello from a terminal")
    with pytest.raises(ValueError, match="bytes"):
        Frames().feed(struct.pack(">BxxxL", 1, 2**31))


def test_a_long_line_in_parts_is_one_and_has_bounds():
    lines = Lines()
    part = "x" * 16_384
    frames = [Frame(1, frame(1, part, end=b"")[8:]) for _ in range(20)]
    assert [lines.line(each) for each in frames] == [None] * 20
    other = lines.line(Frame(1, frame(2, "of another", task="t2")[8:]))
    whole = lines.line(Frame(1, frame(3, "end")[8:]))
    assert other.text == "of another"
    assert whole.text.startswith(part)
    assert LONGEST < len(whole.text) < LONGEST + 100


def test_what_the_engine_says_of_itself_is_left_out():
    assert Lines().line(Frame(2, b"error from daemon in stream: Error grabbing logs: rpc error\n")) is None


def test_nothing_is_stored_twice_after_a_restart():
    made = intake(resumed=Resumed({"t1/stdout": AT + 2 * 10**9}))
    found = made.feed(b"".join(frame(n, f"line {n}") for n in range(1, 6)), 0.0) + made.end()
    assert [each.text for each in found] == ["line 3", "line 4", "line 5"]


def test_a_flood_is_thinned_and_one_that_is_far_behind_jumps():
    made = intake(meter=Meter(10, 10))
    found = made.feed(b"".join(frame(n / 1000, f"line {n}") for n in range(5000)), 0.0) + made.end()
    assert len(found) == 10
    assert made.newest == AT + 4_999_000_000
    assert made.meter.notice(2.0).startswith("4,990 lines left out")
    assert made.jump(AT / 1e9 + 6) is None
    assert made.jump(AT / 1e9 + 65).seconds == pytest.approx(60.001)


def test_a_record_waits_for_its_next_line_for_one_turn():
    made = intake()
    assert made.feed(frame(1, "Error: x"), 0.0) == []
    assert made.quiet() == []
    assert made.feed(frame(1.2, "    at y"), 0.0) == []
    assert made.quiet() == []
    assert [each.text for each in made.quiet()] == ["Error: x\n    at y"]


def test_only_who_wants_more_than_a_fair_share_gets_less_than_his_rate():
    base = {"a": 2000, "b": 2000, "c": 2000}
    assert rates({"a": 10, "b": 90_000, "c": 0}, base, 20_000) == base
    assert rates({"a": 10, "b": 90_000, "c": 80_000}, base, 3010) == {"a": 2000, "b": 1500, "c": 1500}


def test_operations_are_marked_at_their_beginning_and_end():
    begins, ends = Happened(12, "deploy", "succeeded", "ana", AT, AT + 42 * 10**9, release=8).marks()
    assert (begins.text, begins.at, begins.task) == (
        "deployment 12 begins, by ana",
        AT,
        "operation-12-begins",
    )
    assert ends.text == "deployment 12 succeeded after 42.0 s: release 8"
    [failed] = Happened(13, "rollback", "failed", "ana", 0, AT, cause="no image").marks()
    assert (failed.text, failed.level) == ("rollback 13 failed: no image", Level.ERROR)
    assert Happened(14, "scale", "queued", "ana", 0, 0).marks() == []
