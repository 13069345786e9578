"""``havre privacy export`` and ``havre privacy erase``: what somebody may ask for by the GDPR."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import EngineError, HavreError, UsageError
from havre.interfaces.cli import completion
from havre.interfaces.cli.asking import ask_for_name, ended
from havre.interfaces.cli.session import (
    PRODUCTION,
    Environment,
    Json,
    Project,
    default_socket,
    is_attended,
    open_client,
    project_of,
    prompt,
)
from havre.interfaces.cli.trouble import FAILED

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client

Rows = dict[str, dict[str, Any]]
"""Operations, by environment."""

_WHICH = {"deleted": "are removed", "emptied": "stay, emptied", "unlinked": "stay, pointing to nobody"}
Subject = Annotated[
    str,
    typer.Option(
        "--subject",
        metavar="TABLE.COLUMN=VALUE",
        help="Who: a column of privacy.subject in havre.yaml, and the person's value. With =- it is read from"
        " standard input, without = it is asked for: so it stays out of the shell's history.",
        show_default=False,
    ),
]
Service = Annotated[
    str,
    typer.Option(
        "--service",
        "-s",
        metavar="NAME",
        help="The database, where several have persons in that table.",
        show_default=False,
        autocompletion=completion.services,
    ),
]


def export(
    ctx: typer.Context,
    *,
    subject: Subject,
    target: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FILE", help="A new file. Default: standard output.", show_default=False
        ),
    ] = None,
    service: Service = "",
    environment: Environment = PRODUCTION,
) -> None:
    """Print all that a database holds about a person, as JSON.

    It is found from the person's row along foreign keys, and where `privacy.subject.also` says. Rows may
    speak of others too: read it before you hand it over. It ends with 1 if nobody is there.

    What counts is the `havre.yaml` around this folder. Run it as root on the server. It is recorded that
    somebody read the database, and not about whom.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.target import MANIFEST, find  # noqa: PLC0415 - start-up time
    from havre.manifest import load_file  # noqa: PLC0415 - start-up time
    from havre.operations.privacy import exporting  # noqa: PLC0415 - start-up time

    default_socket()  # a settings problem is told as one
    checkout = find(Path.cwd())
    if checkout is None:
        raise UsageError(
            f"no {MANIFEST} in {Path.cwd()} or above it",
            hint="go into the project's repository: it says whose data the database holds",
        )
    if target and target.exists():
        raise UsageError(f"{target} is there already", hint="name another file")
    manifest = load_file(checkout.folder / MANIFEST)
    place, value = _person(subject)
    table, _, column = place.rpartition(".")
    known = environment if environment in manifest.environments else next(iter(manifest.environments))
    database = exporting.service_with(manifest, known, table, service)
    where = (manifest.project, environment)
    try:
        found = exporting.export(config(), where, database, column, value)
    except EngineError as error:
        if isinstance(error.__cause__, Exception) and "Permission denied" in str(error.__cause__):
            raise EngineError(
                "this account may not use the Docker engine", hint="run it as root: sudo havre …"
            ) from error
        raise
    _record(open_client(ctx), where, database[0])
    if not found["tables"]:
        screen.warn(f"nobody of {table} in {environment} has this {column}")
        raise typer.Exit(FAILED)
    if target is None:
        screen.print_json(found)
        return
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    rows = sum(map(len, found["tables"].values()))
    screen.note(f"{target}: {rows} rows of {len(found['tables'])} tables")


def erase(
    ctx: typer.Context,
    *,
    subject: Subject = "",
    again: Annotated[
        bool,
        typer.Option("--again", help="Those whom a restore brought back, instead of one who is named."),
    ] = False,
    service: Service = "",
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--env",
            "-e",
            metavar="ENVIRONMENT",
            help="Only this environment; may be given several times. Default: all of the project.",
            show_default=False,
            autocompletion=completion.environments,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    yes_erase: Annotated[
        str,
        typer.Option(
            "--yes-erase",
            metavar="PROJECT",
            help="The project's name, for scripts: nothing is asked.",
            show_default=False,
        ),
    ] = "",
    project: Project = "",
    as_json: Json = False,
) -> None:
    """Erase a person in all environments of a project. Shows which rows, and asks.

    What becomes of which rows is said by `privacy.subject` of the live release's `havre.yaml`, else by the
    foreign keys. It is tried first and taken back, so what is shown can be done. Each database is changed in
    one transaction.

    Backups keep the data until they expire; it says which ones, and until when. A restore from one of them
    brings the person back: Havre looks, and `havre privacy erase --again` erases again. What is kept of an
    erasure does not name the person: keyed hashes, counts, who did it and when.

    It ends with 1 if nobody was found, or an environment could not be looked at.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if again == bool(subject):
        raise UsageError("say who", hint="--subject TABLE.COLUMN=VALUE, or --again after a restore")
    client, name = open_client(ctx), project_of(project)
    place, value = ("", "") if again else _person(subject)
    who: dict[str, Any] = {"again": True} if again else {"subject": place, "value": value}
    params = {"service": service or None, **who}
    names = _environments(client, name, only or [])
    tried = _run(client, name, names, {**params, "dry_run": True})
    concerned = [env for env, row in tried.items() if _found(row)]
    if not as_json:
        _show(tried)
    done: Rows = {}
    if concerned and not dry_run:
        what = f"This erases in {', '.join(concerned)}, for good."
        ask_for_name(name, what, yes_erase, option="--yes-erase")
        done = _run(client, name, concerned, params)
    everything = {**tried, **done}
    if as_json:
        listed = [_shown(env, row) for env, row in everything.items()]
        screen.print_json({"dry_run": not done, "environments": listed})
    elif done:
        _show_done(done)
    elif not concerned:
        screen.note("nobody is there again" if again else f"nobody has this {place}")
    is_bad = any(row["state"] != "succeeded" for row in everything.values())
    if is_bad or not (concerned or again):
        raise typer.Exit(FAILED)


def _person(written: str) -> tuple[str, str]:
    """The column and the value that are meant."""
    place, given, value = written.partition("=")
    if not all(place.rpartition(".")):
        raise UsageError(f"{place!r} is no column of a table", hint="write it like --subject members.email=-")
    if not given:
        if not is_attended():
            raise UsageError(
                "the person's value is missing", hint=f"--subject {place}=- reads it from standard input"
            )
        value = prompt(f"{place} of the person")
    elif value == "-":
        value = sys.stdin.readline()
    if not value.strip():
        raise UsageError("the person's value is empty")
    return place, value.strip()


def _record(client: Client, where: tuple[str, str], service: str) -> None:
    """Put on record that somebody read about a person; while Havre is down, the system's log has to do."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time
    from havre.operations.enter import who  # noqa: PLC0415 - start-up time

    full_name = "-".join(where)
    body = {
        "task": f"{full_name}-{service}",
        "program": "havre privacy export",
        "account": who()[:100],
        "confirm": full_name,  # it reads, and interrupts nothing
    }
    try:
        client.post(at(*where, "exec"), body)
    except HavreError as error:
        screen.warn(f"not recorded by Havre, only in the system's log: {error.message}")


