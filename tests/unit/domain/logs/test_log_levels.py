from __future__ import annotations

import json

import pytest

from havre.domain.logs.levels import Level, at_least, by_name, fields_of, level_of, message_of


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ('{"level":30,"time":1,"msg":"pino"}', Level.INFO),
        ('{"level":50,"msg":"pino"}', Level.ERROR),
        ('{"severity":"WARNING","message":"gcp"}', Level.WARN),
        ('{"levelname":"CRITICAL","event":"structlog"}', Level.FATAL),
        ('{"msg":"an ERROR that is told by nobody"}', Level.UNKNOWN),
        ("level=warn msg=logfmt err=none", Level.WARN),
        ("2026-11-30 16:54:26.123 UTC [71] LOG:  checkpoint starting: time", Level.INFO),
        ('2026-11-30 16:54:26.123 UTC [71] ERROR:  relation "x" does not exist', Level.ERROR),
        ("2026-11-30 16:54:26.123 UTC [71] FATAL:  password authentication failed", Level.FATAL),
        ("[Nest] 17  - 11/30/2026, 4:54:26 PM     LOG [NestFactory] Starting", Level.INFO),
        ("\x1b[31m[Nest] 17  - \x1b[39m  ERROR [ExceptionsHandler] boom", Level.ERROR),
        ("1:M 30 Nov 2026 16:54:26.123 * Ready to accept connections tcp", Level.INFO),
        ("1:M 30 Nov 2026 16:54:26.123 # WARNING overcommit_memory is off", Level.WARN),
        ("2026/11/30 16:54:26 [error] 7#7: *1 open() failed", Level.ERROR),
        ("INFO:     127.0.0.1:1 - GET / HTTP/1.1", Level.INFO),
        ("warning: the rest is in lower case", Level.WARN),
        ("Error: connect ECONNREFUSED", Level.ERROR),
        ("TypeError [ERR_X]: no", Level.ERROR),
        ("java.lang.NullPointerException: null", Level.ERROR),
        ("Traceback (most recent call last):", Level.ERROR),
        ("panic: runtime error: index out of range", Level.FATAL),
        ("an error of the past, told in a sentence", Level.UNKNOWN),
        ("GET /errors/ERROR/x 200", Level.UNKNOWN),
        ("{not json} ERROR x", Level.ERROR),
        ("", Level.UNKNOWN),
    ],
)
def test_a_level_is_found_where_programs_write_it(text, level):
    assert level_of(text) is level


def test_json_is_read_only_where_it_is_an_object():
    assert fields_of('{"a": 1}\n') == {"a": 1}
    assert fields_of("[1]") is None
    assert fields_of('{"a": ') is None
    assert fields_of('{"a":' * 100_000 + "}") is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"msg": "a"}, "a"),
        ({"message": "b", "event": "c"}, "b"),
        ({"err": {"message": "d"}}, "d"),
        ({"error": "e"}, "e"),
        ({"n": 1, "msg": 7}, ""),
    ],
)
def test_the_message_of_json(fields, message):
    assert message_of(fields) == message
    assert message_of(json.loads(json.dumps(fields))) == message


def test_a_filter_takes_what_tells_no_level_for_information():
    assert at_least(Level.ERROR) == (1 << 5) | (1 << 6)
    assert at_least(Level.INFO) & 1
    assert not at_least(Level.WARN) & 1
    assert at_least(Level.UNKNOWN) == (1 << 7) - 1


def test_levels_have_the_names_that_people_know():
    assert by_name("Warning") is Level.WARN
    assert by_name("critical") is Level.FATAL
    with pytest.raises(ValueError, match="trace, debug, info, warn, error, fatal"):
        by_name("loud")
