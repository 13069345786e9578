"""The last word on an operation: release, images and addresses, or the cause and the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from havre.errors import HavreError
from havre.interfaces.cli import screen
from havre.interfaces.cli.client import Client, at
from havre.interfaces.cli.progress import Progress

_SLOW_STAGES = 4
_COLOURS = {"succeeded": "green", "cancelled": "yellow", "failed": "red"}
_DONE = {
    "deploy": "deployed",
    "rollback": "rolled back",
    "restart": "restarted",
    "scale": "scaled",
    "destroy": "destroyed",
    "plan": "planned",
    "apply": "deployed as planned",
    "adopt": "adopted",
    "backup": "backed up",
    "dump": "dumped",
    "verify": "read back",
    "restore": "restored",
    "confirm": "confirmed",
    "upgrade": "upgraded",
    "erase": "erased",
    "drill": "drilled",
    "extract": "extracted",
}


def panel(client: Client, operation: dict[str, Any], progress: Progress, console: Console) -> RenderableType:
    """The closing panel of an operation that is over."""
    place = where(operation)
    kind = str(operation["kind"])
    ended = _DONE.get(kind, kind) if progress.state == "succeeded" else f"{kind} {progress.state}"
    title = Text.assemble(screen.mark(console, progress.state), f" {place} {ended}")
    body = _good(client, operation, progress) if progress.state == "succeeded" else _bad(operation, progress)
    return Panel(
        body,
        title=title,
        title_align="left",
        box=ROUNDED,
        border_style=_COLOURS.get(progress.state, ""),
        padding=(0, 1),
        width=None if console.is_terminal else 100,
    )


def where(operation: dict[str, Any]) -> str:
    """The project and environment of an operation; of a destroyed one, the name they had."""
    if operation.get("project"):
        return f"{operation['project']} {operation['environment']}"
    return str(operation.get("target") or "")


def _bad(operation: dict[str, Any], progress: Progress) -> RenderableType:
    error = progress.error or {}
    parts: list[RenderableType] = []
    if error.get("message"):
        parts.append(Text(str(error["message"]), style="bold"))
    elif progress.state == "cancelled":
        parts.append(Text("stopped on request; what served before serves still"))
    if error.get("detail"):
        parts.append(Text())
        parts.extend(Text("│ ", style="dim") + Text.from_ansi(line) for line in _lines(error["detail"]))
    if error.get("hint"):
        parts += [Text(), Text.assemble(("hint  ", "bold cyan"), str(error["hint"]))]
    again = "doing it again may succeed; " if error.get("retryable") else ""
    parts += [Text(), Text(f"{again}its record: havre operations show {operation['id']}", style="dim")]
    return Group(*parts)


def _lines(detail: Any) -> list[str]:
    return detail.splitlines() if isinstance(detail, str) else [str(line) for line in detail]


def _good(client: Client, operation: dict[str, Any], progress: Progress) -> RenderableType:
    result = progress.result
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    number = result.get("release")
    release = _release(client, operation, number)
    if number:
        facts.add_row("release", Text(str(number), style="bold"))
    commit = str(result.get("commit") or release.get("commit") or "")
    if commit:
        subject = str(result.get("subject") or release.get("subject") or "")
        facts.add_row("commit", Text.assemble((screen.short(commit), "yellow"), f"  {subject}"))
    for label, url in zip(_first("address"), _addresses(client, operation, result), strict=False):
        facts.add_row(label, Text(url, style=f"link {url}"))
    if operation["kind"] == "drill":
        for label, value in drill_facts(result):
            facts.add_row(label, Text(value))
    took = [step.seconds for step in progress.steps.values() if step.seconds is not None]
    if took:
        facts.add_row("took", screen.duration(sum(took)))
    builds = result.get("builds") or release.get("builds") or ()
    shown: list[RenderableType] = [facts]
    if result.get("copies"):
        shown += [Text(), copies_table(result["copies"])]
    if builds and operation["kind"] in {"deploy", "apply"}:
        shown += [Text(), build_table(builds)]
    return Group(*shown)


def drill_facts(result: dict[str, Any]) -> list[tuple[str, str]]:
    """What a drill measured and compared, as labels and values."""
    objectives = (result.get("drill") or {}).get("objectives") or {}
    rows = [("from", f"the {(result.get('drill') or {}).get('repository', '')} repository")]
    for label, key in (("RTO", "rto"), ("RPO", "rpo")):
        found = result.get(key)
        if found is not None:
            told = f"{screen.duration(found)}, objective {screen.duration(objectives.get(key))}"
            rows.append((label, told))
    for name, each in (result.get("databases") or {}).items():
        rows.append((name, f"backup {each['backup']}; {each.get('compared') or 'not compared'}"))
    for name, each in (result.get("dumps") or {}).items():
        rows.append((f"dump of {name}", each["problem"] or "came back"))
    checks = result.get("checks")
    if checks is not None:
        bad = sum(bool(each["problem"]) for each in checks)
        rows.append(("checks", f"{len(checks) - bad} of {len(checks)} good"))
    return rows


def copies_table(copies: dict[str, dict[str, Any]]) -> RenderableType:
    """What a backup copied, by database and repository."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for title, justify in (("copy", "left"), ("label", "left"), ("type", "left"), ("size", "right")):
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("stored", justify="right", no_wrap=True)
    table.add_column("in", justify="right", no_wrap=True)
    for key, copy in copies.items():
        table.add_row(
            Text(key),
            str(copy["label"]),
            str(copy["type"]),
            screen.size(copy["size"]),
            screen.size(copy["stored"]),
            screen.duration(copy["seconds"]),
        )
    return table


def build_table(builds: Sequence[dict[str, Any]]) -> RenderableType:
    """Size and build time of each image, and of its slowest stages in the order they ran."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("image", no_wrap=True)
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("built in", justify="right", no_wrap=True)
    table.add_column("stages", overflow="fold", style="dim")
    for build in builds:
        table.add_row(
            Text(str(build.get("service", ""))),
            screen.size(build.get("size")),
            screen.duration(build.get("seconds")),
            Text(_stages(build.get("stages") or ())),
        )
    return table


def _stages(stages: Iterable[dict[str, Any]]) -> str:
    listed = list(stages)
    ran = [stage for stage in listed if not stage.get("cached")]
    slow = sorted(ran, key=lambda stage: float(stage.get("seconds") or 0), reverse=True)[:_SLOW_STAGES]
    told = [f"{stage['name']} {screen.duration(stage.get('seconds'))}" for stage in ran if stage in slow]
    cached = len(listed) - len(ran)
    if cached:
        told.append(f"{cached} cached")
    return ", ".join(told)


def _release(client: Client, operation: dict[str, Any], number: Any) -> dict[str, Any]:
    """The record of the release that this operation made live; empty if it cannot be read."""
    if not number:
        return {}
    try:
        rows = client.get(at(operation["project"], operation["environment"], "releases"))
    except HavreError:
        return {}
    return next((row for row in rows if row.get("number") == number), {})


def _addresses(client: Client, operation: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """The public URLs: of the result, else as the environment has them now."""
    if operation["kind"] not in {"deploy", "apply", "rollback"}:
        return []
    if result.get("urls"):
        return [str(url) for url in result["urls"]]
    try:
        rows = client.get("/api/v1/environments")
    except HavreError:
        return []
    wanted = (operation["project"], operation["environment"])
    return next(
        (list(row.get("urls") or ()) for row in rows if (row["project"], row["environment"]) == wanted), []
    )


def _first(label: str) -> Iterable[str]:
    """The label, then blanks."""
    yield label
    while True:
        yield ""