def _environments(client: Client, project: str, only: list[str]) -> list[str]:
    rows = [row for row in client.get("/api/v1/environments") if row["project"] == project]
    known = [str(row["environment"]) for row in rows if row["release"] is not None]
    unknown = [name for name in only if name not in known]
    if unknown or not known:
        raise UsageError(
            f"nothing is deployed in {project} {unknown[0] if unknown else ''}".rstrip(),
            hint=f"environments: {', '.join(known) or 'none'}",
        )
    return [name for name in known if not only or name in only]


def _run(client: Client, project: str, environments: list[str], params: dict[str, Any]) -> Rows:
    """An operation for each environment, all to their ends."""
    rows: Rows = {}
    for name in environments:
        rows[name] = client.post(
            "/api/v1/operations",
            {
                "kind": "erase",
                "project": project,
                "environment": name,
                "params": {**params, "confirm": f"{project}-{name}"},
            },
        )
    return {name: ended(client, row) for name, row in rows.items()}


def _persons(row: dict[str, Any]) -> list[dict[str, Any]]:
    return list(((row.get("result") or {}).get("persons") or {}).values())


def _found(row: dict[str, Any]) -> bool:
    return row["state"] == "succeeded" and any(
        each["found"] or any(other["found"] for other in (each.get("beside") or {}).values())
        for each in _persons(row)
    )


def _places(environment: str, person: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The databases of an environment with the rows of a person, by how they are called here."""
    yield environment, person["rows"]
    for name, each in (person.get("beside") or {}).items():
        yield f"{environment}, database {name}", each["rows"]


def _shown(environment: str, row: dict[str, Any]) -> dict[str, Any]:
    """One environment, for programs."""
    result = row.get("result") or {}
    return {
        "environment": environment,
        "operation": row["id"],
        "state": row["state"],
        "error": row.get("error"),
        "erased_at": result.get("erased_at"),
        "persons": _persons(row),
        "backups": result.get("backups") or [],
        "backup_problems": result.get("backup_problems") or [],
        "files": result.get("files") or [],
    }


def _show(tried: Rows) -> None:
    """What would become of which rows, and what stands in the way."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    lines = [
        (place, str(each["table"]), str(each["rows"]), _WHICH[each["fate"]])
        for environment, row in tried.items()
        for person in _persons(row)
        for place, rows in _places(environment, person)
        for each in rows
    ]
    if lines:
        screen.listing(("ENVIRONMENT", "TABLE", "ROWS", "WHICH"), lines, empty="", right=("ROWS",))
    for environment, row in tried.items():
        error = row.get("error") or {}
        if row["state"] != "succeeded":
            screen.warn(f"{environment}: {error.get('message') or row['state']}")
            for line in str(error.get("detail") or "").splitlines():
                screen.note(f"  {line}")
            if error.get("hint"):
                screen.note(f"  {error['hint']}")
        elif not _found(row):
            screen.note(f"{environment}: nobody")


def _show_done(done: Rows) -> None:
    """What was erased, and what still holds the data."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    for environment, row in done.items():
        if row["state"] != "succeeded":
            _show({environment: row})
            continue
        hashes = ", ".join(f"{each['subject']} {each['token'][:12]}" for each in _persons(row))
        typer.echo(f"{environment}: erased; operation {row['id']} knows the person as {hashes}")
        held: dict[str, list[dict[str, Any]]] = {}
        for each in row["result"].get("backups") or ():
            held.setdefault(f"{each['service']}, {each['repository']}", []).append(each)
        for where, listed in held.items():
            last = max(each["expires_at"] or "" for each in listed)
            until = f"the last one goes by {last[:10]}" if last else "they stay until newer ones are made"
            screen.warn(f"{environment}: {len(listed)} backups still hold the data ({where}); {until}")
        for each in row["result"].get("files") or ():
            where = f"{each['volume']}, {each['repository']}"
            screen.warn(
                f"{environment}: copies of a volume may hold files of the person ({where});"
                f" the last one goes by {each['expires_at'][:10]}"
            )
        for problem in row["result"].get("backup_problems") or ():
            screen.warn(f"{environment}: {problem}")
