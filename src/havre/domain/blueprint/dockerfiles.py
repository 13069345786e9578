"""The services that a repository's own Dockerfiles build."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

from havre.domain.blueprint import health, listening
from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.node import release_of
from havre.domain.blueprint.packages import Package
from havre.domain.blueprint.proposal import Component, Entry, Gap, Said
from havre.domain.blueprint.python import projects

_NOT_FOR_PRODUCTION = re.compile(
    r"(^|[./_-])(dev|development|test|tests|ci|local|debug|e2e|devcontainer)([./_-]|$)"
)
_PROBED = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?::(?P<port>\d+|\$\w+|\$\{[^}\s]*\}))?(?P<path>/[\w./-]*)?"
)
_VARIABLE = re.compile(r"(?<!\\)\$(?:\{(\w+)(?::?-([^${}]*))?\}|(\w+))")
_NAME = re.compile(r"(?:^|/)(?:Dockerfile(?:\.(?P<after>[\w-]+))?|(?P<before>[\w-]+)\.Dockerfile)$")


@dataclass(frozen=True)
class Dockerfile:
    """What a Dockerfile says about the image that it makes.

    Args:
        path: where it is.
        context: folder that its build has to see.
        exposed: the first port that it exposes.
        unknown: what it exposes where that is a variable without a default.
        command: its entry point and command, for people.
        probe: path that its own health check asks, empty if it asks none.
        probed: the port of that.
        bases: images that it starts from.
        words: the instructions in it.
    """

    path: str
    context: str
    exposed: int | None
    unknown: str
    command: str
    probe: str
    probed: int | None
    bases: tuple[str, ...]
    words: frozenset[str] = frozenset()


def found_in(facts: Facts) -> list[str]:
    """Paths of the Dockerfiles for production, at most one in a folder unless they have different names."""
    found = [
        path
        for path in facts.below(".")
        if _NAME.search(path) and not _NOT_FOR_PRODUCTION.search(path.lower())
    ]
    folders = {path.rpartition("/")[0] for path in found if path.rpartition("/")[2] == "Dockerfile"}
    plain = [path for path in found if path.rpartition("/")[2] == "Dockerfile"]
    return plain + [path for path in found if path not in plain and path.rpartition("/")[0] not in folders]


def components(facts: Facts) -> Iterator[Component]:
    """A service for each Dockerfile."""
    for path in found_in(facts):
        yield _component(facts, read(facts, path))


@dataclass(frozen=True)
class _Stage:
    """A stage while it is read; one that starts from another begins with what that says."""

    env: Mapping[str, str] = field(default_factory=dict)
    args: Mapping[str, str] = field(default_factory=dict)
    exposed: str = ""
    command: str = ""
    entry: str = ""
    health: str = ""


def read(facts: Facts, path: str) -> Dockerfile:
    """What stands in a Dockerfile, with the defaults of its variables.

    Format: https://docs.docker.com/reference/dockerfile/.
    """
    parser = DockerfileParser(fileobj=io.BytesIO(facts.text(path).encode()), env_replace=False)
    bases: list[str] = []
    stages: dict[str, _Stage] = {}
    sources: list[str] = []
    outside: dict[str, str] = {}
    name, stage = "", _Stage(args=outside)
    for line in parser.structure:
        word, value = line["instruction"], line["value"]
        if word == "FROM":
            stages[name] = stage
            image, _, rest = _without_options(value).partition(" ")
            image = _expanded(image, outside)
            if image not in stages:
                bases.append(image)
            stage = replace(stages.get(image, _Stage()), args={})
            name = rest.strip().partition(" ")[2].strip() or image
        elif word == "ARG" and not bases:
            outside |= _assigned(value, outside)
        elif word in {"COPY", "ADD"} and "--from" not in value:
            sources += [part for part in _parts(value)[:-1] if not part.startswith("-")]
        else:
            stage = _after(stage, word, value, outside)
    port = re.match(r"\d+", stage.exposed)
    asked = _PROBED.search(_expanded(stage.health, stage.env))
    probed = asked["port"] or "" if asked else ""
    return Dockerfile(
        path=path,
        context=_context(facts, path, sources),
        exposed=int(port[0]) if port else None,
        unknown=stage.exposed if "$" in stage.exposed else "",
        command=_expanded(f"{stage.entry} {stage.command}".strip(), stage.env),
        probe=asked["path"] or "/" if asked else "",
        probed=int(probed) if probed.isdigit() else None,
        bases=tuple(one for one in bases if one),
        words=frozenset(line["instruction"] for line in parser.structure),
    )


def _after(stage: _Stage, word: str, value: str, outside: Mapping[str, str]) -> _Stage:
    """A stage after one more instruction; ``outside`` are arguments from before the first stage."""
    known = {**stage.args, **stage.env}
    if word == "ENV":
        return replace(stage, env={**stage.env, **_assigned(value, known)})
    if word == "ARG":
        inherited = {one: outside[one] for one in value.split() if one in outside}
        return replace(stage, args={**stage.args, **inherited, **_assigned(value, known)})
    if word == "EXPOSE" and not stage.exposed:
        return replace(stage, exposed=_expanded(value, known).partition(" ")[0])
    if word == "CMD":
        return replace(stage, command=_shown(value))
    if word == "ENTRYPOINT":
        return replace(stage, entry=_shown(value))
    return replace(stage, health=value) if word == "HEALTHCHECK" else stage


def _assigned(value: str, known: Mapping[str, str]) -> dict[str, str]:
    """Names and values of an ``ENV`` or ``ARG``; names alone are left out."""
    try:
        words = shlex.split(value)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        return {words[0]: _expanded(" ".join(words[1:]), known)} if words[1:] else {}
    pairs = (word.partition("=") for word in words)
    return {name: _expanded(text, known) for name, equals, text in pairs if equals}


def _expanded(text: str, values: Mapping[str, str]) -> str:
    """A text with the variables whose value or default is known; the others stay as they are."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[3]) or found[2] or found[0]

    return _VARIABLE.sub(value, _VARIABLE.sub(value, text))


