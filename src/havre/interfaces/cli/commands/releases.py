"""Commands that change what runs: deploy, rollback, scale, restart, destroy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import (
    Commit,
    Consent,
    Following,
    Place,
    confirm,
    open_client,
    project_of,
    prompt,
    run_operation,
)

if TYPE_CHECKING:
    from havre.interfaces.cli.target import Deployment


@grouped
def deploy(
    ctx: typer.Context,
    *,
    place: Place,
    commit: Commit,
    following: Following,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask about changes that are not committed.")
    ] = False,
    consented: Consent,
) -> None:
    """Build a commit and make it the running release, without a failed request.

    The new release is started beside the old one and gets the traffic when it is healthy. If it does not
    get there, it is removed, the old one has never stopped serving, and the cause is shown.
    """
    found, params = requested_source(ctx, place, commit, ask=not (yes or following.as_json))
    run_operation(ctx, "deploy", found, params, following, consented=consented.yes_interrupt)


def requested_source(
    ctx: typer.Context, place: Place, commit: Commit, *, ask: bool
) -> tuple[Place, dict[str, Any]]:
    """The place with its project, and the parameters that say which commit is meant.

    Raises:
        UsageError: nothing says what to deploy, or Havre could not read it.
    """
    from havre.interfaces.cli import target  # noqa: PLC0415 - start-up time

    wanted = target.deployment(
        Path.cwd(), project=place.project, source=commit.source, subfolder=commit.subfolder
    )
    ref = commit.ref
    if wanted.checkout is not None:
        if wanted.checkout.root is not None:
            ref = target.ref_of(wanted.checkout.root, ref)
        wanted = _reachable_source(ctx, wanted)
        _mention_changes(wanted, ref=ref, ask=ask)
    params = {"source": wanted.source, "subfolder": wanted.subfolder, "ref": ref or None}
    return Place(place.environment, wanted.project), params


def _reachable_source(ctx: typer.Context, wanted: Deployment) -> Deployment:
    """The deployment with a source that Havre can read: over HTTPS, not a folder of this machine."""
    from dataclasses import replace  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen, target  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    root = wanted.checkout.root if wanted.checkout else None
    if client.connection.local or root is None:
        return wanted
    ahead = target.unpushed(root)
    if ahead:
        screen.warn(
            f"{ahead} commit{'s are' if ahead > 1 else ' is'} not pushed; Havre deploys from the remote"
        )
    known = {row["name"]: row.get("source") for row in client.get("/api/v1/projects")}
    if known.get(wanted.project):
        return replace(wanted, source=None)
    url = target.origin(root)
    if not target.is_url(url):
        raise UsageError(
            f"Havre is elsewhere and cannot read {root}, which has no remote named origin",
            hint=f"push it somewhere and name that: havre deploy -p {wanted.project} --source URL",
        )
    return replace(wanted, source=url)


def _mention_changes(wanted: Deployment, *, ref: str, ask: bool) -> None:
    """Warn that only commits are deployed, if this work tree has more than its commit."""
    from havre.interfaces.cli import screen, target  # noqa: PLC0415 - start-up time

    root = wanted.checkout.root if wanted.checkout else None
    if root is None or ref:
        return
    commit, subject = target.head(root)
    changed = target.changes(root)
    if not changed:
        return
    few = 3
    named = ", ".join(changed[:few]) + (f" and {len(changed) - few} more" if len(changed) > few else "")
    screen.warn(f"not committed and so not deployed: {named} (last commit: {screen.short(commit)} {subject})")
    if ask and sys.stdin.isatty() and not confirm("Deploy without these changes?"):
        raise typer.Exit(0)


@grouped
def rollback(
    ctx: typer.Context,
    *,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[N]",
            help="The release to return to. Default: the one before.",
            show_default=False,
            autocompletion=completion.releases,
        ),
    ] = None,
    with_data: Annotated[
        bool,
        typer.Option(
            "--with-data",
            help="The database too, as it was before a release command followed that release.",
        ),
    ] = False,
    only_plan: Annotated[
        bool, typer.Option("--dry-run", help="With --with-data: only say what would be done, and lost.")
    ] = False,
    yes_rollback: Annotated[
        str,
        typer.Option(
            "--yes-rollback",
            metavar="PROJECT-ENVIRONMENT",
            help="With --with-data: the name, for scripts. Nothing is asked.",
            show_default=False,
        ),
    ] = "",
    place: Place,
    following: Following,
    consented: Consent,
) -> None:
    """Return to an earlier release: its images, configuration and secrets of that time.

    Nothing is built, so this takes seconds. Data is left as it is, unless you say --with-data: then the
    database returns to the restore point that was made before a later release changed it. What would be
    lost is shown, table by table, and asked about; a fresh backup is made first, and the replaced data is
    kept until `havre restore --confirm`. The application does not answer for the seconds of the change.
    """
    params: dict[str, Any] = {"release": number}
    if with_data:
        _confirm_with_data(ctx, place, params, yes_rollback, only_plan=only_plan, as_json=following.as_json)
        if only_plan:
            return
        params["with_data"] = True
    elif only_plan or yes_rollback:
        raise UsageError("--dry-run and --yes-rollback go with --with-data")
    consent = yes_rollback if with_data else consented.yes_interrupt
    run_operation(ctx, "rollback", place, params, following, consented=consent)


def _confirm_with_data(
    ctx: typer.Context, place: Place, params: dict[str, Any], given: str, *, only_plan: bool, as_json: bool
) -> None:
    """Show what would be done and lost, and have the name typed."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.asking import ask_for_name, dry_run  # noqa: PLC0415 - start-up time

    full_name = f"{project_of(place.project)}-{place.environment}"
    if given == full_name and not only_plan:
        return
    result = dry_run(ctx, "rollback", place, {**params, "with_data": True})
    if as_json:
        screen.print_json({"release": result["target"], "plan": result["plan"], "losses": result["losses"]})
    else:
        screen.steps(f"Rollback of {full_name} to release {result['target']} with its data:", _steps(result))
    if not only_plan:
        ask_for_name(
            full_name, f"This replaces code and data of {full_name}.", given, option="--yes-rollback"
        )


