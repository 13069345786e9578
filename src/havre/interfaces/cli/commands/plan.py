"""Commands about differences: plan, apply, adopt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from havre.errors import HavreError, UsageError
from havre.interfaces.cli.commands.releases import requested_source
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import (
    Commit,
    Consent,
    Following,
    Json,
    Place,
    confirm,
    consent,
    open_client,
    request_operation,
    run_operation,
)
from havre.interfaces.cli.trouble import CHANGES

_FORMAT = 1


@grouped
def plan(
    ctx: typer.Context,
    *,
    place: Place,
    commit: Commit,
    drift: Annotated[
        bool, typer.Option("--drift", help="Only what was changed in the engine by hand; no source is read.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Save the plan for `havre apply FILE`.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a deployment would change. Changes nothing.

    The signs: + is created, ~ is updated, -/+ is replaced by a new one, - is deleted. What interrupts
    service or destroys something is marked. Ends with 0 if there is nothing to change, with 2 if there is.
    """
    from havre.interfaces.cli import plan_view, screen  # noqa: PLC0415 - start-up time

    if drift and (out or commit != Commit()):
        raise UsageError("--drift looks at the engine only", hint="leave out --out, --ref and --source")
    if drift:
        params: dict[str, Any] = {"drift": True}
    else:
        place, params = requested_source(ctx, place, commit, ask=False)
    made = _make(ctx, place, params, quiet=as_json)
    if out is not None:
        saved = {"havre_plan": _FORMAT, "source": params.get("source"), "plan": made}
        if params.get("subfolder"):
            saved["subfolder"] = params["subfolder"]
        _write(out, saved)
    if as_json:
        screen.print_json(made)
    else:
        console = screen.say()
        if not drift:
            console.print(plan_view.changes(made), soft_wrap=True)
        if drift or made["drift"]:
            console.print(plan_view.drift(made), soft_wrap=True)
        if out is not None:
            screen.note(f"saved; carry it out: havre apply {out}")
    if made["drift"] if drift else made["has_changes"]:
        raise typer.Exit(CHANGES)


@grouped
def apply(
    ctx: typer.Context,
    *,
    planfile: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLANFILE]",
            help="What `havre plan --out` saved. Without it a plan is made, shown and asked about.",
            show_default=False,
        ),
    ] = None,
    place: Place,
    commit: Commit,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before an ordinary plan.")] = False,
    consented: Consent,
    following: Following,
) -> None:
    """Carry out a plan, exactly that one: if anything has moved since, nothing is done.

    What was changed in the engine by hand is put back, without a failed request. What interrupts or
    destroys in a protected environment needs its name.
    """
    from havre.interfaces.cli import plan_view, screen  # noqa: PLC0415 - start-up time

    if planfile is not None:
        saved = _read(planfile)
        made, params = saved["plan"], {"source": saved.get("source"), "subfolder": saved.get("subfolder", "")}
    else:
        place, params = requested_source(ctx, place, commit, ask=not (yes or following.as_json))
        made = _make(ctx, place, params, quiet=following.as_json)
        del params["ref"]  # the plan names its commit
    if not following.as_json:
        screen.complain().print(plan_view.changes(made), soft_wrap=True)
    if not made["has_changes"]:
        return
    full_name = f"{made['project']}-{made['environment']}"
    dangers = [c for c in made["changes"] if c["interrupts"] or c["destructive"]]
    given = consented.yes_interrupt
    if made["protected"] and dangers:
        given = given or consent(
            full_name, f"{full_name} is protected, and this interrupts or destroys, see the marks above."
        )
    elif planfile is None and not (yes or given):
        if not sys.stdin.isatty():
            raise UsageError("a plan has to be confirmed", hint="in a script: --yes, or apply a saved plan")
        if not confirm("Apply this plan?"):
            raise typer.Exit(0)
    run_operation(
        ctx,
        "apply",
        Place(made["environment"], made["project"]),
        {**params, "plan": made},
        following,
        consented=given,
    )


@grouped
def adopt(
    ctx: typer.Context,
    *,
    place: Place,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Record what was changed in the engine by hand, so that it stays.

    Numbers of replicas are recorded as by `havre scale`, variables as by `havre env set`. For the rest
    it is said what to write into havre.yaml. Nothing is restarted. Ends with 2 if drift is left.
    """
    from havre.interfaces.cli import plan_view, screen  # noqa: PLC0415 - start-up time

    made = _make(ctx, place, {"drift": True}, quiet=as_json)
    ways = [each for each in made["adopt"] if each["way"]]
    if not as_json:
        screen.complain().print(plan_view.drift(made), soft_wrap=True)
    if ways:
        if not yes and not as_json:
            if not sys.stdin.isatty():
                raise UsageError("adopting has to be confirmed", hint="in a script: --yes")
            if not confirm(f"Adopt {', '.join(each['service'] + ' ' + each['path'] for each in ways)}?"):
                raise typer.Exit(0)
        done = _finish(ctx, "adopt", place, {"basis": made["basis"]}, quiet=as_json)
        made = _make(ctx, place, {"drift": True}, quiet=True)
        if not as_json:
            screen.note(f"adopted, as release {done.get('release')}: {'; '.join(done.get('adopted', ()))}")
    if as_json:
        screen.print_json({"adopted": ways, "drift": made["drift"], "adopt": made["adopt"]})
    elif made["drift"] and ways:
        screen.complain().print(plan_view.drift(made), soft_wrap=True)
    if made["drift"]:
        raise typer.Exit(CHANGES)


def _make(ctx: typer.Context, place: Place, params: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    made: dict[str, Any] = _finish(ctx, "plan", place, params, quiet=quiet)["plan"]
    return made


def _finish(
    ctx: typer.Context, kind: str, place: Place, params: dict[str, Any], *, quiet: bool
) -> dict[str, Any]:
    """Run an operation whose steps are of no interest, and give its result."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    operation = request_operation(client, kind, place, params)
    console = screen.complain()
    words = f"{kind} {operation['project']} {operation['environment']}"
    with console.status(words) if console.is_terminal and not quiet else _Nothing():
        for event in client.events(int(operation["id"])):
            if event.kind == "outcome":
                return _result(event.data)
    raise HavreError(f"operation {operation['id']} has no outcome")


def _result(outcome: dict[str, Any]) -> dict[str, Any]:
    if outcome.get("state") != "succeeded":
        error = outcome.get("error") or {}
        # What only looks changes nothing, so that a wrong name ends it as any wrong request does.
        kind = UsageError if error.get("kind") == "usage" else HavreError
        raise kind(
            str(error.get("message") or f"the operation was {outcome.get('state')}"),
            hint=str(error.get("hint") or ""),
            detail=str(error.get("detail") or ""),
            retryable=bool(error.get("retryable")),
        )
    result: dict[str, Any] = outcome.get("result") or {}
    return result


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _write(file: Path, saved: dict[str, Any]) -> None:
    try:
        file.write_text(json.dumps(saved, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error


def _read(file: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read as a plan", detail=str(error)) from error
    is_plan = isinstance(saved, dict) and isinstance(saved.get("plan"), dict) and saved["plan"].get("commit")
    if not is_plan or saved.get("havre_plan") != _FORMAT:
        raise UsageError(
            f"{file} is not a plan of this version of Havre", hint="make one: havre plan --out FILE"
        )
    return saved
