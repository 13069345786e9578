"""``havre backup`` and ``havre restore``: copies of databases, and the way back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from havre.domain import times
from havre.errors import UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.asking import ask_for_name, dry_run
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import (
    Following,
    Json,
    Place,
    open_client,
    project_of,
    run_operation,
)

app = typer.Typer(no_args_is_help=True, help="Backups of databases: make, list, read back, store elsewhere.")

_LATE = 60.0  # seconds
Database = Annotated[
    str,
    typer.Option(
        "--service",
        "-s",
        metavar="NAME",
        help="The database. Default: all of the environment.",
        show_default=False,
        autocompletion=completion.services,
    ),
]


@app.command()
@grouped
def now(
    ctx: typer.Context,
    *,
    service: Database = "",
    full: Annotated[bool, typer.Option("--full", help="Copy everything.")] = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Copy what changed since the last backup. The default.")
    ] = False,
    dump: Annotated[
        bool, typer.Option("--dump", help="Only dumps, which any PostgreSQL takes: pg_dump, read back.")
    ] = False,
    new_database: Annotated[
        bool,
        typer.Option(
            "--new-database",
            help="Also where the database is another one than that which is saved: its volume was removed"
            " and that is meant so. What was saved of the old one stays as long as backups are kept.",
        ),
    ] = False,
    place: Place,
    following: Following,
) -> None:
    """Back up now, here and off-site: databases, then images, volumes and Havre's own state.

    Scheduled backups go on as they are. The first backup of a repository is a full one in any case. With
    --service it is that database only.
    """
    if full + incremental + dump > 1:
        raise UsageError("give one of --full, --incremental and --dump")
    if dump:
        run_operation(ctx, "dump", place, {"service": service or None}, following)
        return
    params: dict[str, Any] = {"service": service or None, "type": "full" if full else "incremental"}
    if new_database:
        params["new_database"] = True
    if service or _has_databases(ctx, place):
        run_operation(ctx, "backup", place, params, following)
    if not service:
        run_operation(ctx, "save", place, {}, following)


def _has_databases(ctx: typer.Context, place: Place) -> bool:
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    answer = open_client(ctx).get(at(project_of(place.project), place.environment, "backups"))
    return bool(answer["databases"])


@app.command()
@grouped
def verify(
    ctx: typer.Context,
    *,
    service: Database = "",
    place: Place,
    following: Following,
) -> None:
    """Read back everything that is saved, and compare it with its checksums.

    Segments of WAL that are missing are found too. It takes as long as reading it all takes. Of images,
    volumes, dumps and state, a large archive is read back by a tenth, another one each day. It is done by
    itself too, each week unless havre.yaml says otherwise.
    """
    params = {"service": service or None}
    run_operation(ctx, "verify", place, params, following)


@app.command("list")
@grouped
def list_(ctx: typer.Context, *, place: Place, as_json: Json = False) -> None:
    """List what the repositories hold now, the newest first."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(place.project)
    answer = open_client(ctx).get(at(name, place.environment, "backups"))
    if as_json:
        screen.print_json(answer)
        return
    screen.listing(
        ("DATABASE", "WHERE", "LABEL", "TYPE", "MADE", "SIZE", "STORED", "READ BACK"),
        (
            (
                str(row["service"]),
                str(row["repository"]),
                str(row["label"]),
                str(row["type"]),
                screen.age(row["stopped_at"]),
                screen.size(row["size"]),
                screen.size(row["stored"]),
                Text(str(row["problem"]), style="red")
                if row["problem"]
                else Text(screen.age(row["verified_at"]) if row["verified_at"] else "not yet"),
            )
            for row in answer["backups"]
        ),
        empty=f"Nothing of {name} {place.environment} is saved yet. Save it: havre backup now",
        right=("SIZE", "STORED"),
    )
    _archive(answer["archive"])
    _read_back(answer["verified"])
    _warn(answer)


