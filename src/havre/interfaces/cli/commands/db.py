"""``havre db``: a running PostgreSQL database in an administrator's hands, on the server itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import EngineError, UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.asking import ask_for_name, dry_run
from havre.interfaces.cli.bars import bytes_bar
from havre.interfaces.cli.commands.enter import record
from havre.interfaces.cli.grouping import grouped
from havre.interfaces.cli.session import (
    Consent,
    Following,
    Json,
    Place,
    default_socket,
    open_client,
    project_of,
    run_operation,
    with_consent,
)

if TYPE_CHECKING:
    from havre.operations.databases import Live

app = typer.Typer(
    no_args_is_help=True,
    help="Databases: a session, figures, dumps and back. As root, on the server.",
)

Database = Annotated[
    str,
    typer.Option(
        "--service",
        "-s",
        metavar="NAME",
        help="The database, where the environment has several.",
        show_default=False,
        autocompletion=completion.services,
    ),
]


@app.command()
@grouped
def psql(
    ctx: typer.Context,
    *,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- ARGUMENTS]", help="For psql: -c 'SELECT 1' …", show_default=False),
    ] = None,
    admin: Annotated[
        bool,
        typer.Option("--admin", help="As the superuser, who may do everything. Default: as the application."),
    ] = False,
    service: Database = "",
    place: Place,
    consented: Consent,
) -> None:
    """Open a session of psql in a database.

    It is the application's role, so what is created belongs to the application. Without a terminal it reads
    statements from standard input. A protected environment asks for its name; that somebody went in is
    recorded.
    """
    from havre.operations import enter  # noqa: PLC0415 - start-up time

    live = _find(place, service)
    role = [] if admin else [f"PGOPTIONS=-c role={live.role}"]
    command = ["env", *role, "psql", "--username=postgres", f"--dbname={live.database}", *(arguments or ())]
    _record(ctx, place, live, "psql", consented.yes_interrupt)
    tty = sys.stdin.isatty() and sys.stdout.isatty()
    raise typer.Exit(enter.enter(live.engine, live.place, command, stdin=True, tty=tty))


@app.command("list")
@grouped
def list_(*, service: Database = "", place: Place, as_json: Json = False) -> None:
    """List the databases of a server: the application's, and those beside it, with their sizes."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.databases import databases  # noqa: PLC0415 - start-up time

    live = _find(place, service)
    rows = [{**row, "serves": row["name"] == live.database} for row in databases(live)]
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("DATABASE", "OWNER", "SIZE", "CONNECTIONS", ""),
        [
            (row["name"], row["owner"], screen.size(row["size"]), str(row["connections"]),
             "serves" if row["serves"] else "")
            for row in rows
        ],
        empty="There is none.",
        right=("SIZE", "CONNECTIONS"),
    )  # fmt: skip


