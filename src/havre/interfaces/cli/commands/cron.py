"""``havre cron``: scheduled commands, their next run and their history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.interfaces.cli import completion
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import Json, Passing, Place, open_client, project_of

if TYPE_CHECKING:
    from rich.text import Text

app = typer.Typer(no_args_is_help=True, help="Scheduled commands: the entries of `cron` in havre.yaml.")

Job = Annotated[
    str,
    typer.Argument(
        help="The scheduled command, as havre.yaml names it.",
        show_default=False,
        autocompletion=completion.jobs,
    ),
]


@app.command("list")
@grouped
def list_(ctx: typer.Context, *, place: Place, as_json: Json = False) -> None:
    """List the scheduled commands of the live release: when each runs next, and how it went last."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(place.project)
    rows = open_client(ctx).get(at(name, place.environment, "cron"))
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("JOB", "SERVICE", "SCHEDULE", "ZONE", "NEXT", "LAST", "TOOK", "COMMAND"),
        (
            (
                str(row["name"]),
                str(row["service"]),
                str(row["schedule"]),
                str(row["timezone"]),
                Text(f"paused by {row['paused_by']}", style="yellow")
                if row["paused"]
                else screen.until(row["next"]),
                _outcome(row.get("last")),
                screen.duration((row.get("last") or {}).get("seconds")),
                Text(" ".join(row["command"])),
            )
            for row in rows
        ),
        empty=f"{name} {place.environment} has no scheduled command. "
        "Add one under cron in havre.yaml, and deploy.",
        right=("TOOK",),
        fold=False,
    )


def _outcome(run: dict[str, Any] | None) -> Text | str:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if not run:
        return "-"
    shown = screen.state(str(run["state"]))
    shown.append(f" {screen.age(run['started_at'] or run['due_at'])}", style="dim")
    return shown


@app.command()
@grouped
def history(
    ctx: typer.Context,
    *,
    job: Job,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=200, help="How many at most.")] = 20,
    place: Place,
    as_json: Json = False,
) -> None:
    """List the runs of a scheduled command, the newest first, also those that were skipped or missed."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get(
        at(project_of(place.project), place.environment, "cron", job, "runs"), limit=limit
    )
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("DUE", "STATE", "TOOK", "EXIT", "OPERATION", "BY", "WHY"),
        (
            (
                f"{screen.moment(row['due_at']):%Y-%m-%d %H:%M:%S}",
                screen.state(str(row["state"])),
                screen.duration(row["seconds"]),
                "" if row["exit_code"] is None else str(row["exit_code"]),
                str(row["operation"] or ""),
                str(row["trigger"]),
                Text(str(row["why"])),
            )
            for row in rows
        ),
        empty=f"{job} has not run yet.",
        right=("TOOK", "EXIT", "OPERATION"),
    )


@app.command()
@grouped
def run(
    ctx: typer.Context,
    *,
    job: Job,
    place: Place,
    passing: Passing,
) -> None:
    """Run a scheduled command now, beside its schedule; ends as `havre run` does.

    It is refused while the command runs already.
    """
    from havre.interfaces.cli.commands.one_off import run_and_pass_on  # noqa: PLC0415 - as above

    run_and_pass_on(ctx, "cron", place, {"job": job}, passing)


@app.command()
@grouped
def pause(
    ctx: typer.Context,
    *,
    job: Job,
    place: Place,
    as_json: Json = False,
) -> None:
    """Let a scheduled command rest, over deployments too. A run under way goes on."""
    _change(ctx, job, "pause", place, as_json=as_json)


@app.command()
@grouped
def resume(
    ctx: typer.Context,
    *,
    job: Job,
    place: Place,
    as_json: Json = False,
) -> None:
    """Let a paused command run again, from its next time on."""
    _change(ctx, job, "resume", place, as_json=as_json)


def _change(ctx: typer.Context, job: str, what: str, place: Place, *, as_json: bool) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    row = open_client(ctx).post(at(project_of(place.project), place.environment, "cron", job, what))
    if as_json:
        screen.print_json(row)
    else:
        screen.note(f"{job} is paused" if row["paused"] else f"{job} runs next {screen.until(row['next'])}")