@app.command()
@grouped
def schedule(ctx: typer.Context, *, place: Place, as_json: Json = False) -> None:
    """List when databases are backed up by themselves, and when all is read back, as havre.yaml says."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(place.project)
    rows = open_client(ctx).get(f"{at(name, place.environment, 'backups')}/schedule")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("DATABASE", "TYPE", "SCHEDULE", "ZONE", "NEXT"),
        (
            (
                row["service"] or "all",
                row["type"],
                row["schedule"],
                row["timezone"],
                screen.until(row["next"]),
            )
            for row in rows
        ),
        empty=f"{name} {place.environment} has no database that is backed up."
        " It is as soon as there is an off-site storage (havre backup storage set), or with `backups: true`.",
    )


def _archive(saved: dict[str, Any]) -> None:
    """What is saved beside the databases."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if saved["at"]:
        where = "local, off-site" if saved["offsite"] else "local"
        screen.listing(
            ("SAVED TOO", "WHERE", "MADE", "SIZE"),
            (
                (str(each["what"]), where, screen.age(saved["at"]), screen.size(each["size"]))
                for each in saved["contents"]
            ),
            empty="",
            right=("SIZE",),
        )
    else:
        screen.note("images, volumes and Havre's own state are not saved yet: havre backup now")
    if saved["problem"]:
        screen.warn(f"saving images, volumes and state failed since: {saved['problem']}")


def _read_back(verified: dict[str, Any]) -> None:
    """When it was last found good."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if verified["at"]:
        parts = "".join(f"; archive {where}: {read}" for where, read in sorted(verified["archive"].items()))
        screen.note(f"last verified {screen.age(verified['at'])}: everything read back is good{parts}")
    elif not verified["problem"]:
        screen.note("nothing was read back yet: havre backup verify")
    if verified["problem"]:
        screen.warn(f"reading back failed: {verified['problem']}")


def _warn(answer: dict[str, Any]) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    for database in answer["databases"]:
        if database["problem"]:
            screen.warn(str(database["problem"]))
        for repository in database["repositories"]:
            if repository["problem"]:
                screen.warn(
                    f"{database['service']}, {repository['repository']} repository: {repository['problem']}"
                )
        if database["waiting_seconds"] > _LATE:
            screen.warn(
                f"{database['service']}: {database['waiting']} segments of WAL wait for a repository, the"
                f" first one for {screen.duration(database['waiting_seconds'])}; a loss of this server would"
                " lose what was written since"
            )
        _tell_exposure(database)
        for number in database["replaced"]:
            screen.note(
                f"{database['service']}: the data that restore {number} replaced is kept;"
                " remove it: havre restore --confirm"
            )
    if answer["databases"] and not answer["has_storage"]:
        screen.warn("NO OFF-SITE STORAGE: if this server is lost, so is the data. havre backup storage set")
    elif answer["storage_is_newer"]:
        screen.warn("the off-site storage was changed since the last deployment: havre restart uses it")


def _tell_exposure(database: dict[str, Any]) -> None:
    """What would be lost now."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if database.get("stream_problem"):
        screen.warn(f"{database['service']}: {database['stream_problem']}")
    risk, objective = database.get("at_risk_seconds"), database.get("objective_rpo")
    if risk is not None and objective is not None:
        told = f"{database['service']}: with this server now at most {screen.duration(risk)} would be lost"
        tell = screen.warn if risk > objective else screen.note
        how = ", WAL is streamed" if database.get("is_streamed") else ""
        tell(f"{told} (RPO {screen.duration(objective)}{how})")


