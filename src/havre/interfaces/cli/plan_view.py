"""A plan in the terminal: one line per thing with its sign, below it what differs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from havre.interfaces.cli import screen

HIDDEN = "hidden:"
"""Begins what stands for a value that the server does not tell."""

_SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "replace": ("-/+", "yellow"),
    "delete": ("-", "red"),
}
_DONE = {"create": "to create", "update": "to update", "replace": "to replace", "delete": "to delete"}
_LONGEST = 72
_NOTHING = "(none)"


def changes(plan: dict[str, Any]) -> RenderableType:
    """What a plan would change, and its sum."""
    place = f"{plan['project']} {plan['environment']}"
    commit = f"commit {screen.short(plan['commit'])}  {plan.get('subject', '')}".rstrip()
    if not plan["changes"]:
        return Text.assemble((place, "bold"), f" is as {commit} wants it: no changes.")
    shown: list[RenderableType] = [Text.assemble((place, "bold"), f", {commit}"), Text()]
    for change in plan["changes"]:
        shown += _change(change)
    count = Counter(change["action"] for change in plan["changes"])
    told = ", ".join(f"{count[action]} {words}" for action, words in _DONE.items() if count[action])
    shown += [Text(), Text.assemble(("Plan: ", "bold"), told)]
    dangers = [change for change in plan["changes"] if change["interrupts"] or change["destructive"]]
    if dangers:
        names = ", ".join(f"{change['kind']} {change['name']}" for change in dangers)
        shown.append(Text.assemble(("Careful: ", "bold red"), f"{names}: see the marks above."))
    return Group(*shown)


def _change(change: dict[str, Any]) -> list[RenderableType]:
    sign, style = _SIGNS[change["action"]]
    line = Text.assemble(
        (f"{sign:>5} ", f"bold {style}"), f"{change['kind']} ", (str(change["name"]), "bold")
    )
    if change["destructive"]:
        line.append("  destructive", style="bold red")
    if change["interrupts"]:
        line.append("  interrupts service", style="bold red")
    if change["reason"]:
        line.append(f"  {change['reason']}", style="dim")
    fields = change["fields"] if change["action"] in {"update", "replace"} else []
    if change["action"] == "create":
        fields = [field for field in change["fields"] if field["path"] in {"image", "replicas", "service"}]
    return [line, *(_field(field) for field in fields)]


def _field(field: dict[str, str], indent: int = 10) -> Text:
    before, after = _value(field["before"]), _value(field["after"])
    line = Text(" " * indent + f"{field['path']}: ")
    if before:
        line.append(before, style="red")
    if before and after:
        line.append(" -> ")
    line.append(after or (f" -> {_NOTHING}" if before else _NOTHING), style="green" if after else "dim")
    return line


def _value(text: str) -> str:
    if text.startswith(HIDDEN):
        return "(hidden)"
    if text.startswith("sha256:"):
        return text[:19]
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def drift(plan: dict[str, Any]) -> RenderableType:
    """What was changed by hand, and what can be made of it."""
    place = f"{plan['project']} {plan['environment']}"
    if not plan["drift"]:
        return Text.assemble((place, "bold"), " runs as it was deployed: no drift.")
    shown: list[RenderableType] = [
        Text.assemble((place, "bold"), " was changed by hand (recorded -> found):"),
        Text(),
    ]
    ways = {(each["service"], each["path"]): each for each in plan["adopt"]}
    for each in plan["drift"]:
        name = f"{each['kind']} {each['name']}"
        shown.append(
            Text.assemble(("    ! ", "bold yellow"), name, (f"  {_STATES[each['state']]}", "yellow"))
        )
        for field in each["fields"] or [None]:
            if field:
                shown.append(_field(field))
            way = ways.get((each["name"], field["path"] if field else ""))
            if way:
                shown.append(Text(" " * 12 + _way(way), style="dim"))
    return Group(*shown)


_STATES = {"changed": "changed", "missing": "is missing", "strange": "does not belong here"}


def _way(way: dict[str, str]) -> str:
    return f"`havre adopt` records it, as `havre {way['way']}` would" if way["way"] else way["remedy"]