def _steps(result: dict[str, Any]) -> list[str]:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    losses = result["losses"]
    rows = [
        f"{row['table']}: "
        + ", ".join(f"{row[key]} {key}" for key in ("inserted", "changed", "deleted") if row[key])
        for row in losses["tables"]
    ]
    least = " at least" if losses["is_least"] else ""
    lost = f"LOST{least}: what was written in the last {screen.duration(losses['seconds'])}"
    read, replay, *_ = result["plan"]["steps"]
    return [
        f"{lost}; rows of {'; '.join(rows)}" if rows else f"{lost}, of which no row is known",
        "make a fresh backup of the present data",
        read,
        replay,
        "stop the application and the database; put the restored data in the place of the present data",
        "start the database and the earlier release; keep the present data until `havre restore --confirm`",
    ]


@grouped
def restart(
    ctx: typer.Context,
    *,
    services: Annotated[
        list[str] | None,
        typer.Argument(
            help="Only these services. Default: every app of the environment.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ] = None,
    place: Place,
    following: Following,
    consented: Consent,
) -> None:
    """Start the services of the current release afresh."""
    params = {"services": services or None}
    run_operation(ctx, "restart", place, params, following, consented=consented.yes_interrupt)


@grouped
def scale(
    ctx: typer.Context,
    *,
    counts: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERVICE=N...",
            help="How many replicas of which service.",
            show_default=False,
            autocompletion=completion.scales,
        ),
    ] = None,
    reset: Annotated[
        list[str] | None,
        typer.Option(
            "--reset",
            metavar="SERVICE",
            help="Return to the number in havre.yaml. May be repeated.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ] = None,
    place: Place,
    following: Following,
    consented: Consent,
) -> None:
    """Change the number of replicas now and for later deployments."""
    replicas: dict[str, int | None] = {}
    for count in counts or ():
        name, equals, number = count.partition("=")
        if not name or not equals or not number.isdecimal():
            raise UsageError(f"{count!r} is not SERVICE=NUMBER", hint="write it like: havre scale api=3")
        replicas[name] = int(number)
    for name in reset or ():
        if name in replicas:
            raise UsageError(f"{name} is both set to {replicas[name]} and reset")
        replicas[name] = None
    if not replicas:
        raise UsageError("nothing to scale", hint="write it like: havre scale api=3")
    params = {"replicas": replicas}
    run_operation(ctx, "scale", place, params, following, consented=consented.yes_interrupt)


@grouped
def destroy(
    ctx: typer.Context,
    *,
    place: Place,
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Delete the data too: databases, uploads. There is no way back.")
    ] = False,
    yes_destroy: Annotated[
        str,
        typer.Option(
            "--yes-destroy",
            metavar="PROJECT-ENVIRONMENT",
            help="The name, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    following: Following,
) -> None:
    """Remove an environment: its services, routes, network and secrets. Volumes stay unless told.

    Asks to type the environment's full name.
    """
    expected = f"{project_of(place.project)}-{place.environment}"
    given = yes_destroy
    if not given:
        if not sys.stdin.isatty():
            raise UsageError(
                f"destroying {expected} must be confirmed", hint=f"in a script: --yes-destroy {expected}"
            )
        data = "ALL ITS DATA" if volumes else "its services; the volumes stay"
        given = prompt(f"This removes {expected} and {data}.\nType {expected} to go on")
    if given != expected:
        raise UsageError(
            f"nothing was destroyed: {given!r} is not {expected!r}", hint="type the name exactly"
        )
    run_operation(ctx, "destroy", place, {"volumes": volumes}, following, consented=given)
