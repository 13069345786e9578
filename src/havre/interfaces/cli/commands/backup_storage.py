"""``havre backup storage``: where backups go beside this server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Json, confirm, open_client, prompt

if TYPE_CHECKING:
    from havre.interfaces.cli.client import Client

app = typer.Typer(
    no_args_is_help=True, help="The off-site storage of this server's backups: any S3-compatible service."
)
_PATH = "/api/v1/backup-storage"


@app.command("set")
def set_(
    ctx: typer.Context,
    *,
    endpoint: Annotated[
        str, typer.Option("--endpoint", metavar="URL", help="https://HOST[:PORT].", show_default=False)
    ] = "",
    bucket: Annotated[
        str, typer.Option("--bucket", help="The bucket; it has to exist.", show_default=False)
    ] = "",
    region: Annotated[
        str, typer.Option("--region", help="As the service calls it.", show_default=False)
    ] = "",
    prefix: Annotated[
        str | None, typer.Option("--prefix", help="Folder in the bucket.", show_default=False)
    ] = None,
    style: Annotated[
        str,
        typer.Option(
            "--style",
            metavar="path|host",
            help="Where the bucket stands in addresses. Most services take path.",
            show_default=False,
        ),
    ] = "",
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca", metavar="FILE", help="Authority of its certificate, if a private one.", show_default=False
        ),
    ] = None,
    keys: Annotated[
        str,
        typer.Option(
            "--keys",
            metavar="FILE|-",
            help="File with two lines, access key and secret key; - is standard input. Default: asks.",
            show_default=False,
        ),
    ] = "",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            "--passphrase-file",
            metavar="FILE",
            help="Passphrase of a repository that exists. Default: the one of before, or a new one.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set where backups go beside this server. What is not given stays as it was.

    Keys are sealed at once and never shown again. Everything is encrypted before it leaves the server, by
    a passphrase that is shown once, when it is made: keep it elsewhere, for without it the off-site copies
    are worth nothing. Environments use the storage from their next deployment or restart on.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    client = open_client(ctx)
    before = _present(client)
    body = {
        "endpoint": endpoint or before.get("endpoint"),
        "bucket": bucket or before.get("bucket"),
        "region": region or before.get("region") or "us-east-1",
        "prefix": before.get("prefix") or "" if prefix is None else prefix.strip("/"),
        "style": style or before.get("style") or "path",
    }
    missing = [f"--{name}" for name in ("endpoint", "bucket") if not body[name]]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be given the first time")
    if ca:
        body["ca"] = _text(ca)
    elif before.get("has_ca"):
        raise UsageError("the authority's file has to be given again", hint="--ca FILE")
    if keys or not before:
        body["key"], body["secret"] = _keys(keys)
    if passphrase_file:
        body["passphrase"] = _text(passphrase_file).strip()
    made = client.put(_PATH, body)
    if as_json:
        screen.print_json(made)
        return
    screen.note(f"backups go to {made['endpoint']}/{made['bucket']} (version {made['version']})")
    if made["passphrase"]:
        screen.warn("the passphrase of the off-site copies, shown this once. Keep it away from this server:")
        typer.echo(made["passphrase"])
    if before:
        screen.warn(
            "a recovery kit of before may open nothing now: print and store a new one, havre recovery-kit"
        )
    screen.note("try it: havre backup storage test; use it: havre restart, in each environment")


def _keys(source: str) -> tuple[str, str]:
    """Access key and secret key; never from an argument."""
    if not source and sys.stdin.isatty():
        return prompt("Access key"), prompt("Secret key", hidden=True)
    if not source:
        raise UsageError("where are the keys?", hint="--keys FILE, or --keys - for standard input")
    text = sys.stdin.read() if source == "-" else _text(Path(source))
    words = text.split()
    if len(words) != 2:  # noqa: PLR2004 - a pair
        raise UsageError("the keys are two words: the access key, then the secret key")
    return words[0], words[1]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error.__class__.__name__}") from error


def _present(client: Client) -> dict[str, Any]:
    """The storage as it is; empty if none is set."""
    return dict(client.get(_PATH) or {})


@app.command()
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Show where backups go beside this server; never its keys."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    row = _present(open_client(ctx))
    if as_json:
        screen.print_json(row or None)
    elif not row:
        screen.warn("NO OFF-SITE STORAGE: if this server is lost, so is the data. havre backup storage set")
    else:
        rows = [
            (name, str(row[name]))
            for name in ("endpoint", "bucket", "region", "prefix", "style")
            if row[name]
        ]
        rows += [("own authority", "yes" if row["has_ca"] else "no"), ("version", str(row["version"]))]
        rows.append(("recovery kit", "stored" if row["kit_stored"] else "NOT STORED: havre recovery-kit"))
        rows.append(("set", f"{screen.age(row['created_at'])} by {row['actor']}"))
        screen.listing(("OFF-SITE STORAGE", ""), rows, empty="")


@app.command("test")
def try_(ctx: typer.Context, as_json: Json = False) -> None:
    """List, write, read back and remove a small file there, from the server.

    It says too whether the bucket keeps what is deleted, by versions or object lock.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    answer = open_client(ctx).post(f"{_PATH}/test")
    if as_json:
        screen.print_json(answer)
    else:
        screen.note(f"{answer['place']}: {', '.join(answer['steps'])}: all good")
        (screen.warn if answer["survives"] is False else screen.note)(answer["deletes"])


@app.command()
def lock(
    ctx: typer.Context,
    *,
    days: Annotated[
        int, typer.Option("--days", min=1, max=3650, help="For how long nobody can delete an object.")
    ],
    mode: Annotated[
        str,
        typer.Option(
            "--mode",
            metavar="governance|compliance",
            help="compliance: not even who has the right to bypass a lock, nor the provider.",
        ),
    ] = "governance",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Lock what is written there from now on, where the bucket was made with object lock.

    Whoever takes this server over, with all its keys, cannot destroy what is locked. Backups go when they are
    too old all the same: as versions, which the bucket's own rules remove once their lock is over.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if mode not in {"governance", "compliance"}:
        raise UsageError(f"--mode is governance or compliance, not {mode}")
    if mode == "compliance" and not yes:
        if not sys.stdin.isatty():
            raise UsageError("this must be confirmed", hint="in a script: --yes")
        if not confirm(
            f"What is backed up from now on cannot be deleted for {days} days, by nobody. Lock it?"
        ):
            raise typer.Exit(0)
    answer = open_client(ctx).post(f"{_PATH}/lock", {"days": days, "mode": mode})
    if as_json:
        screen.print_json(answer)
    else:
        screen.note(f"{answer['place']}: {answer['deletes']}")


@app.command()
def remove(
    ctx: typer.Context, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Forget the storage and its keys. What is stored there stays there.

    Without the passphrase nobody can read it any more: keep that elsewhere first.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("this must be confirmed", hint="in a script: --yes")
        if not confirm("Forget the off-site storage and its passphrase?"):
            raise typer.Exit(0)
    open_client(ctx).delete(_PATH)
    screen.note("no off-site storage from the next deployments on")
