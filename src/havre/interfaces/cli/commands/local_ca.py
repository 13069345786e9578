"""``havre server local-ca``: certificates without the internet, for development and closed networks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from havre.errors import UsageError
from havre.interfaces.cli.session import Json, confirm
from havre.interfaces.cli.trouble import INTERRUPTED

if TYPE_CHECKING:
    from havre.operations.local_authority import Authority

app = typer.Typer(
    no_args_is_help=True,
    help="A certificate authority of this server's own, for .test, .internal, .localhost, .local, .home.arpa",
)

_ELSEWHERE = """\
Trust it elsewhere, only on machines that are yours:
  Debian    put the file to /usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates
  macOS     security add-trusted-cert -d -k /Library/Keychains/System.keychain FILE
  Firefox   Settings, Certificates, Authorities, Import
  Chrome    uses the system's authorities; on Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C -n havre -i FILE
  curl      curl --cacert FILE https://shop.test/
"""


@app.command()
def create(
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="DOMAIN",
            help="A domain of your own, besides the reserved names.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the authority. Hosts below its names then get certificates from it, renewed by the worker.

    It can sign for no other name, whoever has its key: its certificate says so. Nobody trusts it until
    you say so: havre server local-ca trust.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import local_authority  # noqa: PLC0415 - start-up time

    local_authority.require_state(config())
    _show(local_authority.create(config(), also or []), as_json=as_json)


@app.command()
def show(
    as_json: Json = False,
    pem: Annotated[
        bool, typer.Option("--pem", help="Print the certificate itself, to give it away.")
    ] = False,
) -> None:
    """Show the authority: its file, names, fingerprint, and how to trust it elsewhere."""
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import local_authority  # noqa: PLC0415 - start-up time

    found = local_authority.show(config())
    if pem and as_json:
        raise UsageError("give either --pem or --json")
    if pem:
        typer.echo(Path(found.file).read_text(), nl=False)
        return
    _show(found, as_json=as_json)
    if not as_json:
        typer.echo()
        typer.echo(_ELSEWHERE, nl=False)


@app.command()
def trust(as_json: Json = False) -> None:
    """Have this machine trust the authority: its programs, and builds. As root."""
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.operations import local_authority  # noqa: PLC0415 - start-up time

    _show(local_authority.trust(config()), as_json=as_json)


@app.command()
def untrust() -> None:
    """Have this machine trust it no more. As root."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import local_authority  # noqa: PLC0415 - start-up time

    was_trusted = local_authority.untrust()
    screen.note("this machine trusts it no more" if was_trusted else "this machine did not trust it")


@app.command()
def remove(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Remove the authority and what it signed. As root.

    Where it was trusted elsewhere, take it away there.
    """
    from havre.config import config  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations import local_authority  # noqa: PLC0415 - start-up time

    found = local_authority.show(config())
    if not yes and not confirm(f"Remove {found.file}? Hosts that use it get another certificate."):
        raise typer.Exit(INTERRUPTED)
    local_authority.remove(config())
    screen.note("the local authority is removed")


def _show(found: Authority, *, as_json: bool) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    if as_json:
        screen.print_json(asdict(found))
        return
    screen.listing(
        ("LOCAL AUTHORITY", ""),
        (
            ("file", found.file),
            ("signs below", ", ".join(found.names)),
            ("valid until", found.ends),
            ("SHA-256", found.fingerprint),
            ("trusted here", "yes" if found.is_trusted_here else "no"),
        ),
        empty="",
    )
