"""How the CLI tells what went wrong: exit codes, and errors for people and for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

from havre.errors import (
    BuildError,
    Cancelled,
    CommandError,
    ConflictError,
    EngineError,
    HavreError,
    ManifestError,
    RolloutError,
    SecretError,
    ServerError,
    SourceError,
    UsageError,
)

OK = 0
FAILED = 1
CHANGES = 2
UNREACHABLE = 3
CONFLICT = 4
USAGE = 64  # EX_USAGE of sysexits.h; 2 would be what many tools say for "there are changes"
OUT_OF_TIME = 124  # as timeout(1)
NOT_RUN = 125  # as `docker run`
INTERRUPTED = 130

EXIT_CODES: dict[int, str] = {
    OK: "Done.",
    FAILED: "The operation failed or was cancelled, or a check of `havre doctor` failed.",
    CHANGES: "`havre plan` found changes, or drift. Nothing was changed.",
    UNREACHABLE: "Havre could not be reached, or it refused the token.",
    CONFLICT: "The request collides with what is running now; it may succeed later.",
    USAGE: "The command, a name in it, or `havre.yaml` is wrong. Nothing was changed.",
    OUT_OF_TIME: "`havre run`: the command's time was over, and it was stopped.",
    NOT_RUN: "`havre run`: the command could not be run, or was cancelled. "
    "Else `havre run` ends with the command's own exit code.",
    INTERRUPTED: "Interrupted by Ctrl-C. An operation that was being followed goes on.",
}
"""Every exit code of the ``havre`` command and its meaning."""

_KINDS: tuple[tuple[type[HavreError], int, str, int], ...] = (
    (ManifestError, USAGE, "Invalid manifest", 422),
    (UsageError, USAGE, "Invalid request", 422),
    (SecretError, USAGE, "Secret problem", 422),
    (ConflictError, CONFLICT, "Conflict", 409),
    (ServerError, UNREACHABLE, "Havre not reachable", 503),
    (EngineError, FAILED, "Engine problem", 503),
    (SourceError, FAILED, "Source problem", 500),
    (BuildError, FAILED, "Build failed", 500),
    (RolloutError, FAILED, "Rollout failed", 500),
    (CommandError, FAILED, "Command failed", 500),
    (Cancelled, FAILED, "Cancelled", 500),
    (HavreError, FAILED, "Failed", 500),
)


def exit_code(error: HavreError) -> int:
    """The exit code that this error ends the command with."""
    return next(code for kind, code, _, _ in _KINDS if isinstance(error, kind))


def problem(error: HavreError) -> dict[str, Any]:
    """The error as a problem document (RFC 9457), with hint and retryable as the API sends them."""
    title, status = next((title, status) for kind, _, title, status in _KINDS if isinstance(error, kind))
    return {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": headline(error),
        "hint": error.hint,
        "retryable": error.retryable,
        **({"log": error.detail} if error.detail else {}),
        **({"errors": found} if (found := places(error)) else {}),
    }


def headline(error: HavreError) -> str:
    """The message without the single problems that are listed below it."""
    found = places(error)
    if not found:
        return error.message
    return f"havre.yaml is not valid: {len(found)} problem{'s' if len(found) > 1 else ''}"


def places(error: HavreError) -> list[str]:
    """Every single problem of a manifest, each with its file, line and remedy; empty for other errors."""
    return [str(problem) for problem in getattr(error, "problems", ())]


def report(error: HavreError, *, as_json: bool) -> int:
    """Print the error on standard error; return the exit code."""
    if as_json:
        sys.stderr.write(json.dumps(problem(error)) + "\n")
        return exit_code(error)
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli.screen import complain  # noqa: PLC0415 - start-up time

    console = complain()
    console.print(Text.assemble(("error  ", "bold red"), Text(headline(error))), soft_wrap=True)
    for place in places(error):
        console.print(Text(f"       {place}"), soft_wrap=True)
    if error.detail:
        for line in error.detail.splitlines():
            console.print(Text.assemble(("     │ ", "dim"), Text.from_ansi(line)), soft_wrap=True)
    if error.hint:
        console.print(Text.assemble(("hint   ", "bold cyan"), Text(error.hint)), soft_wrap=True)
    return exit_code(error)
