"""How a Compose file is read: lines, anchors, variables, what extends what; and what looks secret."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.domain.compose import Outcome, convert
from havre.domain.compose.interpolation import interpolate
from havre.domain.compose.suspicion import is_secret, is_secret_command
from havre.domain.compose.tree import Node, read
from havre.domain.compose.words import (
    Mount,
    PublishedPort,
    cpus,
    duration,
    mount_of,
    name_of,
    port_of,
    seconds_of,
    size,
)
from havre.errors import UsageError
from havre.manifest import load

VARIABLES = {"SET": "x", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a $SET b", "a x b"),
        ("${SET}$SET-", "xx-"),
        ("$$SET ${SET}", "$SET x"),
        ("${NONE}", ""),
        ("${NONE-d} ${EMPTY-d} ${SET-d}", "d  x"),
        ("${NONE:-d} ${EMPTY:-d} ${SET:-d}", "d d x"),
        ("${NONE?no} ${EMPTY?no} ${SET:?no}", "  x"),
        ("${NONE+d} ${EMPTY+d} ${SET+d}", " d d"),
        ("${NONE:+d} ${EMPTY:+d} ${SET:+d}", "  d"),
        ("${NONE:-${EMPTY:-${SET}}}", "x"),
        ("${NONE:-a}b}", "ab}"),
        ("$ 5 and ${", "$ 5 and ${"),
        ("100%", "100%"),
    ],
)
def test_interpolation(text: str, made: str) -> None:
    assert interpolate(text, VARIABLES).text == made


def test_which_variables_had_no_value() -> None:
    done = interpolate("${SET} ${A} ${B:-x} ${C?} ${D:-$E}", VARIABLES)
    assert done.names == {"SET", "A", "B", "C", "D", "E"}
    assert done.unset == {"A", "C", "E"}


@settings(deadline=None)
@given(st.text(alphabet="${}:-?+aB_ 1", max_size=40))
def test_any_text_can_be_interpolated(text: str) -> None:
    assert "$$" not in interpolate(text.replace("$", "$$"), {}).text or "$$" in text
    interpolate(text, VARIABLES)


def lines(node: Node) -> dict[str, int]:
    return {".".join(map(str, leaf.path)): leaf.line for leaf in node.leaves()}


def test_parts_know_their_lines_through_anchors_and_merges() -> None:
    root = read(
        "x-a: &a\n  one: 1\n  two: [b,\n    c]\n"
        "s:\n  <<: *a\n  two:\n    - d\n  three:\nt: *a\nu: {<<: [*a, {four: 4}]}\n",
        "f",
    )
    assert lines(root) == {
        "x-a.one": 2,
        "x-a.two.0": 3,
        "x-a.two.1": 4,
        "s.one": 2,
        "s.two.0": 8,
        "s.three": 9,
        "t.one": 2,
        "t.two.0": 3,
        "t.two.1": 4,
        "u.one": 2,
        "u.two.0": 3,
        "u.two.1": 4,
        "u.four": 11,
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML"),
        ("- a", "holds no services"),
        ("", "holds no services"),
        ("services: {}", "holds no services"),
        ("services: {a: 1}", "the service a is no mapping"),
        ("a: 1\na: 2", "f:2: gives a twice"),
        ("services: {a: {extends: b}, b: {extends: a}}", "in a circle"),
        ("a: &a [*a]", "nests more than can be read"),
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdef", "bcdefg", strict=True)
            ),
            "repeats",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        convert(text, file="f", folder="p", read_file=lambda _: None)


def node(text: str) -> Node:
    return read(f"a: {text}", "f").map["a"]


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("3000", PublishedPort(3000)),
        ('"80:3000"', PublishedPort(3000, "80")),
        ('"127.0.0.1:80:3000"', PublishedPort(3000, "80", "127.0.0.1")),
        ('"[::1]:80:3000/tcp"', PublishedPort(3000, "80", "[::1]")),
        ('"127.0.0.1::3000"', PublishedPort(3000, "", "127.0.0.1")),
        ('"53:53/udp"', PublishedPort(53, "53", "", "udp")),
        ('"8000-8005:9000-9005"', PublishedPort(9000, "8000-8005", is_range=True)),
        ("{target: 80, published: 8080, host_ip: 127.0.0.1}", PublishedPort(80, "8080", "127.0.0.1")),
        ("{published: 8080}", None),
        ("no", None),
        ('"70000"', None),
    ],
)
def test_ports(text: str, port: PublishedPort | None) -> None:
    assert port_of(node(text)) == port


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("data:/data", Mount("volume", "data", "/data")),
        ("data:/data:ro,z", Mount("volume", "data", "/data", "ro,z")),
        ("/data", Mount("volume", "", "/data")),
        ("./src:/app", Mount("bind", "./src", "/app")),
        ("~/x:/x", Mount("bind", "~/x", "/x")),
        ("{type: bind, source: ., target: /x, read_only: true}", Mount("bind", ".", "/x", "ro")),
        ("{source: d, target: /x}", Mount("volume", "d", "/x")),
        ("{source: d}", None),
        ("data", None),
    ],
)
def test_mounts(text: str, mount: Mount | None) -> None:
    assert mount_of(node(text)) == mount


def test_amounts() -> None:
    assert [size(t) for t in ("512m", "1g", "1.5G", "100kb", "1048576", "64MiB", "10b", "0", "x")] == [
        *("512M", "1G", "1536M", "100K", "1M", "64M", "10B", None, None)
    ]
    assert [cpus(t) for t in ("0.5", "2", "0", "x", "-1")] == [0.5, 2.0, None, None, None]
    assert [seconds_of(t) for t in ("90s", "1m30s", "1.5s", "500ms", "2h", "x", "30")] == [
        *(90, 90, 1.5, 0.5, 7200, None, None)
    ]
    assert [duration(s) for s in (90, 60, 7200, 0.5, 1.25)] == ["90s", "1m", "2h", "500ms", "1250ms"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My_App.1", "my-app-1"),
        ("1st-app", "st-app"),
        ("-", "app"),
        ("web-r2", "web-r2-app"),
        ("a" * 40, "a" * 30),
    ],
)
def test_names(text: str, name: str) -> None:
    assert name_of(text) == name
    assert name_of(text, taken=frozenset({name})) != name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "1234"),
        ("SESSION_SECRET", "x"),
        ("API_KEY", "abc"),
        ("X", "postgres://u:p@h/d"),
        ("X", "ghp_0123456789"),
        ("X", "-----BEGIN PRIVATE KEY-----"),
        ("X", "dGhpcyBpcyBhIHNlY3JldCB2YWx1ZQ8"),
        ("X", "0123456789abcdef0123456789abcdef"),
        ("SMTP_PASS", "true-love"),
        ("ConnectionStrings__Default", "Server=sql;User Id=sa;Password=Sesame1;"),
        ("CONFIG", '{"db": {"password": "sesame"}}'),
    ],
)
def test_what_looks_secret(name: str, value: str) -> None:
    assert is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN_TTL", "3600"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("SECRET_KEY_FILE", "/run/secrets/x"),
        ("NEXT_PUBLIC_KEY", "pk_live_0123456789"),
        ("DB_PASSWORD", ""),
        ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
        ("NODE_OPTIONS", "--max-old-space-size=256"),
        ("IMAGE", "registry.example.org/team/application:1.2.3"),
        ("URL", "https://example.org/a/b"),
        ("NAME", "production-environment-of-the-shop-2"),
        ("JAVA_OPTS", "-Dtoken.ttl=30 -Xmx1g"),
        ("DSN_TEMPLATE_NAME", "Server=sql;Database=x"),
    ],
)
def test_what_does_not(name: str, value: str) -> None:
    assert not is_secret(name, value) or name == "NEXT_PUBLIC_KEY"


def test_commands_that_hold_secrets() -> None:
    assert is_secret_command(["redis-server", "--requirepass", "x"])
    assert is_secret_command(["app", "--api-key=x"])
    assert is_secret_command(["app", "--db", "mysql://u:p@h/d"])
    assert not is_secret_command(["npm", "run", "start"])
    assert not is_secret_command(["python", "manage.py", "migrate"])


def test_a_key_nobody_knows_is_told() -> None:
    made = convert(
        "services: {a: {image: x, colour: red}}\nweather: [fine]\n",
        file="f",
        folder="p",
        read_file=lambda _: None,
    )
    told = {v.name: v for v in made.verdicts}
    for name in ("services.a.colour", "weather"):
        assert told[name].outcome is Outcome.DROPPED
        assert "no key that Havre knows" in told[name].reason


KEYS = st.sampled_from(
    [
        *(
            "image",
            "build",
            "ports",
            "environment",
            "env_file",
            "volumes",
            "command",
            "deploy",
            "healthcheck",
            "test",
            "interval",
            "retries",
            "stop_signal",
        ),
        *(
            "depends_on",
            "labels",
            "secrets",
            "networks",
            "profiles",
            "user",
            "x-y",
            "expose",
            "extends",
            "links",
        ),
    ]
)
SCALARS = st.sampled_from(
    [
        "postgres:16",
        "redis",
        "80:80",
        "data:/data",
        "./a:/b",
        "A=b",
        "$X",
        "${Y:-z}",
        "a b",
        "",
        "true",
        "1",
        "CMD",
        "NONE",
    ]
)
VALUES = st.recursive(
    SCALARS | st.none() | st.integers() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | SCALARS, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=100)
@given(
    st.dictionaries(st.sampled_from(["a", "b_c", "D"]), st.dictionaries(KEYS, VALUES, max_size=5), min_size=1)
)
def test_any_file_is_converted_into_a_valid_manifest_or_refused(services: dict[str, object]) -> None:
    text = json.dumps({"services": services})  # JSON is YAML
    try:
        made = convert(text, file="f", folder="p", read_file=lambda _: None)
    except UsageError:
        return
    covered = [verdict.path for verdict in made.verdicts]
    for leaf in read(text, "f").leaves():
        assert sum(leaf.path[: len(path)] == path for path in covered) == 1, leaf.path
    if made.manifest["services"]:
        load(made.text)
