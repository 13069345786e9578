"""Commands about differences: plan, apply, adopt."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from havre.errors import HavreError, UsageError
from havre.interfaces.cli.commands.releases import requested_source
from havre.interfaces.cli.session import (
    PRODUCTION,
    Detach,
    Environment,
    Events,
    Json,
    Project,
    Verbose,
    YesInterrupt,
    confirm,
    consent,
    open_client,
    project_of,
    run_operation,
)
from havre.interfaces.cli.trouble import CHANGES

_FORMAT = 1

Source = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="PATH|URL",
        help="The repository: a folder of this server or a Git URL. Default: the one around this folder.",
        show_default=False,
    ),
]
Subfolder = Annotated[
    str,
    typer.Option(
        "--subfolder",
        metavar="PATH",
        help="Where havre.yaml is inside the repository.",
        show_default=False,
    ),
]
Ref = Annotated[
    str,
    typer.Option(
        "--ref",
        metavar="REF",
        help="Branch, tag or commit. Default: the environment's branch in havre.yaml.",
        show_default=False,
    ),
]


def plan(
    ctx: typer.Context,
    *,
    environment: Environment = PRODUCTION,
    project: Project = "",
    source: Source = "",
    subfolder: Subfolder = "",
    ref: Ref = "",
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

    if drift and (out or ref or source or subfolder):
        raise UsageError("--drift looks at the engine only", hint="leave out --out, --ref and --source")
    if drift:
        request = _request("plan", project_of(project), environment, {"drift": True})
    else:
        name, params = requested_source(
            ctx, project=project, source=source, subfolder=subfolder, ref=ref, ask=False
        )
        request = _request("plan", name, environment, {**params, "ref": ref or None})
    made = _make(ctx, request, quiet=as_json)
    if out is not None:
        saved = {"havre_plan": _FORMAT, "source": request["params"].get("source"), "plan": made}
        if request["params"].get("subfolder"):
            saved["subfolder"] = request["params"]["subfolder"]
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
    environment: Environment = PRODUCTION,
    project: Project = "",
    source: Source = "",
    subfolder: Subfolder = "",
    ref: Ref = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before an ordinary plan.")] = False,
    yes_interrupt: YesInterrupt = "",
    detach: Detach = False,
    as_json: Events = False,
    verbose: Verbose = False,
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
        name, params = requested_source(
            ctx, project=project, source=source, subfolder=subfolder, ref=ref, ask=not (yes or as_json)
        )
        request = _request("plan", name, environment, {**params, "ref": ref or None})
        made = _make(ctx, request, quiet=as_json)
    if not as_json:
        screen.complain().print(plan_view.changes(made), soft_wrap=True)
    if not made["has_changes"]:
        return
    full_name = f"{made['project']}-{made['environment']}"
    dangers = [c for c in made["changes"] if c["interrupts"] or c["destructive"]]
    given = yes_interrupt
    if made["protected"] and dangers:
        given = given or consent(full_name, "This interrupts or destroys, see the marks above.")
    elif planfile is None and not (yes or yes_interrupt):
        if not sys.stdin.isatty():
            raise UsageError("a plan has to be confirmed", hint="in a script: --yes, or apply a saved plan")
        if not confirm("Apply this plan?"):
            raise typer.Exit(0)
    run_operation(
        ctx,
        _request("apply", made["project"], made["environment"], {**params, "plan": made, "confirm": given}),
        detach=detach,
        as_json=as_json,
        verbose=verbose,
    )


def adopt(
    ctx: typer.Context,
    *,
    environment: Environment = PRODUCTION,
    project: Project = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Record what was changed in the engine by hand, so that it stays.

    Numbers of replicas are recorded as by `havre scale`, variables as by `havre env set`. For the rest
    it is said what to write into havre.yaml. Nothing is restarted. Ends with 2 if drift is left.
    """
    from havre.interfaces.cli import plan_view, screen  # noqa: PLC0415 - start-up time

    name = project_of(project)
    looking = _request("plan", name, environment, {"drift": True})
    made = _make(ctx, looking, quiet=as_json)
    ways = [each for each in made["adopt"] if each["way"]]
    if not as_json:
        screen.complain().print(plan_view.drift(made), soft_wrap=True)
    if ways:
        if not yes and not as_json:
            if not sys.stdin.isatty():
                raise UsageError("adopting has to be confirmed", hint="in a script: --yes")
            if not confirm(f"Adopt {', '.join(each['service'] + ' ' + each['path'] for each in ways)}?"):
                raise typer.Exit(0)
        done = _finish(ctx, _request("adopt", name, environment, {"basis": made["basis"]}), quiet=as_json)
        made = _make(ctx, looking, quiet=True)
        if not as_json:
            screen.note(f"adopted, as release {done.get('release')}: {'; '.join(done.get('adopted', ()))}")
    if as_json:
        screen.print_json({"adopted": ways, "drift": made["drift"], "adopt": made["adopt"]})
    elif made["drift"] and ways:
        screen.complain().print(plan_view.drift(made), soft_wrap=True)
    if made["drift"]:
        raise typer.Exit(CHANGES)


def _request(kind: str, project: str, environment: str, params: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "project": project, "environment": environment, "params": params}


def _make(ctx: typer.Context, request: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    made: dict[str, Any] = _finish(ctx, request, quiet=quiet)["plan"]
    return made


def _finish(ctx: typer.Context, request: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Run an operation whose steps are of no interest, and give its result."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    operation = client.post("/api/v1/operations", request)
    console = screen.complain()
    words = f"{request['kind']} {request['project']} {request['environment']}"
    with console.status(words) if console.is_terminal and not quiet else _Nothing():
        for event in client.events(int(operation["id"])):
            if event.kind == "outcome":
                return _result(event.data)
    raise HavreError(f"operation {operation['id']} has no outcome")


def _result(outcome: dict[str, Any]) -> dict[str, Any]:
    if outcome.get("state") != "succeeded":
        error = outcome.get("error") or {}
        raise HavreError(
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