def _without_options(value: str) -> str:
    return re.sub(r"^(--\S+\s+)+", "", value)


def _parts(value: str) -> list[str]:
    words = _without_options(value)
    try:
        return [str(part) for part in json.loads(words)]
    except (ValueError, TypeError):
        return words.split()


def _shown(value: str) -> str:
    return " ".join(_parts(value)) if value.lstrip().startswith("[") else value


def _context(facts: Facts, path: str, sources: list[str]) -> str:
    """The folder, from the Dockerfile's own up to the top, that has most of what is copied."""
    folder = path.rpartition("/")[0] or "."
    places = [folder]
    while places[-1] != ".":
        places.append(places[-1].rpartition("/")[0] or ".")
    named = [source.removeprefix("./").rstrip("/") for source in sources if source not in {".", "./"}]
    plain = [source for source in named if not re.search(r"[*?\[$]", source) and source]

    def score(place: str) -> int:
        return sum(
            facts.has(place, source) or any(True for _ in facts.below(join(place, source)))
            for source in plain
        )

    return max(places, key=score) if plain else folder


def _component(facts: Facts, found: Dockerfile) -> Component:
    folder = found.path.rpartition("/")[0] or "."
    if folder.rpartition("/")[2] in {"docker", ".docker", "deploy", "build"}:
        folder = folder.rpartition("/")[0] or "."
    match = _NAME.search(found.path)
    suffix = (match["after"] or match["before"] or "") if match else ""
    name = name_of(suffix or (folder if folder != "." else ""), "app")
    name = "app" if name in {"production", "prod", "release"} else name
    package = Package(folder, facts.json(folder, "package.json"))
    python = next((project for project in projects(facts) if project.folder == folder), None)
    sources = list(facts.code(folder))
    port = _port(found, sources, package)
    gaps: list[Gap] = []
    chosen = None
    if port and found.probe:
        chosen = Said(found.probe, "as its HEALTHCHECK asks")
    elif port:
        title = "NestJS" if "@nestjs/core" in package.production else ""
        routes = [*listening.nest_routes(sources)] if title else [*listening.called_routes(sources)]
        if python and "django" in python.dependencies:
            routes += listening.django_routes(sources, "")
        prefix = "" if folder == "." else f"{folder}/"
        routes += listening.file_routes(path.removeprefix(prefix) for path in facts.below(folder))
        is_web_server = any(
            "nginx" in base or "caddy" in base or "httpd" in base for base in found.bases[-1:]
        )
        chosen, told = health.choose(name, routes, title, has_pages=is_web_server)
        gaps += told
    elif found.unknown:
        gaps.append(
            Gap(
                f"{name}.port",
                f"{found.path} exposes {found.unknown}, and no default says which port that is",
                "add port, health and domain, or a default to the Dockerfile, as in ENV PORT=8000",
                blocking=True,
            )
        )
    else:
        gaps.append(
            Gap(
                f"{name}.port",
                f"{found.path} exposes no port, so {name} takes no requests",
                "add port and health if it does",
            )
        )
    gaps += _unread(found, name)
    release, release_gaps = release_of(facts, package, name) if package.data else (None, ())
    entries = [Entry("context", found.context, _context_why(found))]
    inside = found.path if found.context == "." else found.path.removeprefix(f"{found.context}/")
    if inside != "Dockerfile":
        entries.append(Entry("dockerfile", inside, "found in the repository"))
    return Component(
        name=name,
        kind="app",
        folder=folder,
        what="Dockerfile",
        why=found.path,
        build=tuple(entries),
        dependencies=package.production | (python.dependencies if python else frozenset()),
        port=port,
        health=chosen,
        release=release,
        gaps=(*gaps, *release_gaps),
    )


def _unread(found: Dockerfile, name: str) -> Iterator[Gap]:
    """What is said of a Dockerfile that tells nothing."""
    if not found.bases:
        yield Gap(
            f"{name}.build",
            f"{found.path} could not be read: there is no FROM with an image in it",
            "mend it, or delete it and run havre init again, which writes one",
            blocking=True,
        )
    elif found.words <= {"FROM", "ARG", "COMMENT"}:
        yield Gap(
            f"{name}.build",
            f"nothing but FROM stands in {found.path}, so {name} is what {found.bases[-1]} runs",
            "add what it copies and the command that it starts",
        )


def _port(found: Dockerfile, sources: list[tuple[str, str]], package: Package) -> Said[int] | None:
    if found.exposed:
        return Said(found.exposed, f"exposed by {found.path}")
    if found.probed:
        return Said(found.probed, f"asked by the HEALTHCHECK of {found.path}")
    in_command = re.search(r"(?:--port[= ]|-p[= ]|--bind[= ]\S*:)(\d{2,5})", found.command)
    if in_command:
        return Said(int(in_command[1]), f"as in the command of {found.path}")
    if listening.listens(sources) or "@nestjs/core" in package.production:
        return listening.port_in(sources)
    return None


def _context_why(found: Dockerfile) -> str:
    if found.context != (found.path.rpartition("/")[0] or "."):
        return f"where what {found.path} copies is"
    return f"where {found.path.rpartition('/')[2]} is"
