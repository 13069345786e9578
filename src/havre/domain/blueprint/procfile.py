"""What a ``Procfile`` adds: workers, a release command, and where a Python application is.

Its format: https://devcenter.heroku.com/articles/procfile.
"""

from __future__ import annotations

import re
from dataclasses import replace

from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.proposal import Component, Gap, Said

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+?)\s*$", re.MULTILINE)
_SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "daphne", "waitress-serve"})
_TARGET = re.compile(r"(?<!\S)([A-Za-z_][\w.]*):([A-Za-z_]\w*)(\(\))?(?!\S)")
_SHELL = re.compile(r"[$`;|&<>]")


def applied(facts: Facts, components: list[Component]) -> list[Component]:
    """The components with what the Procfile at the top says about the first program there."""
    lines = dict(_LINE.findall(facts.text("Procfile")))
    at = next(
        (i for i, one in enumerate(components) if one.kind == "app" and one.folder == "." and one.port), None
    )
    if not lines or at is None:
        return components
    first = components[at]
    gaps = list(first.gaps)
    release = first.release
    if "release" in lines:
        if _SHELL.search(lines["release"]):
            gaps.append(_gap(f"{first.name}.release", lines["release"]))
        else:
            release = Said(lines["release"], "release in the Procfile")
    others = [one for one in components if not one.is_worker]
    others[others.index(first)] = replace(first, release=release, gaps=tuple(gaps))
    for name, command in lines.items():
        if name in {"web", "release"}:
            continue
        own = name_of(name, "worker")
        gap = (_gap(f"{own}.command", command),) if _SHELL.search(command) else ()
        started = None if gap else Said(command, f"{name} in the Procfile")
        process = replace(first, name=own, what=f"{name} of {first.name}", why="Procfile", is_worker=True)
        alone = replace(process, port=None, health=None, release=None, files=(), public=())
        others.append(replace(alone, command=started, gaps=gap))
    return others


def application(facts: Facts, folder: str) -> tuple[str, str, bool] | None:
    """The module and the object that ``web`` names in the Procfile of a folder, ``gunicorn app:app``.

    The last is whether the object is a function that makes the application. None if no server of Python
    is started there.
    """
    command = dict(_LINE.findall(facts.text(folder, "Procfile"))).get("web", "")
    words = command.replace("'", "").replace('"', "").split()
    found = _TARGET.search(" ".join(words))
    if found is None or _SERVERS.isdisjoint(words):
        return None
    return found[1], found[2], bool(found[3]) or "--factory" in words


def _gap(about: str, command: str) -> Gap:
    return Gap(
        about,
        f"the Procfile's command needs a shell: {command}",
        "write it for Havre, which starts programs without one",
        blocking=True,
    )