@grouped
def restore(
    ctx: typer.Context,
    *,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="TIME|latest",
            help="The moment: a time such as '2026-11-20 14:32' (of this machine's zone unless it says one).",
        ),
    ] = "latest",
    to_release: Annotated[
        int | None,
        typer.Option(
            "--to-release",
            metavar="N",
            help="The restore point before the release command of release N.",
            show_default=False,
            autocompletion=completion.releases,
        ),
    ] = None,
    from_: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="local|offsite",
            help="The repository. Default: the local one, else the off-site one.",
            show_default=False,
        ),
    ] = "",
    service: Annotated[
        str,
        typer.Option(
            "--service",
            "-s",
            metavar="NAME",
            help="The database, where there are several.",
            show_default=False,
            autocompletion=completion.services,
        ),
    ] = "",
    beside: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Replace nothing: make a database of this name beside the present one.",
            show_default=False,
        ),
    ] = "",
    table: Annotated[
        str,
        typer.Option(
            "--table",
            metavar="[SCHEMA.]TABLE",
            help="With --as: only the rows of this table; the others are there, and empty.",
            show_default=False,
        ),
    ] = "",
    volume: Annotated[
        str,
        typer.Option(
            "--volume",
            metavar="NAME",
            help="A volume of an app, or a cache, instead of a database. Who uses it is stopped meanwhile.",
            show_default=False,
        ),
    ] = "",
    dump: Annotated[
        str,
        typer.Option(
            "--dump",
            metavar="LABEL|latest",
            help="With --as: from a dump, as `havre backup list` shows it, instead of a moment.",
            show_default=False,
        ),
    ] = "",
    only_plan: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    keep: Annotated[
        bool,
        typer.Option("--confirm", help="Keep a finished restore: remove for good the data that it replaced."),
    ] = False,
    place: Place,
    yes_restore: Annotated[
        str,
        typer.Option(
            "--yes-restore",
            metavar="PROJECT-ENVIRONMENT",
            help="The name, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    following: Following,
) -> None:
    """Take a database back to an earlier moment. Shows its plan and asks before anything is changed.

    The database serves until the restored data is complete beside it; then the two change places. What was
    written after the moment is not in the restored data. The replaced data stays on the server until
    `havre restore --confirm`. With --as nothing is replaced: a database of that name is made beside it.

    With --volume it is the files of a volume: what it holds is saved on the server, then they are written.
    """
    full_name = f"{project_of(place.project)}-{place.environment}"
    params: dict[str, Any] = {"service": service or None}
    if keep:
        if yes_restore != full_name:
            what = f"This removes for good what restores of {full_name} replaced."
            ask_for_name(full_name, what, yes_restore, option="--yes-restore")
        run_operation(ctx, "confirm", place, params, following, consented=full_name)
        return
    if from_ not in {"", "local", "offsite"}:
        raise UsageError(f"{from_!r} is no repository", hint="--from local, or --from offsite")
    is_moment = to != "latest"
    _require_one_aim(is_moment=is_moment, release=to_release, beside=beside, table=table, dump=dump)
    if volume and (service or to_release or beside or dump):
        raise UsageError("--volume goes with --to and --from only")
    params |= {
        "at": None if to == "latest" else times.read(to).isoformat(),
        "release": to_release,
        "repository": from_ or None,
        "beside": beside or None,
        "table": table or None,
        "dump": dump or None,
        "volume": volume or None,
    }
    if beside and not only_plan:  # nothing that could be lost
        run_operation(ctx, "restore", place, params, following, consented=yes_restore or full_name)
        return
    if only_plan or yes_restore != full_name:
        _show_plan(ctx, place, params, as_json=following.as_json)
        if only_plan:
            return
        what = f"This replaces the {'files of the volume ' + volume if volume else 'data'} of {full_name}."
        ask_for_name(full_name, what, yes_restore, option="--yes-restore")
    run_operation(ctx, "restore", place, params, following, consented=full_name)


def _require_one_aim(*, is_moment: bool, release: int | None, beside: str, table: str, dump: str) -> None:
    """Refuse what does not go together.

    Raises:
        UsageError: it does not.
    """
    if release and is_moment:
        raise UsageError("give either --to or --to-release")
    if table and not beside:
        raise UsageError(
            "--table goes with --as: one table is never put into the present data",
            hint="take it beside, look at it, and copy the rows that you want",
        )
    if dump and (not beside or release or is_moment):
        raise UsageError(
            "--dump goes with --as, and without a moment",
            hint="it becomes a database of its own; look at it, and copy what you want",
        )


def _show_plan(ctx: typer.Context, place: Place, params: dict[str, Any], *, as_json: bool) -> None:
    """Print what a restore would do.

    Raises:
        UsageError: there is no way to that moment.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    result = dry_run(ctx, "restore", place, params)
    if as_json:
        screen.print_json(result["plan"])
        return
    screen.steps(f"Restore of {result['service']} of {place.environment}:", result["plan"]["steps"])
