"""``havre drill``: restore what is saved into an isolated copy, check and time it; and how that went."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import Following, Json, Place, open_client, project_of, run_operation

app = typer.Typer(invoke_without_command=True, help="Restore drills: prove that what is saved can be used.")

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="local|offsite",
        help="The repository. Default: the off-site one, or the local one if there is none.",
        show_default=False,
    ),
]


@app.callback()
@grouped
def drill(
    ctx: typer.Context,
    *,
    from_: From = "",
    place: Place,
    following: Following,
) -> None:
    """Prove that what is saved can be used; the same as `havre drill run`."""
    if ctx.invoked_subcommand is None:
        _drill(ctx, from_, place, following)


@app.command()
@grouped
def run(
    ctx: typer.Context,
    *,
    from_: From = "",
    place: Place,
    following: Following,
) -> None:
    """Restore the newest backup of each database into an isolated copy, check it, time it, and remove it.

    The copy has a network from which nothing leads outward, no mail, no webhook, and a ceiling of processors
    and memory. The services of the live release are started on it, the `checks` under `drill` in havre.yaml
    are run, and its rows are compared with the original's, which is only read.

    Ends with 0 if all is well and both objectives (`backup: {rto, rpo}`) are met, with 1 if anything is not,
    which is told. Also made on schedule: weekly, unless havre.yaml says otherwise.
    """
    _drill(ctx, from_, place, following)


def _drill(ctx: typer.Context, from_: str, place: Place, following: Following) -> None:
    if from_ not in {"", "local", "offsite"}:
        raise UsageError(f"{from_!r} is no repository", hint="--from local, or --from offsite")
    run_operation(ctx, "drill", place, {"repository": from_ or None}, following)


@app.command()
@grouped
def history(
    ctx: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 20,
    place: Place,
    as_json: Json = False,
) -> None:
    """List the drills of an environment, the newest first: how each ended, and what it measured."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(place.project)
    rows = open_client(ctx).get(at(name, place.environment, "drills"), limit=limit)
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("STARTED", "OUTCOME", "FROM", "RELEASE", "RTO", "RPO", "ROWS", "CHECKS", "BY", "WHY"),
        (
            (
                screen.age(row["started_at"]),
                screen.state("succeeded" if row["is_good"] else "failed"),
                str(row["repository"]),
                str(row["release"] or ""),
                _measured(row["rto"], row["objective_rto"]),
                _measured(row["rpo"], row["objective_rpo"]),
                _rows(row["data"]),
                _checks(row["data"]),
                str(row["actor"]),
                Text(str(row["problem"]), style="red"),
            )
            for row in rows
        ),
        empty=f"{name} {place.environment} was never drilled. Do it: havre drill",
        right=("RELEASE", "RTO", "RPO", "ROWS"),
    )


def _measured(seconds: float | None, objective: float) -> Any:
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if seconds is None:
        return Text("-", style="dim")
    return Text(screen.duration(seconds), style="red" if seconds > objective else "")


def _rows(data: dict[str, Any]) -> str:
    found = [each.get("comparison") for each in data.get("databases", {}).values()]
    return f"{sum(each['rows'] for each in found if each):,}" if any(found) else "-"


def _checks(data: dict[str, Any]) -> str:
    checks = data.get("checks")
    return f"{sum(not each['problem'] for each in checks)}/{len(checks)}" if checks else "-"
