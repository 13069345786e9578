"""``havre privacy`` and ``havre anonymise``: copies of a database without what is personal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import EngineError, UsageError
from havre.interfaces.cli.asking import ask_for_name, waited
from havre.interfaces.cli.bars import bytes_bar, rows_bar
from havre.interfaces.cli.commands.db import tell_kept
from havre.interfaces.cli.session import (
    PRODUCTION,
    Environment,
    Json,
    Place,
    default_socket,
    open_client,
    request_operation,
)
from havre.interfaces.cli.trouble import FAILED

if TYPE_CHECKING:
    from typing import IO

    from havre.config import Config
    from havre.operations.databases import Live as Into
    from havre.operations.privacy.copying import Report
    from havre.operations.privacy.looking import Scan
    from havre.operations.privacy.source import Wanted

app = typer.Typer(no_args_is_help=True, help="What a database holds that is personal.")

From = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="FILE|ENV",
        help="A dump (pg_dump --format=custom), or an environment: its newest backup.",
        show_default=False,
    ),
]
Live = Annotated[
    bool,
    typer.Option("--live", help="Not its backup: dump the running database of that environment now."),
]
Service = Annotated[
    str,
    typer.Option(
        "--service", "-s", metavar="NAME", help="The database. Default: the only one.", show_default=False
    ),
]
Memory = Annotated[
    str, typer.Option("--memory", metavar="SIZE", help="The most that the isolated database may take.")
]


@app.command()
def scan(
    ctx: typer.Context,
    *,
    source: From,
    live: Live = False,
    service: Service = "",
    locale: Annotated[
        str,
        typer.Option(
            "--locale", help="Language and country. Default: as havre.yaml says.", show_default=False
        ),
    ] = "",
    environment: Environment = PRODUCTION,
    memory: Memory = "1G",
    as_json: Json = False,
) -> None:
    """Look for personal data in a database, and propose rules for `havre.yaml`.

    It looks at names, types and some values of every column, and prints a part of `havre.yaml` to paste and
    correct. Columns that can hold words and about which nothing is known are comments in it: somebody has to
    decide. Values are never printed.

    It ends with 1 while a column has no rule in `havre.yaml`. Run it as root on the server.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.privacy import looking  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    database = _wanted(source, service, environment, live=live)
    speech = _known(locale) or database.locale
    with _dump(ctx, source, database, live=live) as dump, _cluster(config(), memory) as cluster:
        found = looking.scan(cluster, dump, database.rules, speech)
    if as_json:
        screen.print_json(found.as_json())
    else:
        _show_scan(found, database, speech)
    if found.missing or found.wrong:
        raise typer.Exit(FAILED)


