"""``havre run``: a command in a release's image, its output passed on as if it ran here."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import CommandError, HavreError, UsageError
from havre.interfaces.cli import completion, trouble
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import (
    Consent,
    Passing,
    Place,
    open_client,
    request_operation,
    tell_operation,
)

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client, Received


@grouped
def run(
    ctx: typer.Context,
    *,
    service: Annotated[
        str,
        typer.Argument(
            help="The app in whose image the command runs.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ],
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND", help="Program and arguments; there is no shell.", show_default=False
        ),
    ],
    release: Annotated[
        int | None,
        typer.Option(
            "--release",
            metavar="N",
            min=1,
            help="The release in whose image it runs. Default: the live one.",
            show_default=False,
            autocompletion=completion.releases,
        ),
    ] = None,
    variables: Annotated[
        list[str] | None,
        typer.Option(
            "--env-var",
            metavar="NAME=VALUE",
            help="One more environment variable; it is recorded, so not for secrets. May be repeated.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        str,
        typer.Option("--timeout", metavar="TIME", help="Time after which it is stopped: 90s, 30m, 1d."),
    ] = "1h",
    place: Place,
    passing: Passing,
    consented: Consent,
) -> None:
    """Run a command once, in a release's image, with its variables, secrets, network and volumes.

    What it writes is passed on as it comes, and its exit code becomes the one of `havre run`: 124 where
    its time was over, 125 where it could not be run. It gets nothing on standard input. It runs beside
    deployments and goes on if the connection breaks; Ctrl-C stops it.
    """
    params = {
        "service": service,
        "command": command,
        "release": release,
        "variables": dict(_variable(text) for text in variables or ()),
        "timeout": seconds_of(timeout, option="--timeout"),
    }
    run_and_pass_on(ctx, "run", place, params, passing, consented=consented.yes_interrupt)


def run_and_pass_on(
    ctx: typer.Context,
    kind: str,
    place: Place,
    params: dict[str, Any],
    passing: Passing,
    *,
    consented: str = "",
) -> None:
    """Ask for a command, pass on what it writes and end with its exit code, or print its number.

    As :func:`~havre.interfaces.cli.session.run_operation`.
    """
    client = open_client(ctx)
    operation = request_operation(client, kind, place, params, consented=consented, ask=not passing.as_json)
    if passing.detach:
        tell_operation(operation, as_json=passing.as_json)
        return
    raise typer.Exit(pass_on(client, int(operation["id"]), as_json=passing.as_json))


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not NAME=VALUE", hint="write it like: --env-var LOG_LEVEL=debug")
    return name, value


def seconds_of(text: str, *, option: str) -> int:
    """Whole seconds of a duration as a manifest writes it, at least one.

    Raises:
        UsageError: it is not one.
    """
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - start-up time

    from havre.manifest.values import parse_duration  # noqa: PLC0415 - start-up time

    try:
        return max(1, round(parse_duration(text)))
    except PydanticCustomError as error:
        raise UsageError(
            f"{option} {text!r} is not a time", hint="write it like 90s, 30m or 1h30m"
        ) from error


def pass_on(client: Client, number: int, *, as_json: bool) -> int:
    """Show what a command writes until it ends; the exit code to end with.

    The first Ctrl-C asks to stop it, a second one stops the following.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    follower = _Follower(as_json=as_json)
    asked = False
    while True:
        try:
            for event in client.events(number, after=follower.last):
                follower.show(event)
            break
        except KeyboardInterrupt:
            if asked:
                screen.note(f"no longer following; see it end: havre operations follow {number}")
                return trouble.INTERRUPTED
            asked = True
            screen.note("stopping it; Ctrl-C again to stop waiting for that")
            _cancel(client, number)
    return trouble.INTERRUPTED if asked and follower.state == "cancelled" else follower.exit_code()


def _cancel(client: Client, number: int) -> None:
    try:
        client.post(f"/api/v1/operations/{number}/cancel")
    except HavreError as error:  # over a moment ago: the events tell
        from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

        screen.note(error.message)


class _Follower:
    """Writes the lines of each stream to the same stream here."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self.last = 0
        self.state = ""
        self._error: dict[str, Any] = {}
        self._result: dict[str, Any] = {}

    def show(self, event: Received) -> None:
        self.last = event.id
        if self._as_json:
            _write(sys.stdout, json.dumps({"id": event.id, "event": event.kind, "data": event.data}))
        elif event.kind == "log":
            to = sys.stdout if event.data.get("source") == "stdout" else sys.stderr
            _write(to, str(event.data.get("line", "")))
        if event.kind == "outcome":
            self.state = str(event.data.get("state"))
            self._error = event.data.get("error") or {}
            self._result = event.data.get("result") or {}

    def exit_code(self) -> int:
        """The command's own, else one that says why there is none."""
        code = self._result.get("exit_code")
        if code == 0 and self.state == "succeeded":
            return trouble.OK
        if not self._as_json:
            message = str(self._error.get("message") or f"it was {self.state}")
            hint = str(self._error.get("hint") or "")
            trouble.report(CommandError(message, hint=hint), as_json=False)
        if isinstance(code, int):
            return code or trouble.NOT_RUN
        return trouble.OUT_OF_TIME if self._result.get("timed_out") else trouble.NOT_RUN


def _write(stream: Any, line: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
    stream.flush()
