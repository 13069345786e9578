"""Commands that show: projects, environments, releases, ps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from havre.interfaces.cli.session import PRODUCTION, Environment, Json, Project, open_client, project_of

if TYPE_CHECKING:
    from rich.text import Text


def projects(ctx: typer.Context, as_json: Json = False) -> None:
    """List the projects: where their repositories are, and their environments."""
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get("/api/v1/projects")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("PROJECT", "ENVIRONMENTS", "SOURCE"),
        (
            (
                row["name"],
                ", ".join(_names(row.get("environments") or ())) or "none",
                _source(row),
            )
            for row in rows
        ),
        empty="No project yet. Deploy one: go into its repository, then `havre deploy`.",
    )


def _names(environments: Any) -> list[str]:
    return [str(each.get("name", "")) if isinstance(each, dict) else str(each) for each in environments]


def _source(row: dict[str, Any]) -> str:
    inside = f" ({row['subfolder']})" if row.get("subfolder") else ""
    return f"{row.get('source') or 'not deployed yet'}{inside}"


def environments(ctx: typer.Context, as_json: Json = False) -> None:
    """List the environments of every project: release, commit, state, addresses.

    `drift` counts what was changed in the engine by hand: `havre plan --drift` shows it.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    rows = open_client(ctx).get("/api/v1/environments")
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("PROJECT", "ENVIRONMENT", "RELEASE", "STATE", "DEPLOYED", "ADDRESSES"),
        (
            (
                row["project"],
                row["environment"],
                _releases(row),
                _environment_state(row),
                screen.age(row.get("deployed_at")),
                "\n".join(row.get("urls") or ()),
            )
            for row in rows
        ),
        empty="No environment yet. Deploy one: go into its repository, then `havre deploy`.",
        right=("RELEASE",),
    )


def _releases(row: dict[str, Any]) -> str:
    """The live release, and one that shares its requests."""
    beside = row.get("beside")
    also = f" + {beside['release']}" if beside else ""
    return f"{row.get('release') or '-'}{also}"


def _environment_state(row: dict[str, Any]) -> Text:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    shown = screen.state(str(row.get("state") or "-"))
    if row.get("drift"):
        shown.append(f" (drift: {len(row['drift'])})", style="yellow")
    return shown


def releases(
    ctx: typer.Context, environment: Environment = PRODUCTION, project: Project = "", as_json: Json = False
) -> None:
    """List the releases of an environment, the newest first.

    `kept` ones still have their containers at hand: rolling back to them takes a second or two. Of
    `pruned` ones the images may be gone: deploy their commit again instead. DATA is the restore point from
    before a release command ran: havre restore --to-release N.
    """
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(project)
    rows = open_client(ctx).get(at(name, environment, "releases"))
    if as_json:
        screen.print_json(rows)
        return
    screen.listing(
        ("N", "STATE", "COMMIT", "AGE", "IMAGES", "DATA", "SUBJECT"),
        (
            (
                str(row["number"]),
                _release_state(row),
                screen.short(str(row.get("commit") or "")),
                screen.since(row.get("live_at") or row.get("created_at")),
                screen.size(_total(row.get("builds") or ())),
                _restore_point(row),
                str(row.get("subject") or ""),
            )
            for row in sorted(rows, key=lambda row: row["number"], reverse=True)
        ),
        empty=f"{name} {environment} has no release yet.",
        right=("N", "IMAGES"),
        fold=False,
    )


def _release_state(row: dict[str, Any]) -> Text:
    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time

    name = str(row.get("state") or "")
    shown = screen.state(name)
    if row.get("current") and name != "live":
        shown.append(" (current)", style="green")
    elif row.get("kept") and not row.get("current"):
        shown.append(" (kept)", style="cyan")
    elif name == "superseded" and not row.get("restorable", True):
        shown.append(" (pruned)", style="dim")
    return shown


def _restore_point(row: dict[str, Any]) -> str:
    """The position of the restore point before its release command."""
    databases = (row.get("restore_point") or {}).get("databases") or {}
    return ", ".join(str(point["lsn"]) for point in databases.values())


def _total(builds: Any) -> int | None:
    sizes = [int(build["size"]) for build in builds if build.get("size")]
    return sum(sizes) if sizes else None


def ps(
    ctx: typer.Context, environment: Environment = PRODUCTION, project: Project = "", as_json: Json = False
) -> None:
    """Show what runs: each service, its release, replicas and state."""
    from rich.text import Text  # noqa: PLC0415 - start-up time

    from havre.interfaces.cli import screen  # noqa: PLC0415 - start-up time
    from havre.interfaces.cli.client import at  # noqa: PLC0415 - start-up time

    name = project_of(project)
    rows = open_client(ctx).get(at(name, environment, "services"))
    if as_json:
        screen.print_json(rows)
        return

    def shown(row: dict[str, Any]) -> tuple[str | Text, ...]:
        running, wanted = int(row.get("running") or 0), int(row.get("replicas") or 0)
        about = Text("\n".join(row.get("urls") or ()))
        state = screen.state(str(row.get("state") or ""))
        if row.get("weight") is not None:
            state.append(f", {row['weight']} % of requests")
        if row.get("drift"):
            told = f"changed by hand: {', '.join(row['drift'])}"
            about.append(("\n" if about.plain else "") + told, style="yellow")
        if row.get("error"):
            about.append(("\n" if about.plain else "") + str(row["error"]), style="red")
        return (
            str(row["service"]),
            str(row.get("kind") or ""),
            str(row.get("release") or "-"),
            Text(f"{running}/{wanted}", style="green" if running >= wanted else "red"),
            state,
            screen.since(row.get("since")),
            about,
        )

    screen.listing(
        ("SERVICE", "KIND", "RELEASE", "RUNNING", "STATE", "SINCE", "ADDRESS"),
        (shown(row) for row in rows),
        empty=f"Nothing runs in {name} {environment}.",
        right=("RELEASE", "RUNNING"),
    )
