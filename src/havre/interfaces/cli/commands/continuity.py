"""``havre continuity``: how well everything on this server is protected, at a glance and as a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.errors import HavreError, UsageError
from havre.interfaces.cli.session import Json, open_client

if TYPE_CHECKING:
    from havre.domain.continuity.report import Report
    from havre.interfaces.cli.client import Client

app = typer.Typer(
    no_args_is_help=True, help="Continuity: what is protected, what could be lost, how drills went."
)
_MOST_DRILLS = 60
_MOST_OPERATIONS = 200


@app.command()
def status(ctx: typer.Context, as_json: Json = False) -> None:
    """Say of each database what could be lost now, when it was saved and drilled, and what to look at."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.report.wording import Wording  # noqa: PLC0415 - start-up time

    report = _gather(open_client(ctx))
    words = Wording(report, "en")
    last = {each.environment: each for each in report.latest}
    if as_json:
        screen.print_json(
            {
                "databases": [
                    {
                        "environment": each.environment,
                        "service": each.service,
                        "at_risk_seconds": each.at_risk,
                        "objective_rpo": each.objective_rpo,
                        "offsite_at": _iso(each.copy("offsite")),
                        "drilled_at": last[each.environment].at.isoformat()
                        if each.environment in last
                        else None,
                        "drill_is_good": last[each.environment].is_good if each.environment in last else None,
                        "rto": last[each.environment].rto if each.environment in last else None,
                    }
                    for each in report.databases
                ],
                "findings": words.findings,
            }
        )
        return
    rows = []
    for each, row in zip(report.databases, words.databases, strict=True):
        drill, far = last.get(each.environment), each.copy("offsite")
        rows.append(
            (
                each.environment,
                each.service,
                screen.age(far.newest.isoformat()) if far and far.newest else Text("never", style="red"),
                Text(row.at_risk, style="red" if row.is_late else ""),
                screen.duration(each.objective_rpo),
                screen.age(drill.at.isoformat()) if drill else Text("never", style="yellow"),
                _outcome(drill.is_good) if drill else "",
                screen.duration(drill.rto) if drill else "",
            )
        )
    screen.listing(
        ("ENVIRONMENT", "DATABASE", "OFF-SITE", "AT RISK", "RPO", "DRILLED", "OUTCOME", "RTO"),
        rows,
        empty="Nothing on this server is backed up.",
        right=("AT RISK", "RPO", "RTO"),
    )
    for finding in words.findings:
        screen.warn(finding)


def _outcome(is_good: bool) -> Any:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    return screen.state("succeeded" if is_good else "failed")


def _iso(copies: Any) -> str | None:
    return copies.newest.isoformat() if copies and copies.newest else None


@app.command()
def report(
    ctx: typer.Context,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write the page as HTML.", show_default=False),
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option("--pdf", metavar="FILE", help="Write it as PDF.", show_default=False)
    ] = None,
    language: Annotated[str, typer.Option("--language", metavar="en|fr", help="English or French.")] = "en",
) -> None:
    """Write a report for a board or an auditor: what is protected, where, and how restores were tried out.

    One file that needs nothing else, to be sent or printed: copies and when they were read back, the drills
    as a plot with RTO and RPO against the objectives, and who did what.
    """
    from havre.interfaces.report import document, page  # noqa: PLC0415 - start-up time
    from havre.interfaces.report.texts import LANGUAGES  # noqa: PLC0415 - start-up time

    if language not in LANGUAGES:
        raise UsageError(f"{language!r} is no language of the report", hint="--language en, or fr")
    if out is None and pdf is None:
        raise UsageError("say where to: --out FILE.html, --pdf FILE.pdf, or both")
    gathered = _gather(open_client(ctx))
    if out:
        _write(out, page.render(gathered, language).encode())
    if pdf:
        _write(pdf, document.render(gathered, language))


def _write(path: Path, content: bytes) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    try:
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    screen.note(f"wrote {path}")


def _gather(client: Client) -> Report:
    """Everything that is told, asked of the API. What does not answer is told as what is wrong with it."""
    import socket  # noqa: PLC0415 - start-up time
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time
    from havre.interfaces.report.gathering import report as gathered  # noqa: PLC0415 - start-up time

    found, operations = {}, []
    for row in client.get("/api/v1/environments"):
        project, environment = str(row["project"]), str(row["environment"])
        if row["release"] is None:
            continue
        saved = client.get(at(project, environment, "backups"))
        if not saved["databases"]:
            continue
        drills = client.get(at(project, environment, "drills"), limit=_MOST_DRILLS)
        found[f"{project}-{environment}"] = (saved, drills)
        operations += client.get(
            "/api/v1/operations", project=project, environment=environment, limit=_MOST_OPERATIONS
        )
    return gathered(
        server=socket.gethostname(),
        made_at=datetime.now(UTC),
        storage=_storage(client),
        environments=found,
        operations=operations,
    )


def _storage(client: Client) -> dict[str, Any] | None:
    """The off-site storage; None too for who may not see it."""
    try:
        return client.get("/api/v1/backup-storage")  # type: ignore[no-any-return]
    except HavreError:
        return None
