"""The command as a process of its own: exit codes, streams, start-up, a terminal, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.api_examples import BAD, GOOD, operation
from support.api_stand_in import PAUSE, StandIn, wait_for
from support.terminal import Terminal

COMMAND = [sys.executable, "-m", "havre"]
EVENTS = "/api/v1/operations/7/events"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_help_starts_quickly_and_imports_nothing_heavy() -> None:
    probe = (
        "import sys; sys.argv = ['havre', '--help']\n"
        "from havre.interfaces.cli.app import run\n"
        "try: run()\nexcept SystemExit: pass\n"
        "print('LOADED', *sorted(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.partition("LOADED")[2].split())
    heavy = {
        "django",
        "httpx",
        "docker",
        "pydantic",
        "ruamel.yaml",
        "havre.config",
        "havre.operations.doctor",
    }
    assert not heavy & modules


def test_no_command_but_the_servers_imports_django(api: StandIn) -> None:
    api.answer("GET", "/api/v1/projects", [])
    probe = (
        "import sys\n"
        "from havre.interfaces.cli.app import run\n"
        "for words in (['projects'], ['doctor'], ['manifest', 'sample'], ['version']):\n"
        "    sys.argv = ['havre', *words]\n"
        "    try: run()\n"
        "    except SystemExit: pass\n"
        "print('django' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


def test_not_reachable_is_3_with_the_remedy(tmp_path: Path) -> None:
    done = run("projects", HAVRE_SOCKET=str(tmp_path / "none.sock"))
    assert done.returncode == 3
    assert done.stdout == ""
    assert "error  Havre is not running here" in done.stderr
    assert "hint   start it by `havre serve`" in done.stderr


def test_errors_for_programs_are_problems_on_standard_error(tmp_path: Path, api: StandIn) -> None:
    api.answer("POST", "/api/v1/operations", {"detail": "busy", "hint": "later", "retryable": True}, 409)
    done = run("restart", "-p", "shop", "--json")
    assert done.returncode == 4
    assert done.stdout == ""
    problem = json.loads(done.stderr)
    assert (problem["detail"], problem["hint"], problem["retryable"]) == ("busy", "later", True)


def test_an_unknown_option_is_64() -> None:
    assert run("deploy", "--nope").returncode == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("operations", "list", "-n", "-5", "--json"), "'--limit' / '-n'"),
        (("ps", "--json", "--nope"), "--nope"),
        (("operations", "show", "--json"), "Missing argument"),
        (("nope", "--json"), "nope"),
    ],
)
def test_wrong_use_is_a_problem_for_programs_too(arguments: tuple[str, ...], words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (64, "")
    problem = json.loads(done.stderr)
    assert words in problem["detail"]
    assert problem["hint"].startswith("see havre")
    assert problem["status"] == 422


def test_help_and_what_is_for_another_program_are_no_problem() -> None:
    shown = run("operations", "list", "--json", "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Usage" in shown.stdout
    assert "No such option" in run("run", "--nope", "--", "x", "--json").stderr


def test_a_manifest_tells_every_problem_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "havre.yaml").write_text("project: Shop\nservices:\n  api: {kind: ap}\n")
    done = run("manifest", "check", str(tmp_path / "havre.yaml"))
    assert done.returncode == 64
    assert "havre.yaml:1:" in done.stderr
    assert "havre.yaml:3:" in done.stderr
    assert len(json.loads(run("manifest", "check", "--json").stderr)["errors"]) >= 2


def test_the_sample_is_valid(tmp_path: Path) -> None:
    (tmp_path / "havre.yaml").write_text(run("manifest", "sample").stdout)
    assert run("manifest", "check").returncode == 0
    assert "$schema" in json.loads(run("manifest", "schema").stdout)


def test_a_failed_check_of_the_doctor_is_1(tmp_path: Path) -> None:
    done = run(
        "doctor", "--json", HAVRE_DOCKER_HOST=f"unix://{tmp_path}/none.sock", HAVRE_STATE=str(tmp_path)
    )
    assert done.returncode == 1
    levels = {each["check"]: each["level"] for each in json.loads(done.stdout)}
    assert levels["Docker engine"] == "failed"
    assert levels["Swarm"] == "skipped"


def test_ctrl_c_ends_the_following_and_not_the_operation(api: StandIn) -> None:
    api.streams[EVENTS] = [[GOOD[0], PAUSE]]
    process = subprocess.Popen(
        [*COMMAND, "restart", "-p", "shop"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: api.of("GET", EVENTS), 30)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "build api …" in out
    assert "operation 7 goes on" in err
    assert "havre operations cancel 7" in err
    assert not api.of("POST", "/api/v1/operations/7/cancel")


def test_in_a_terminal_steps_are_live_with_the_last_lines_of_the_log(api: StandIn) -> None:
    api.streams[EVENTS] = [[*GOOD[:2], PAUSE, *GOOD[2:]]]
    terminal = Terminal([*COMMAND, "deploy", "-p", "shop"])
    shown = terminal.read("RUN pnpm build")
    assert "build api" in shown
    assert "switch" in shown  # still pending
    api.resume.set()
    assert terminal.end() == 0
    assert "✔ build api" in terminal.text
    assert "2 replicas" in terminal.text
    assert "shop production deployed" in terminal.text
    assert "https://shop.example" in terminal.text


def test_in_a_terminal_a_failure_shows_the_log_and_the_cause(api: StandIn) -> None:
    api.streams[EVENTS] = [BAD]
    terminal = Terminal([*COMMAND, "deploy", "-p", "shop"])
    assert terminal.end() == 1
    assert "✘ build api" in terminal.text
    assert "RUN pnpm build" in terminal.text
    assert "could not be built" in terminal.text


def test_a_secret_is_asked_for_twice_and_not_shown(api: StandIn) -> None:
    api.answer("PUT", "/api/v1/environments/shop/production/secrets/smtp", {"name": "smtp", "version": 1})
    terminal = Terminal([*COMMAND, "secrets", "set", "smtp", "-p", "shop"])
    terminal.read("Value of smtp: ")  # with the space: only then nothing is echoed
    terminal.type("hunter2\n")
    terminal.read("Repeat for confirmation: ")
    terminal.type("hunter2\n")
    assert terminal.end() == 0
    assert api.asked[0].body == {"value": "hunter2"}
    assert "hunter2" not in terminal.text


def test_destroying_asks_for_the_name(api: StandIn) -> None:
    api.answer("POST", "/api/v1/operations", operation(kind="destroy"), 202)
    terminal = Terminal([*COMMAND, "destroy", "-p", "shop"])
    terminal.read("to go on")
    terminal.type("shop\n")
    assert terminal.end() == 64
    assert api.asked == []
    terminal = Terminal([*COMMAND, "destroy", "-p", "shop", "--volumes"])
    terminal.read("ALL ITS DATA")
    terminal.type("shop-production\n")
    assert terminal.end() == 0
    assert api.asked[0].body["params"] == {"volumes": True, "confirm": "shop-production"}


@pytest.mark.parametrize("arguments", [["--help"], ["deploy", "--help"], ["secrets", "set", "--help"]])
def test_help_fits_80_columns(arguments: list[str]) -> None:
    done = run(*arguments, COLUMNS="80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80
