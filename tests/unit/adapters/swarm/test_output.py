"""Logs as the engine sends them."""

from __future__ import annotations

import struct

from havre.adapters.swarm.output import Line, _epoch, lines_of


def frame(stream: int, text: str) -> bytes:
    content = text.encode()
    return struct.pack(">BxxxL", stream, len(content)) + content


AT = "2026-01-31T12:03:05.123456789Z"
LATER = "2026-01-31T12:03:05.123456999Z"


def test_streams_stay_apart_and_in_order() -> None:
    content = frame(1, f"{AT} one\n") + frame(2, f"{LATER} two\r\n") + frame(1, f"{LATER} \n")
    assert list(lines_of(content)) == [
        Line(AT, "stdout", "one"),
        Line(LATER, "stderr", "two"),
        Line(LATER, "stdout", ""),
    ]


def test_pieces_of_a_long_line_become_one_again() -> None:
    content = (
        frame(1, f"{AT} abc") + frame(2, f"{AT} x\n") + frame(1, f"{LATER} def\n") + frame(1, f"{AT} end")
    )
    assert [line.text for line in lines_of(content)] == ["x", "abcdef", "end"]


def test_a_services_log_is_narrowed_to_one_task() -> None:
    content = frame(1, f"{AT} com.docker.swarm.node.id=n,com.docker.swarm.task.id=t1 mine\n") + frame(
        1, f"{AT} com.docker.swarm.task.id=t2 another's\n"
    )
    assert [line.text for line in lines_of(content, task="t1")] == ["mine"]


def test_what_is_cut_off_in_the_middle_is_not_an_error() -> None:
    whole = frame(1, f"{AT} one\n")
    assert [line.text for line in lines_of(whole + whole[:5])] == ["one"]


def test_a_time_goes_back_to_the_engine_to_the_nanosecond() -> None:
    assert _epoch(AT) == "1769860985.123456789"
    assert _epoch("1970-01-01T00:00:01Z") == "1.000000000"
