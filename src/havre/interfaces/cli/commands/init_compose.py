"""``havre init --from-compose``: a Compose file as a havre.yaml, and what became of each of its parts."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from havre.errors import ConflictError, HavreError, UsageError

if TYPE_CHECKING:
    from rich.text import Text

    from havre.domain.compose import Conversion, Outcome, Verdict

MANIFEST: Final = "havre.yaml"
NAMES: Final = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""The names that Compose looks for, in its order."""

_LARGEST: Final = 1024 * 1024


@dataclass(frozen=True)
class Wishes:
    """What the command's options say.

    ``project`` and ``domain`` replace what would be chosen, services of ``profiles`` are converted too,
    ``show_all`` lists what was carried over as well. ``dry_run`` writes nothing; ``force`` replaces a
    havre.yaml that is there and keeps it as ``havre.yaml.bak``; ``yes`` does not ask.
    """

    project: str = ""
    domain: str = ""
    profiles: tuple[str, ...] = ()
    show_all: bool = False
    dry_run: bool = False
    force: bool = False
    yes: bool = False
    as_json: bool = False


def init_from_compose(path: Path, wishes: Wishes) -> None:
    """Convert a Compose file, or the one of a folder, and write havre.yaml beside it.

    Raises:
        UsageError: there is no such file, or it is no Compose file; file and line are named.
        ConflictError: another havre.yaml is there, and ``force`` was not given.
        ManifestError: what was written needs a hand; every problem is named.
    """
    from havre.domain.compose import convert  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.session import confirm  # noqa: PLC0415 - start-up time

    file = _find(path)
    folder = file.parent
    text = _read(file)
    if text is None:
        raise UsageError(f"{file} cannot be read as text", hint="name a Compose file")
    made = convert(
        text,
        file=file.name,
        folder=folder.resolve().name,
        read_file=lambda name: _read(folder / name),
        profiles=wishes.profiles,
        project=wishes.project,
        domain=wishes.domain,
    )
    target = folder / MANIFEST
    problem = _problem(made)
    before = _read(target) if target.exists() else None
    if wishes.as_json:
        if not wishes.dry_run:
            _write(target, made.text, before, force=wishes.force)
        screen.print_json(_document(made, file, target, problem, written=not wishes.dry_run))
        return
    _show(made, file, show_all=wishes.show_all)
    if wishes.dry_run:
        typer.echo(made.text, nl=False)
    elif before == made.text:
        screen.note(f"{target} says this already")
    else:
        _refuse_to_replace(target, force=wishes.force)
        if not wishes.yes and sys.stdin.isatty() and not confirm(f"Write {target}?"):
            raise typer.Exit(1)
        _write(target, made.text, before, force=wishes.force)
        _say_what_next(made, target)
    if problem:
        raise problem


def _find(path: Path) -> Path:
    if not path.is_dir():
        if not path.is_file():
            raise UsageError(f"there is no file {path}", hint="name a Compose file, or its folder")
        return path
    found = next((path / name for name in NAMES if (path / name).is_file()), None)
    if found is None:
        raise UsageError(f"{path} holds no Compose file", hint=f"it is called {' or '.join(NAMES)}")
    return found


def _read(file: Path) -> str | None:
    """The text of a file that is there, not too large, and text."""
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return None


def _problem(made: Conversion) -> HavreError | None:
    """What is wrong with the manifest that was made, should anything be."""
    from havre.errors import ManifestError  # noqa: PLC0415 - start-up time
    from havre.manifest import load  # noqa: PLC0415 - start-up time

    try:
        load(made.text)
    except ManifestError as error:
        return error
    return None


