"""From facts to a proposal: components, their databases, variables, domains, environments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from havre.domain.blueprint import (
    dockerfiles,
    example_files,
    libraries,
    node,
    procfile,
    python,
    sites,
    variables,
)
from havre.domain.blueprint.example_files import Example
from havre.domain.blueprint.facts import Facts, join, table
from havre.domain.blueprint.ignoring import ignore_files
from havre.domain.blueprint.naming import another, name_of
from havre.domain.blueprint.proposal import Component, Entry, Gap, Proposal, Said
from havre.domain.blueprint.unreadable import ASIDE, unreadable
from havre.domain.blueprint.variables import Around, Decided
from havre.domain.database_version import NEWEST

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_STAGING = ("staging", "develop", "preprod", "pre-production", "dev")
_MAIN = ("main", "master", "trunk", "production")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/@+#=-]{0,199}")
_DATABASE, _CACHE = "db", "cache"


def propose(facts: Facts, *, domain: str = "", project: str = "") -> Proposal:
    """What a person would write after reading the repository, for them to confirm.

    Args:
        facts: what was read.
        domain: a host name of theirs; services get names below it. Empty: ``PROJECT.localhost``.
        project: its name; empty for the repository's own.
    """
    name = Said(project, "as asked") if project else _project(facts)
    components = _named(procfile.applied(facts, _components(facts, name.value)))
    examples = example_files.examples(facts, components)
    database, cache = _data(facts, components, examples)
    hosts = _hosts(components, domain or f"{name.value}.localhost")
    services: list[Entry] = [*(_database(database)), *(_cache(cache))]
    gaps: list[Gap] = []
    secrets: list[str] = []
    left: list[Example] = []
    taken = {one.name for found in examples.values() for one in found}
    for component in components:
        around = _around(component, components, database, cache, hosts)
        decided = []
        for one in examples[component.name]:
            if variables.why_left(one.name):
                left.append(one)
            elif not one.name.startswith(component.public or ("\0",)):
                decided.append(variables.decide(one, around))
        gaps += component.gaps
        gaps += [one.gap for one in decided if one.gap and not component.is_worker]
        secrets += [one.secret for one in decided if one.secret]
        public = _public(facts, component, examples[component.name], around)
        gaps += [one.gap for one in public if one.gap]
        lines = _lines(component, host=hosts.get(component.name), is_asked=bool(domain))
        env = _env(component, decided, database, cache)
        taken |= {one.key for one in env}
        services.append(_service(component, lines, [one.entry for one in public if one.entry], env))
    rest = example_files.untaken(facts, components, taken)
    left += [one for one in rest if variables.why_left(one.name)]
    gaps += example_files.unnamed(facts, [one for one in rest if one not in left])
    environments, branch_gaps = _environments(facts, hosts)
    files = tuple(file for component in components for file in component.files)
    return Proposal(
        project=name,
        services=tuple(services),
        environments=environments,
        files=(*files, *ignore_files(facts, components)),
        gaps=tuple(dict.fromkeys([*gaps, *branch_gaps, *_general(facts, components, domain)])),
        notes=(*_notes(facts), *_left(left)),
        secrets=tuple(dict.fromkeys(secrets)),
        found=(
            *([Said(f"{_DATABASE} (postgres)", database)] if database else ()),
            *([Said(f"{_CACHE} (redis)", cache)] if cache else ()),
            *(Said(f"{one.name} ({one.what})", one.why) for one in components),
        ),
    )


def _project(facts: Facts) -> Said[str]:
    package = facts.json("package.json").get("name")
    if isinstance(package, str) and (name := name_of(package, "")):
        return Said(name, "as in package.json")
    declared = table(facts.toml("pyproject.toml").get("project")).get("name")
    if isinstance(declared, str) and (name := name_of(declared, "")):
        return Said(name, "as in pyproject.toml")
    return Said(name_of(facts.name, "app"), "the name of the folder")


def _components(facts: Facts, project: str) -> list[Component]:
    found = list(dockerfiles.components(facts))
    covered = {one.folder for one in found}
    found += node.components(facts, project, covered=covered)
    # A package.json beside a Django project mostly makes its styles.
    taken = covered | {one.folder for one in found if one.kind == "app"}
    found += python.components(facts, project, covered=taken)
    served = [one for one in found if one.kind == "app" and one.what == "Django"]
    found = [one for one in found if one.kind != "static" or all(one.folder != app.folder for app in served)]
    found = found or list(sites.other_sites(facts))
    return [one for one in found if not _is_aside(one)] or found


def _is_aside(component: Component) -> bool:
    """Whether it lies among tests or examples, and so is not what the repository is about."""
    return bool(ASIDE & set(component.folder.split("/")))


def _named(components: list[Component]) -> list[Component]:
    """Each with a name of its own, which no database has."""
    taken = {_DATABASE, _CACHE}
    found = []
    for one in components:
        name = another(one.name, taken)
        taken.add(name)
        found.append(replace(one, name=name))
    return found


def _data(facts: Facts, components: list[Component], examples: dict[str, list[Example]]) -> tuple[str, str]:
    """Why a database and a cache are needed; empty for one that is not."""
    database = cache = ""
    for one in components:
        schema = facts.text(one.folder, "prisma/schema.prisma")
        found = examples[one.name]
        database = (
            database
            or libraries.postgres_because(one.dependencies, schema)
            or variables.needs_postgres(found)
        )
        cache = cache or libraries.redis_because(one.dependencies) or variables.needs_redis(found)
    return database, cache


def _database(why: str) -> Iterator[Entry]:
    if why:
        yield Entry(
            _DATABASE,
            (Entry("kind", "postgres", why), Entry("version", NEWEST, "the newest one here")),
        )


def _cache(why: str) -> Iterator[Entry]:
    if why:
        yield Entry(_CACHE, (Entry("kind", "redis", why),))


def _hosts(components: list[Component], base: str) -> dict[str, str]:
    """A host name for each service that takes requests; the pages have the shortest."""
    routed = [one for one in components if one.kind == "static" or one.port]
    if not routed:
        return {}
    first = next((one for one in routed if one.kind == "static"), None)
    first = first or next(
        (one for one in routed if one.name in {"web", "app", "site", "frontend"}), routed[0]
    )
    return {one.name: base if one is first else f"{one.name}.{base}" for one in routed}


def _around(
    component: Component, components: list[Component], database: str, cache: str, hosts: dict[str, str]
) -> Around:
    pages = [
        one.name for one in components if one.name in hosts and (one.kind == "static" or one.name == "web")
    ]
    programs = [
        one.name for one in components if one.name in hosts and one.kind == "app" and one.name not in pages
    ]
    return Around(
        own=component.name,
        database=_DATABASE if database else "",
        cache=_CACHE if cache else "",
        pages=pages[0] if pages else "",
        api=programs[0] if programs else "",
        is_public=component.name in hosts,
    )


def _public(facts: Facts, component: Component, examples: list[Example], around: Around) -> list[Decided]:
    """Arguments of the build that end up in what browsers load, as example files and code name them."""
    if not component.public:
        return []
    around = replace(around, database="", cache="")
    named = [one for one in examples if one.name.startswith(component.public)]
    known = {one.name for one in named}
    named += [one for one in example_files.in_code(facts, component) if one.name not in known]
    found = [variables.decide(one, around) for one in named]
    return [_told(component, one) if one.secret else one for one in found]


def _told(component: Component, decided: Decided) -> Decided:
    """A public variable whose name sounds secret: a person has to say."""
    name = decided.entry.key if decided.entry else ""
    return Decided(
        gap=Gap(
            f"{component.name}.build.args.{name}",
            f"{name} looks secret, and everybody who opens the site can read it",
            "add it to build.args if it is meant to be public, else use it in the API only",
        )
    )


def _service(
    component: Component, lines: list[Entry], arguments: list[Entry], env: tuple[Entry, ...]
) -> Entry:
    build = component.build
    if arguments:
        build = (*build, Entry("args", tuple(arguments), "read while building; they end up public"))
    kind = Entry("kind", component.kind, f"{component.what}: {component.why}")
    more = (Entry("env", env),) if env and component.kind == "app" else ()
    return Entry(component.name, (kind, Entry("build", build), *lines, *more))


def _lines(component: Component, *, host: str | None, is_asked: bool) -> list[Entry]:
    """What stands between ``build`` and ``env``."""
    lines: list[Entry] = []
    if component.command:
        lines.append(Entry("command", component.command.value, component.command.why))
    if component.port:
        lines.append(Entry("port", component.port.value, component.port.why))
    if component.health:
        lines.append(Entry("health", component.health.value, component.health.why))
    if component.release:
        lines.append(
            Entry("release", component.release.value, f"once before traffic; {component.release.why}")
        )
    if component.spa:
        lines.append(Entry("spa", component.spa.value, component.spa.why))
    if host:
        why = (
            "as asked; its DNS record must point here"
            if is_asked
            else "for this machine; replace it by yours"
        )
        lines.append(Entry("domain", host, why))
    return lines


def _env(component: Component, decided: list[Decided], database: str, cache: str) -> tuple[Entry, ...]:
    found = {one.key: one for one in (*(one.entry for one in decided if one.entry), *component.env)}
    values = " ".join(str(one.value) for one in found.values())
    if database and f"${{{_DATABASE}." not in values and libraries.POSTGRES & component.dependencies:
        found.setdefault(
            "DATABASE_URL", Entry("DATABASE_URL", f"${{{_DATABASE}.url}}", "the usual name; check it")
        )
    if cache and f"${{{_CACHE}." not in values and libraries.REDIS & component.dependencies:
        found.setdefault("REDIS_URL", Entry("REDIS_URL", f"${{{_CACHE}.url}}", "the usual name; check it"))
    return tuple(found.values())


def _environments(facts: Facts, hosts: dict[str, str]) -> tuple[tuple[Entry, ...], list[Gap]]:
    branch = facts.branch if _BRANCH.fullmatch(facts.branch) else ""
    branch = next((one for one in _MAIN if one in facts.branches), branch) if branch not in _MAIN else branch
    gaps = []
    why = "the main branch of the repository"
    if not branch:
        branch, why = "main", "the usual one"
        gaps.append(
            Gap(
                "environments.production.branch",
                "this folder is no Git repository with a branch yet, and Havre deploys commits",
                "git init -b main && git add -A && git commit -m 'First version'",
                blocking=True,
            )
        )
    found = [Entry("production", (Entry("branch", branch, why),))]
    other = next((one for one in _STAGING if one in facts.branches and one != branch), "")
    if other:
        places = tuple(
            Entry(name, (Entry("domain", f"staging.{host}", "a host name of its own"),))
            for name, host in hosts.items()
        )
        lines = [Entry("branch", other, "a branch of this repository")]
        if places:
            lines.append(Entry("services", places))
        found.append(Entry("staging", tuple(lines)))
    return tuple(found), gaps


def _general(facts: Facts, components: list[Component], domain: str) -> Iterator[Gap]:
    yield from (Gap("repository", what, "name what is missing in havre.yaml by hand") for what in facts.cut)
    yield from unreadable(facts)
    yield from example_files.malformed(facts, components)
    for one in components:
        for library in sorted(set(libraries.ELSEWHERE) & one.dependencies):
            yield Gap(
                f"{one.name}.env",
                f"{library} wants {libraries.ELSEWHERE[library]}, which Havre does not run",
                "run it elsewhere and give its address as a secret",
                blocking=True,
            )
        if found := sorted(libraries.SQLITE & one.dependencies):
            yield Gap(
                f"{one.name}.volumes",
                f"{found[0]} writes a file, which is gone with each release",
                "add volumes: [data:/data] and put the file there (the strategy becomes recreate)",
            )
    if not domain and any(one.kind == "static" or one.port for one in components):
        yield Gap(
            "domain",
            "the domains answer on the server itself alone",
            "havre init --domain example.org, or edit them",
        )


def _left(left: list[Example]) -> Iterator[str]:
    """What is said of the variables that are left out on purpose, by their file and the reason."""
    groups: dict[tuple[str, str], dict[str, None]] = {}
    for one in left:
        groups.setdefault((one.file, variables.why_left(one.name)), {})[one.name] = None
    for (file, why), names in groups.items():
        yield f"not taken over from {file}: {', '.join(names)} ({why})"


def _notes(facts: Facts) -> Iterator[str]:
    compose = next((name for name in COMPOSE_FILES if facts.has(name)), "")
    if compose:
        yield f"{compose} is here too: havre init --from-compose {compose} translates it instead"
    if any(path.startswith(".github/workflows/") for path in facts.paths):
        yield "GitHub Actions goes on as before; a job can run havre deploy with a token"
    elif facts.has(".gitlab-ci.yml"):
        yield "GitLab CI goes on as before; a job can run havre deploy with a token"


__all__ = ["join", "propose"]