def anonymise(
    ctx: typer.Context,
    *,
    source: From,
    target: Annotated[
        Path,
        typer.Option(
            "--to",
            metavar="FILE|ENV",
            help="The dump to write, or an environment whose database becomes the copy; what it had is kept.",
            show_default=False,
        ),
    ],
    live: Live = False,
    service: Service = "",
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="A secret of 32 characters or more: with it the same person becomes the same in each copy. "
            "Default: a new one, which is forgotten.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    environment: Environment = PRODUCTION,
    memory: Memory = "1G",
    yes_replace: Annotated[
        str,
        typer.Option(
            "--yes-replace",
            metavar="PROJECT-ENVIRONMENT",
            help="The name of the environment of --to, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Make a copy of a database in which nothing personal is left, as a dump or in another environment.

    What becomes of which column stands in `havre.yaml`, under `privacy` of the database; `havre privacy
    scan` proposes it. The copy is written by a fresh database without network, then searched for every value
    of a protected column, without regard to case, accents and punctuation. If one is found, there is no
    copy, and the column is named.

    Of an environment its newest backup is taken: an operation restores it into an isolated copy, which is
    removed when it was read. The running database is not touched; `--live` reads that one instead.
    `--to staging` asks, and puts the copy in the place of the database of that environment, which is kept
    beside under another name. Run it as root on the server.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import databases  # noqa: PLC0415 - start-up time
    from havre.operations.privacy import copying  # noqa: PLC0415 - start-up time
    from havre.operations.privacy.source import check_target, key_of  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    database = _wanted(source, service, environment, live=live)
    into = _into(target, database, source, yes_replace)
    if into is None:
        check_target(target, force=force)
    else:  # by this server's lock there is one copy at a time, so one that was left is nobody's
        target = config().paths.state / "anonymised.dump"
    if not database.rules:
        raise UsageError(
            f"{database.service} has no rules under privacy in havre.yaml",
            hint=f"havre privacy scan --from {source} proposes some",
        )
    secret = key_of(key)
    with (
        _dump(ctx, source, database, live=live) as dump,
        _cluster(config(), memory) as cluster,
        rows_bar(quiet=as_json) as tell,
    ):
        report = copying.anonymise(
            cluster,
            dump,
            target,
            rules=database.rules,
            locale=database.locale,
            key=secret,
            tell=tell,
        )
    size = target.stat().st_size
    done = None
    if into is not None:
        try:
            with bytes_bar(quiet=as_json) as tell:
                done = databases.restore(into, target, into.database, replace=True, tell=tell)
        finally:
            target.unlink(missing_ok=True)
    if as_json:
        where = {"database": done["database"], "replaced": done["kept"]} if done else {"file": str(target)}
        screen.print_json({**where, "bytes": size, **report.as_json()})
        return
    _show_report(report, into.place.service.name if into else str(target), size)
    if done:
        tell_kept(done)


def _into(target: Path, database: Wanted, source: str, given: str) -> Into | None:
    """The database whose place the copy takes; None if a file is meant.

    Raises:
        UsageError: it is the original, does not run, or nobody confirmed.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import databases  # noqa: PLC0415 - start-up time

    name = str(target)
    if target.exists() or name not in database.environments:
        return None
    if name == source:
        raise UsageError(f"{name} is the original", hint="name another environment, or a file")
    found = databases.find(config(), database.project, name, database.service)
    full_name = f"{database.project}-{name}"
    what = f"This replaces the data of {full_name} by the copy."
    ask_for_name(full_name, what, given, option="--yes-replace")
    return found


def _wanted(source: str, service: str, environment: str, *, live: bool) -> Wanted:
    """The database, by the manifest around this folder."""
    from havre.interfaces.cli.target import MANIFEST, find  # noqa: PLC0415 - start-up time
    from havre.manifest import load_file  # noqa: PLC0415 - start-up time
    from havre.operations.privacy.source import wanted  # noqa: PLC0415 - start-up time

    checkout = find(Path.cwd())
    if checkout is None:
        raise UsageError(
            f"no {MANIFEST} in {Path.cwd()} or above it",
            hint="go into the project's repository: its rules count",
        )
    manifest = load_file(checkout.folder / MANIFEST)
    chosen = environment if environment in manifest.environments else next(iter(manifest.environments))
    is_environment = live or (source in manifest.environments and not Path(source).exists())
    return wanted(manifest, source if is_environment else chosen, service)


@contextlib.contextmanager
def _dump(ctx: typer.Context, source: str, database: Wanted, *, live: bool) -> Iterator[IO[bytes]]:
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations.privacy.source import (  # noqa: PLC0415 - start-up time
        from_copy,
        from_environment,
        from_file,
    )

    if live:
        stream = from_environment(config(), database)
    elif source in database.environments and not Path(source).exists():
        stream = from_copy(config(), _copy(ctx, database), database)
    else:
        stream = from_file(Path(source))
    with stream as dump:
        yield dump


def _copy(ctx: typer.Context, database: Wanted) -> str:
    """The container of an isolated copy, made of the newest backup by an operation.

    Raises:
        UsageError: nothing is saved, or the copy could not be made.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client, place = open_client(ctx), Place(database.environment, database.project)
    row = request_operation(client, "extract", place, {"service": database.service})
    screen.note(f"the newest backup is restored into an isolated copy: operation {row['id']}")
    row = waited(client, row, until=lambda row: bool(row["result"].get("lent")))
    if row["state"] != "running":
        error = row.get("error") or {}
        raise UsageError(
            f"no copy of the newest backup: {error.get('message') or row['state']}",
            hint=f"{error.get('hint') or 'havre backup now'}; or add --live to dump the running database",
        )
    return str(row["result"]["lent"])


@contextlib.contextmanager
def _cluster(config: Config, memory: str) -> Iterator[Any]:
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - start-up time

    from havre.manifest.values import parse_size  # noqa: PLC0415 - start-up time
    from havre.operations.privacy.cluster import apart  # noqa: PLC0415 - start-up time

    try:
        size = parse_size(memory)
    except PydanticCustomError as error:
        raise UsageError(f"--memory {memory!r} is not a size", hint="write it like 1G or 768M") from error
    if size < 512 * 1024**2:
        raise UsageError("--memory is less than 512M", hint="the isolated database needs that much")
    try:
        with apart(config, memory=size) as cluster:
            yield cluster
    except EngineError as error:
        if isinstance(error.__cause__, Exception) and "Permission denied" in str(error.__cause__):
            raise EngineError(
                "this account may not use the Docker engine", hint="run it as root: sudo havre …"
            ) from error
        raise


def _known(locale: str) -> str:
    if locale:
        from faker.config import AVAILABLE_LOCALES  # noqa: PLC0415 - start-up time

        if locale not in AVAILABLE_LOCALES:
            raise UsageError(f"no names are known of {locale!r}", hint="write it like fr_FR")
    return locale


def _show_scan(found: Scan, database: Wanted, locale: str) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.privacy.looking import fragment  # noqa: PLC0415 - start-up time

    if found.proposals:
        typer.echo(fragment(found.proposals, database.service, locale), nl=False)
    rows = sum(found.rows.values())
    screen.note(
        f"looked at {len(found.rows)} tables with {rows} rows; values were sampled, so read it through"
    )
    for why in found.wrong:
        screen.warn(f"in havre.yaml: {why}")
    if found.missing:
        screen.warn(f"without a decision in havre.yaml: {', '.join(found.missing)}")
    else:
        screen.note("every column that can hold words has a rule in havre.yaml")


def _show_report(report: Report, target: str, size: int) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    screen.listing(
        ("TABLE", "ROWS", "REPLACED"),
        [
            (
                table,
                str(count),
                ", ".join(c for c, rule in report.rules.get(table, {}).items() if rule != "keep") or "-",
            )
            for table, count in report.rows.items()
        ],
        empty="The database has no tables.",
        right=("ROWS",),
    )
    kept = ", ".join(f"{table}.{column}" for table, column, _ in report.kept)
    if kept:
        screen.note(f"kept without a rule, for their types hold no words: {kept}")
    for table, name in report.unproven:
        screen.warn(
            f"{table}: {name} does not hold, which it did not have to in the original either (NOT VALID)"
        )
    seconds = sum(report.seconds.values())
    typer.echo(
        f"{target}: {screen.size(size)}, {sum(report.rows.values())} rows in "
        f"{screen.duration(seconds)}; none of {report.values} protected values is left in it"
    )