def _refuse_to_replace(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise ConflictError(
            f"{target} is there already, and says something else",
            hint="look at the difference with --dry-run; --force replaces it and keeps the old one as .bak",
            retryable=False,
        )


def _write(target: Path, text: str, before: str | None, *, force: bool) -> None:
    """Write it whole or not at all."""
    if before == text:
        return
    _refuse_to_replace(target, force=force)
    if before is not None:
        target.with_name(f"{MANIFEST}.bak").write_text(before, encoding="utf-8")
    draft = target.with_name(f".{MANIFEST}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(target)


def _document(
    made: Conversion, file: Path, target: Path, problem: HavreError | None, *, written: bool
) -> dict[str, Any]:
    return {
        "project": made.project,
        "from": str(file),
        "file": str(target),
        "written": written,
        "problem": problem.message if problem else None,
        "manifest": made.text,
        "verdicts": [
            {
                "outcome": verdict.outcome.name.lower(),
                "file": verdict.file,
                "line": verdict.line,
                "path": verdict.name,
                "target": verdict.target,
                "reason": verdict.reason,
                "remedy": verdict.remedy,
            }
            for verdict in made.verdicts
        ],
        "secrets": [{"name": one.name, "command": one.command, "where": one.where} for one in made.secrets],
        "variables": [
            {"service": one.service, "name": one.name, "command": one.command, "where": one.where}
            for one in made.variables
        ],
        "warnings": [*made.warnings, *_overrides(file)],
    }


def _overrides(file: Path) -> list[str]:
    """Files that Compose would read too."""
    stem = file.name.rpartition(".")[0]
    return [
        f"{name} is there too; Compose merges it, Havre does not: `docker compose config` makes one file"
        for name in (f"{stem}.override.yml", f"{stem}.override.yaml")
        if (file.parent / name).is_file()
    ]


# What people read


def _show(made: Conversion, file: Path, *, show_all: bool) -> None:
    from havre.domain.compose import Outcome  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    for outcome in (Outcome.CARRIED, Outcome.CHANGED, Outcome.DROPPED):
        _list(made, outcome, everything=show_all or outcome is not Outcome.CARRIED)
    for warning in (*made.warnings, *_overrides(file)):
        screen.warn(warning)


def _list(made: Conversion, outcome: Outcome, *, everything: bool) -> None:
    """Each part on a line, why below it: paths are too long for a table."""
    from rich.padding import Padding  # noqa: PLC0415 - start-up time
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.domain.compose import Outcome  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    found = [verdict for verdict in made.verdicts if verdict.outcome is outcome]
    console = screen.say()
    more = "" if everything or not found else " (--all lists them)"
    colour = {Outcome.CARRIED: "green", Outcome.CHANGED: "yellow", Outcome.DROPPED: "red"}[outcome]
    console.print(Text.assemble((f"{outcome.capitalize()}: {len(found)}", f"bold {colour}"), more))
    if not everything:
        return
    width = max((len(verdict.where) for verdict in found), default=0)
    for verdict in found:
        console.print(_part(verdict, width), soft_wrap=True)
        if verdict.reason:
            why = Text(verdict.reason, style="dim")
            if verdict.remedy:
                why.append(f"; {verdict.remedy}", style="not dim cyan")
            console.print(Padding(why, (0, 0, 0, 6), expand=False))
    console.print()


def _part(verdict: Verdict, width: int) -> Text:
    from rich.text import Text  # noqa: PLC0415 - start-up time

    # The place names the file of variables already.
    name = re.sub(r"\.env_file\([^)]*\)", "", verdict.name)
    part = Text.assemble((f"  {verdict.where:<{width}}  ", "dim"), name)
    if verdict.target and verdict.target != name:
        part.append(f" → {verdict.target}", style="green")
    return part


def _say_what_next(made: Conversion, target: Path) -> None:
    typer.echo(f"{target} is written: {', '.join(made.manifest['services'])}.")
    if made.secrets or made.variables:
        typer.echo("\nBefore the first deployment, set what the manifest does not hold:")
    told = [(one.command, one.where) for one in made.secrets]
    told += [(one.command, one.where) for one in made.variables]
    width = max((len(command) for command, _ in told), default=0)
    for command, where in told:
        typer.echo(f"  {command:<{width}}  # {_whence(where)}" if where else f"  {command}")
    typer.echo("\nThen read it, commit it, and deploy:")
    typer.echo(
        f"  havre manifest check && git add {MANIFEST} && git commit -m 'Deploy with Havre' && havre deploy"
    )


def _whence(where: str) -> str:
    return where if where.startswith("the ") else f"see {where}"
