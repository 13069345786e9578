"""``havre init``: from a repository to a havre.yaml that a person only has to confirm. Needs no server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from havre.interfaces.cli.commands.init_compose import Wishes, init_from_compose
from havre.interfaces.cli.session import Json, confirm

if TYPE_CHECKING:
    from havre.operations.init_repository import Drafts


def init(
    path: Annotated[
        Path,
        typer.Argument(metavar="[PATH]", help="The repository. Default: this folder.", show_default=False),
    ] = Path(),
    *,
    domain: Annotated[
        str,
        typer.Option(
            "--domain",
            metavar="HOST",
            help="A host name of yours; the services get names below it. Default: PROJECT.localhost.",
            show_default=False,
        ),
    ] = "",
    project: Annotated[
        str,
        typer.Option(
            "--project",
            "-p",
            metavar="NAME",
            help="Name of the project. Default: the repository's.",
            show_default=False,
        ),
    ] = "",
    from_compose: Annotated[
        Path | None,
        typer.Option(
            "--from-compose",
            metavar="FILE",
            help="Convert this Compose file instead of looking at the repository, and say what became of "
            "each of its parts.",
            show_default=False,
        ),
    ] = None,
    profiles: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="NAME",
            help="With --from-compose: convert services of this profile too. Repeatable.",
            show_default=False,
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="With --from-compose: also list what is carried over as it was.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Print the files and write nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace files that are there; the old ones are kept as NAME.bak."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Look at a repository and write its havre.yaml, with the reason of each line.

    It recognises Dockerfiles, package.json with npm, pnpm or Yarn and their workspaces, pyproject.toml and
    requirements.txt, static sites, .env.example and Procfile. Where there is no Dockerfile it writes one for
    the stack. Nothing is guessed in silence: what is missing is listed with what to do about it.

    With --from-compose it converts a Compose file instead: databases become Havre's own services, values
    that look secret become secrets, and every key is told to be carried over, changed, or not carried over.
    """
    if from_compose is not None:
        init_from_compose(
            path / from_compose,
            Wishes(
                project=project,
                domain=domain,
                profiles=tuple(profiles or ()),
                show_all=show_all,
                dry_run=dry_run,
                force=force,
                yes=yes,
                as_json=as_json,
            ),
        )
        return
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.operations.init_repository import conflict, draft, write  # noqa: PLC0415 - start-up time

    drafts = draft(path, domain=domain, project=project, force=force)
    if as_json:
        written = [] if dry_run else write(drafts, force=force)
        screen.print_json(_document(drafts, written))
        return
    _show(drafts)
    if dry_run:
        _print_files(drafts)
        return
    differing = [file for file in drafts.files if file.state == "differs"]
    if differing and not force:
        raise conflict(differing)
    for file in differing:
        screen.warn(f"{file.path} is replaced; what stands there now is kept as {file.path}.bak")
        typer.echo(file.lost, err=True)
    if all(file.state == "same" for file in drafts.files):
        screen.note("everything is written already")
    elif not yes and sys.stdin.isatty():
        typer.echo(drafts.files[0].text)
        if not confirm("Write these files?"):
            raise typer.Exit(1)
    write(drafts, force=force)
    _say_what_next(drafts)


def _document(drafts: Drafts, written: list[str]) -> dict[str, Any]:
    proposal = drafts.proposal
    return {
        "folder": str(drafts.folder),
        "project": proposal.project.value,
        "found": [{"what": one.value, "why": one.why} for one in proposal.found],
        "files": [
            {"path": file.path, "state": file.state, "why": file.why, "text": file.text}
            for file in drafts.files
        ],
        "gaps": [
            {"about": gap.about, "what": gap.what, "remedy": gap.remedy, "blocking": gap.blocking}
            for gap in proposal.gaps
        ],
        "secrets": list(proposal.secrets),
        "notes": list(proposal.notes),
        "written": written,
    }


def _show(drafts: Drafts) -> None:
    """What was found, what would be written, what is missing."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    proposal = drafts.proposal
    screen.listing(
        ("FOUND", "BECAUSE"),
        [(one.value, Text(one.why)) for one in proposal.found],
        empty="nothing found",
    )
    typer.echo()
    marks = {"new": "done", "same": "skipped", "differs": "warning"}
    console = screen.say()
    screen.listing(
        ("", "FILE", "WHY"),
        [(screen.mark(console, marks[file.state]), file.path, Text(_file_words(file.state, file.why)))
         for file in drafts.files],
        empty="",
    )  # fmt: skip
    if proposal.gaps:
        typer.echo()
        screen.listing(
            ("", "MISSING", "WHAT TO DO"),
            [
                (
                    screen.mark(console, "failed" if gap.blocking else "warning"),
                    gap.about,
                    Text.assemble(gap.what, "\n", (gap.remedy, "cyan")),
                )
                for gap in sorted(proposal.gaps, key=lambda gap: not gap.blocking)
            ],
            empty="",
        )
    for note in proposal.notes:
        screen.note(note)
    typer.echo()


def _file_words(state: str, why: str) -> str:
    return {"new": why, "same": f"{why}; it is there already", "differs": f"{why}; another one is there"}[
        state
    ]


def _print_files(drafts: Drafts) -> None:
    for file in drafts.files:
        typer.echo(f"# --- {file.path}")
        typer.echo(file.text, nl=False)


def _say_what_next(drafts: Drafts) -> None:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    proposal, console = drafts.proposal, screen.say()
    blocking = drafts.blocking
    if blocking:
        many = len(blocking) > 1
        screen.warn(
            f"a deployment fails until {len(blocking)} thing{'s are' if many else ' is'} settled: "
            + ", ".join(gap.about for gap in blocking)
        )
    typer.echo("Read havre.yaml; then:")
    steps = ["havre manifest check", "git add -A && git commit -m 'Deploy with Havre'"]
    steps += [f"havre secrets set -p {proposal.project.value} {name}" for name in proposal.secrets]
    for step in (*steps, "havre deploy"):
        console.print(f"  {step}", markup=False, soft_wrap=True)
