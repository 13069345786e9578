"""Health checks of a Compose file: a URL, a command, a port, or none of them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from havre.domain.compose import Conversion, Outcome, convert
from havre.domain.compose.known import STOP_SIGNALS
from havre.manifest import load
from havre.manifest.values import StopSignal


def made_of(check: dict[str, Any], files: dict[str, str] | None = None, **service: object) -> Conversion:
    body = {"image": "acme/worker", "healthcheck": check, **service}
    if "build" in service:
        del body["image"]
    made = convert(
        json.dumps({"services": {"jobs": body}}), file="f", folder="p", read_file=(files or {}).get
    )
    load(made.text)
    return made


def app_of(made: Conversion) -> dict[str, Any]:
    return dict(made.manifest["services"]["jobs"])


def verdict(made: Conversion, name: str) -> tuple[Outcome, str]:
    (found,) = [v for v in made.verdicts if v.name == f"services.jobs.{name}"]
    return found.outcome, found.reason


@pytest.mark.parametrize(
    ("test", "command"),
    [
        ("pg_isready -U shop || exit 1", ["pg_isready", "-U", "shop"]),
        (["CMD", "redis-cli", "ping"], ["redis-cli", "ping"]),
        (["CMD-SHELL", "celery -A app inspect ping"], ["celery", "-A", "app", "inspect", "ping"]),
        (["CMD-SHELL", "pg_isready -U $$USER"], ["sh", "-c", "pg_isready -U $USER"]),
        ("cd /app && ./alive", ["sh", "-c", "cd /app && ./alive"]),
        ("exec ./alive", ["sh", "-c", "exec ./alive"]),
        (
            'redis-cli -a "$$REDIS_PASSWORD" ping | grep PONG',
            ["sh", "-c", 'redis-cli -a "$REDIS_PASSWORD" ping | grep PONG'],
        ),
        ("mysqladmin ping --password=$$MYSQL_PASSWORD -h db", None),
        (["CMD", "nc", "-z", "other", "5672"], ["nc", "-z", "other", "5672"]),
        ("nc -uz localhost 53", ["nc", "-uz", "localhost", "53"]),
        ("curl -f http://localhost:$$PORT/up", ["sh", "-c", "curl -f http://localhost:$PORT/up"]),
        ("curl -f http://localhost:5672/up", ["curl", "-f", "http://localhost:5672/up"]),
    ],
)
def test_a_command_says_when_it_is_ready(test: object, command: list[str] | None) -> None:
    made = made_of({"test": test})
    if command is None:
        command = ["sh", "-c", str(test).replace("$$", "$")]
    assert app_of(made)["ready"] == {"command": command}
    is_same = isinstance(test, list) and test[0] == "CMD"
    assert verdict(made, "healthcheck.test")[0] is (Outcome.CARRIED if is_same else Outcome.CHANGED)
    assert not made.warnings


@pytest.mark.parametrize(
    "test",
    [
        "nc -z localhost 5672",
        ["CMD-SHELL", "nc -zv -w 2 127.0.0.1 5672 || exit 1"],
        ["CMD", "nc", "-z", "jobs", "5672"],
        ["CMD", "bash", "-c", "exec 3<>/dev/tcp/localhost/5672"],
        'timeout 1 bash -c "</dev/tcp/127.0.0.1/5672" || exit 1',
        "(echo > /dev/tcp/localhost/5672) &>/dev/null",
    ],
)
def test_a_port_that_is_only_connected_to(test: object) -> None:
    made = made_of({"test": test, "interval": "30s"})
    assert app_of(made)["ready"] == {"tcp": 5672}
    assert verdict(made, "healthcheck.test")[0] is Outcome.CHANGED
    assert "every two seconds" in verdict(made, "healthcheck.interval")[1]


def test_its_times() -> None:
    check = {"test": ["CMD", "x"], "interval": "1m30s", "timeout": "3s", "retries": 5, "start_period": "20s"}
    made = made_of({**check, "start_interval": "1s"})
    assert app_of(made)["ready"] == {
        "command": ["x"],
        "interval": "90s",
        "timeout": "3s",
        "retries": 5,
        "start_period": "20s",
    }
    for key in check:
        assert verdict(made, f"healthcheck.{key}")[0] is Outcome.CARRIED
    assert verdict(made, "healthcheck.start_interval")[0] is Outcome.DROPPED


@pytest.mark.parametrize(
    ("check", "part", "reason"),
    [
        ({"disable": True}, "", "runs for three seconds"),
        ({"test": ["NONE"]}, "", "runs for three seconds"),
        ({"interval": "3s"}, "", "runs for three seconds"),
        ({"test": ["pg_isready"]}, ".test", "neither CMD nor CMD-SHELL"),
        ({"test": ["CMD", ""]}, ".test", "neither CMD nor CMD-SHELL"),
        ({"test": "pg_isready -U ${NOBODY}"}, ".test", "NOBODY has no value"),
        ({"test": "mysqladmin ping -phushhush"}, ".test", "hold a secret"),
    ],
)
def test_what_cannot_be_carried_over(check: dict[str, Any], part: str, reason: str) -> None:
    made = made_of(check)
    outcome, why = verdict(made, f"healthcheck{part}")
    assert (outcome, "ready" in app_of(made)) == (Outcome.DROPPED, False)
    assert reason in why
    assert bool(made.warnings) == bool(part)


def test_an_app_with_a_port_keeps_its_guess() -> None:
    made = made_of({"test": ["CMD", "/bin/healthz"]}, ports=["3000"])
    assert (app_of(made)["port"], app_of(made)["health"]) == (3000, "/")
    assert "ready" not in app_of(made)


@pytest.mark.parametrize(
    ("check", "part"),
    [
        ({"test": ["NONE"]}, "test"),
        ({"disable": True}, "disable"),
        ({"disable": "yes", "test": "curl -f http://localhost/live"}, "test"),
    ],
)
def test_an_app_with_a_port_whose_check_is_switched_off_is_asked_at_a_guess(
    check: dict[str, Any], part: str
) -> None:
    made = made_of(check, ports=["3000"])
    assert app_of(made)["health"] == "/"
    assert verdict(made, f"healthcheck.{part}")[0] is Outcome.DROPPED
    assert "here at /" in verdict(made, f"healthcheck.{part}")[1]
    assert made.warnings == ("jobs: its health check is switched off, so health: / is a guess",)
    assert "health: a guess" in made.text


def test_times_alone_are_no_health_check() -> None:
    made = made_of({"timeout": "3s", "disable": False}, ports=["3000"])
    assert made.warnings == ("jobs: no health check is told, so health: / is a guess",)


@pytest.mark.parametrize("said", [False, "no", "off", "0"])
def test_a_check_that_is_not_disabled_is_kept(said: object) -> None:
    made = made_of({"test": "curl -f http://localhost/live", "disable": said}, ports=["80"])
    assert app_of(made)["health"] == "/live"
    assert verdict(made, "healthcheck.disable")[0] is Outcome.CARRIED
    assert not made.warnings
    made = made_of({"test": ["CMD", "pg_isready"], "disable": said})
    assert app_of(made)["ready"] == {"command": ["pg_isready"]}
    assert verdict(made, "healthcheck.disable") == (Outcome.CARRIED, "")


def test_a_worker_of_an_image_that_exposes_a_port_takes_no_requests() -> None:
    files = {"./Dockerfile": "FROM x\nEXPOSE 8000\n"}
    made = made_of({"test": ["CMD", "celery", "inspect", "ping"]}, files, build=".")
    assert "port" not in app_of(made)
    assert app_of(made_of({"retries": 3}, files, build="."))["port"] == 8000


def test_a_url_without_a_port_has_that_of_its_scheme() -> None:
    assert app_of(made_of({"test": "wget -q http://localhost/up"}))["port"] == 80
    assert app_of(made_of({"test": "wget -q http://localhost/up"}))["health"] == "/up"


@pytest.mark.parametrize(
    ("said", "signal", "outcome"),
    [
        ("SIGQUIT", "SIGQUIT", Outcome.CARRIED),
        ("quit", "SIGQUIT", Outcome.CHANGED),
        ("2", "SIGINT", Outcome.CHANGED),
        ("SIGKILL", None, Outcome.DROPPED),
        ("SIGRTMIN+3", None, Outcome.DROPPED),
    ],
)
def test_signals(said: str, signal: str | None, outcome: Outcome) -> None:
    made = made_of({}, stop_signal=said)
    assert app_of(made).get("stop_signal") == signal
    assert verdict(made, "stop_signal")[0] is outcome


def test_signals_are_those_of_a_manifest() -> None:
    assert set(STOP_SIGNALS.values()) == set(get_args(StopSignal))