@app.command()
@grouped
def stats(*, service: Database = "", place: Place, as_json: Json = False) -> None:
    """Show how a database is: connections, size, cache, transactions, WAL, slow statements, bloat.

    Statements are shown without their values, slowest in all first, since the database was started. Bloat is
    estimated. What deserves attention is said at the end, with the remedy.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.databases import figures  # noqa: PLC0415 - start-up time

    found = figures(_find(place, service))
    if as_json:
        screen.print_json(found)
        return
    screen.listing(("FIGURE", "VALUE"), _rows(found), empty="")
    if found["statements"]:
        typer.echo()
        screen.listing(
            ("TOTAL", "CALLS", "MEAN", "STATEMENT"),
            [
                (screen.duration(each["total_ms"] / 1000), str(each["calls"]), f"{each['mean_ms']} ms",
                 each["statement"])
                for each in found["statements"]
            ],
            empty="",
            right=("TOTAL", "CALLS", "MEAN"),
        )  # fmt: skip
    if found["bloat"]:
        typer.echo()
        screen.listing(
            ("TABLE", "SIZE", "WASTED, ABOUT", "DEAD ROWS"),
            [
                (f"{each['schema']}.{each['table']}", screen.size(each["size"]), screen.size(each["wasted"]),
                 str(each["dead_rows"]))
                for each in found["bloat"]
            ],
            empty="",
            right=("SIZE", "WASTED, ABOUT", "DEAD ROWS"),
        )  # fmt: skip
    if found["statements"] is None:
        screen.note("statements are not measured yet: the database was started before; havre restart")
    for warning in found["warnings"]:
        screen.warn(warning)


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    connections, counts, archive = found["connections"], found["counts"], found["archive"]
    yield "version", f"{found['version']}, up {screen.duration(found['up_seconds'])}"
    yield "size", screen.size(found["size"])
    taken, idle = f"{connections['now']} of {connections['most']}", connections["idle_in_transaction"]
    yield "connections", f"{taken}; {connections['active']} active, {idle} idle in a transaction"
    hit, ended = found["cache_hit"], f"{counts['commits']} committed, {counts['rollbacks']} rolled back"
    yield "from memory", "nothing read yet" if hit is None else f"{hit:.1%} of the pages"
    yield "transactions", f"{ended}, {counts['deadlocks']} deadlocks"
    longest = found["longest_transaction"]
    yield (
        "longest",
        f"{screen.duration(longest['seconds'])}: {longest['user']}, {longest['state']}, pid {longest['pid']}"
        if longest
        else "no transaction is open",
    )
    for replica in found["replicas"]:
        late = replica["lag_seconds"]
        behind = f"{screen.size(replica['lag_bytes'] or 0)} behind" + (
            f", {screen.duration(late)}" if late else ""
        )
        yield "replication", f"{replica['name']}: {replica['state']}, {behind}"
    for slot in found["slots"]:
        reader = "read" if slot["is_active"] else "read by nobody"
        yield "slot", f"{slot['name']}: {reader}, holds {screen.size(slot['held_bytes'] or 0)} of WAL"
    if archive["is_on"]:
        last = archive["last_seconds"]
        since = "nothing saved yet" if last is None else f"saved {screen.duration(last)} ago"
        first = f", the first for {screen.duration(archive['waiting_seconds'])}" if archive["waiting"] else ""
        yield "WAL", f"{since}; {archive['waiting']} segments wait{first}; {archive['failures']} failures"
    else:
        yield "WAL", "not saved"


@app.command()
@grouped
def dump(
    ctx: typer.Context,
    *,
    target: Annotated[Path, typer.Option("--to", metavar="FILE", help="A new file.", show_default=False)],
    service: Database = "",
    place: Place,
    as_json: Json = False,
) -> None:
    """Write a dump of a database into a file, in pg_dump's custom format.

    The file has its name only once the dump is complete and was read back from its beginning to its end.
    The database goes on; only changes of tables wait.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import databases  # noqa: PLC0415 - start-up time

    live = _find(place, service)
    _record(ctx, place, live, "pg_dump", f"{project_of(place.project)}-{place.environment}")  # it only reads
    with bytes_bar(quiet=as_json) as tell:
        size = databases.dump(live, target, tell)
    if as_json:
        screen.print_json({"file": str(target), "bytes": size, "database": live.database})
    else:
        typer.echo(f"{target}: {screen.size(size)} of {live.database}, complete and read back")


@app.command()
@grouped
def restore(
    ctx: typer.Context,
    *,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A dump.", show_default=False)],
    name: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NAME",
            help="The database to make of it. Default: that of the application with _restored behind.",
            show_default=False,
        ),
    ] = "",
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Put it in the place of the database of that name, which is kept beside."
        ),
    ] = False,
    service: Database = "",
    place: Place,
    yes_replace: Annotated[
        str,
        typer.Option(
            "--yes-replace",
            metavar="PROJECT-ENVIRONMENT",
            help="The name, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a database of a dump, beside the one that serves.

    Nothing that is there is touched unless you say `--replace`: then it asks, loads the dump beside, makes a
    restore point where changes are saved continuously, and lets both change names. What was replaced is kept
    under another name until you drop it. A dump that fails to load leaves nothing behind.

    To return to a moment of the last days, `havre restore` is the better way.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import databases  # noqa: PLC0415 - start-up time

    if not source.is_file():
        raise UsageError(f"there is no file {source}")
    live = _find(place, service)
    chosen = name or (live.database if replace else f"{live.database}_restored")
    full_name = f"{project_of(place.project)}-{place.environment}"
    if replace:
        what = f"This replaces the database {chosen} of {full_name}."
        ask_for_name(full_name, what, yes_replace, option="--yes-replace")
    _record(ctx, place, live, "pg_restore", full_name)
    with bytes_bar(quiet=as_json) as tell:
        done = databases.restore(live, source, chosen, replace=replace, tell=tell)
    if as_json:
        screen.print_json(done)
        return
    typer.echo(f"{done['database']}: restored from {source}")
    tell_kept(done)
    if done["kept"]:
        screen.warn("persons who were erased since the dump was made are in it: erase them again")


@app.command()
@grouped
def upgrade(
    ctx: typer.Context,
    *,
    to: Annotated[
        int,
        typer.Option(
            "--to", metavar="VERSION", help="The major version. Default: the newest.", show_default=False
        ),
    ] = 0,
    service: Database = "",
    only_plan: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be done, and try everything but the rows; nothing is changed."
        ),
    ] = False,
    keep: Annotated[
        bool,
        typer.Option("--confirm", help="Keep a finished upgrade: remove for good the data that it replaced."),
    ] = False,
    place: Place,
    yes_upgrade: Annotated[
        str,
        typer.Option(
            "--yes-upgrade",
            metavar="PROJECT-ENVIRONMENT",
            help="The name, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    following: Following,
) -> None:
    """Take a database to a later major version of PostgreSQL. Shows its plan and asks first.

    A restore point and a backup are made, and everything but the rows is tried in the new version, while the
    application goes on. It is stopped for as long as the rows take into a new cluster, which is compared with
    the present one, table by table, before it takes its place. Whatever fails brings back what was. The
    replaced data stays on the server until `havre db upgrade --confirm`. Write the new version into
    havre.yaml afterwards, if it names one.
    """
    full_name = f"{project_of(place.project)}-{place.environment}"
    params: dict[str, Any] = {"service": service or None}
    if keep:
        if yes_upgrade != full_name:
            what = f"This removes for good what upgrades and restores of {full_name} replaced."
            ask_for_name(full_name, what, yes_upgrade, option="--yes-upgrade")
        run_operation(ctx, "confirm", place, params, following, consented=full_name)
        return
    params["version"] = to or None
    if only_plan or yes_upgrade != full_name:
        _show_plan(ctx, place, {**params, "rehearse": only_plan}, as_json=following.as_json)
        if only_plan:
            return
        what = f"This stops the application of {full_name} while its rows are taken over."
        ask_for_name(full_name, what, yes_upgrade, option="--yes-upgrade")
    run_operation(ctx, "upgrade", place, params, following, consented=full_name)


def _show_plan(ctx: typer.Context, place: Place, params: dict[str, Any], *, as_json: bool) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    plan = dry_run(ctx, "upgrade", place, params)["plan"]
    if as_json:
        screen.print_json(plan)
        return
    what = f"{plan['service']} of {place.environment}, PostgreSQL {plan['before']} to {plan['after']}"
    screen.steps(f"Upgrade of {what}:", plan["steps"])
    for note in plan["notes"]:
        screen.warn(note)
    if params["rehearse"]:
        screen.note(f"everything but the rows was tried in PostgreSQL {plan['after']}: it can be upgraded")


def tell_kept(done: dict[str, Any]) -> None:
    """Say where what was replaced is now, and the restore point that was made."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if done["kept"]:
        drop = f"havre db psql --admin -- -d postgres -c 'DROP DATABASE \"{done['kept']}\"'"
        screen.note(f"what was replaced is kept as {done['kept']}; when you are content: {drop}")
    if done["restore_point"]:
        screen.note(f"restore point: {done['restore_point']}")


def _find(place: Place, service: str) -> Live:
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations.databases import find  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    try:
        return find(config(), project_of(place.project), place.environment, service)
    except EngineError as error:
        if isinstance(error.__cause__, Exception) and "Permission denied" in str(error.__cause__):
            raise EngineError(
                "this account may not use the Docker engine", hint="run it as root: sudo havre db …"
            ) from error
        raise


def _record(ctx: typer.Context, place: Place, live: Live, program: str, consented: str) -> None:
    from havre.operations import enter  # noqa: PLC0415 - start-up time

    client, where = open_client(ctx), (project_of(place.project), place.environment)
    if not client.connection.local:
        raise UsageError("a token may not go into databases", hint="run it on the server")
    with_consent(lambda confirm: record(client, where, live.place, [program], confirm), consented)
    enter.note(live.place, [program])
