"""The services in a repository's package.json files: frontends, programs, and their workers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from havre.domain.blueprint import health, listening, sites
from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.libraries import MIGRATION_SCRIPTS, TOOLS
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.node_files import Program, dockerfile, has_prisma, inside_of, needs_client
from havre.domain.blueprint.packages import Package, Workspace, workspaces
from havre.domain.blueprint.proposal import Component, Entry, Gap, Said
from havre.domain.blueprint.starting import BINARIES, Start, of_script, start_of

NODE_MAJOR = 24
_USUAL_PORT = 3000
NO_LOCK = "there is no lock file, so versions differ from build to build"
_FRAMEWORKS = (
    ("next", "Next.js"),
    ("nuxt", "Nuxt"),
    ("@sveltejs/kit", "SvelteKit"),
    ("@react-router/serve", "React Router"),
    ("@remix-run/serve", "Remix"),
    ("@nestjs/core", "NestJS"),
    ("fastify", "Fastify"),
    ("express", "Express"),
    ("koa", "Koa"),
    ("@hono/node-server", "Hono"),
    ("@hapi/hapi", "hapi"),
    ("@adonisjs/core", "AdonisJS"),
    ("@feathersjs/feathers", "Feathers"),
    ("@astrojs/node", "Astro"),
)
_PAGES = frozenset({"Next.js", "Nuxt", "SvelteKit", "React Router", "Remix", "Astro"})
"""Frameworks that answer ``/`` with a page."""
_BUILT_IN_STARTS = {
    "Nuxt": "node .output/server/index.mjs",
    "SvelteKit": "node build",
    "Astro": "node dist/server/entry.mjs",
}
_PUBLIC = {
    "Next.js": ("NEXT_PUBLIC_",),
    "SvelteKit": ("PUBLIC_",),
    "React Router": ("VITE_",),
    "Remix": ("VITE_",),
}
_WORKER = re.compile(r"(start:)?(worker|jobs|queue)s?(:prod)?")


def components(facts: Facts, project: str, *, covered: Collection[str]) -> Iterator[Component]:
    """What runs of the repository's packages.

    Args:
        facts: what was read.
        project: name of the project, for the names of caches.
        covered: folders that have a Dockerfile of their own.
    """
    for workspace in workspaces(facts):
        for package in (workspace.root, *workspace.members.values()):
            if package.folder in covered:
                continue
            if found := sites.site_of(facts, workspace, package):
                yield found
            else:
                yield from _programs(facts, workspace, package, project)


def _programs(facts: Facts, workspace: Workspace, package: Package, project: str) -> Iterator[Component]:
    title = next((title for library, title in _FRAMEWORKS if library in _libraries(package)), "")
    sources = list(_own_code(facts, workspace, package))
    takes_requests = bool(title) or listening.listens(sources)
    start = _start(facts, package, title)
    if workspace.is_shared and package is workspace.root and not title:
        return
    if start is None or not (takes_requests or _is_worker(package)):
        return
    name = name_of(package.folder if package.folder != "." else "", "web" if title in _PAGES else "api")
    if name in {"src", "server", "backend"}:
        name = "api"
    if not takes_requests:
        name = "worker" if package.folder == "." else name
    standalone = title == "Next.js" and "standalone" in _next_config(facts, package)
    port = _port(facts, package, sources) if takes_requests else None
    release, release_gaps = release_of(facts, package, name)
    worker = _worker_script(package)
    program = Program(
        title=title or "Node.js",
        package=package,
        start=start,
        port=port.value if port else None,
        also=tuple(_files_of(release, worker)),
        public=tuple(sorted(_public_names(facts, package, title))),
        standalone=standalone,
        environment=_environment(start, title),
    )
    file = dockerfile(facts, workspace, program, project)
    chosen, health_gaps = (
        health.choose(
            name, _routes(facts, package, sources, title), title, has_pages=title in _PAGES
        ) if port else (None, ())
    )  # fmt: skip
    context = workspace.folder
    build = [Entry("context", context, _context_why(workspace, package))]
    inside = inside_of(workspace, package)
    if inside != ".":
        build.append(Entry("dockerfile", f"{inside}/Dockerfile", "written by havre init"))
    component = Component(
        name=name,
        kind="app",
        folder=package.folder,
        what=title or "Node.js",
        why=_why(package, title, start),
        build=tuple(build),
        dependencies=package.production,
        port=port,
        health=chosen,
        release=release,
        public=_PUBLIC.get(title, ()),
        files=(file,),
        gaps=(
            *health_gaps,
            *release_gaps,
            *workspace_gaps(facts, workspace),
            *_gaps(facts, package, name, start, title),
            *(_loopback_gaps(name, title, sources) if port else ()),
        ),
    )
    yield component
    if worker and takes_requests:
        yield replace(
            component,
            name="worker" if package.folder == "." else f"{name}-worker",
            what=f"worker of {name}",
            why="the script " + worker[0],
            port=None,
            health=None,
            release=None,
            command=Said(" ".join(worker[1].words), worker[1].why),
            files=(),
            gaps=(),
            public=(),
            is_worker=True,
        )


def _libraries(package: Package) -> frozenset[str]:
    """What it runs with, and the frameworks that are left behind by their build."""
    return package.production | (package.all & {"nuxt", "@sveltejs/kit"})


def _start(facts: Facts, package: Package, title: str) -> Start | None:
    if title == "Next.js":
        return Start(("node", "node_modules/next/dist/bin/next", "start"), "next start")
    found = start_of(facts, package)
    if title in _BUILT_IN_STARTS and (found is None or found.words[0] != "node"):
        return Start(tuple(_BUILT_IN_STARTS[title].split()), f"as {title} builds it")
    return found


def _is_worker(package: Package) -> bool:
    return bool({"bullmq", "bull", "bee-queue", "pg-boss", "graphile-worker", "amqplib"} & package.production)


def _worker_script(package: Package) -> tuple[str, Start] | None:
    for name in sorted(package.scripts):
        if _WORKER.fullmatch(name) and (found := of_script(package, name)) and found.words[0] != "sh":
            return name, found
    return None


def _files_of(release: Said[str] | None, worker: tuple[str, Start] | None) -> Iterator[str]:
    if release and release.value.startswith("node "):
        yield Start(tuple(release.value.split()), "").file
    if worker and worker[1].file:
        yield worker[1].file


def _own_code(facts: Facts, workspace: Workspace, package: Package) -> Iterator[tuple[str, str]]:
    """Code of a package, without that of packages in folders below it."""
    others = [folder for folder in workspace.members if folder != package.folder]
    for path, text in facts.code(package.folder):
        if not any(path.startswith(f"{folder}/") for folder in others):
            yield path, text


def _port(facts: Facts, package: Package, sources: list[tuple[str, str]]) -> Said[int]:
    found = listening.port_in(sources)
    if found:
        return found
    for name in (".env.example", ".env.sample", ".env.dist"):
        in_example = re.search(r"^PORT=(\d{2,5})\s*$", facts.text(package.folder, name), re.MULTILINE)
        if in_example:
            return Said(int(in_example[1]), f"as in {join(package.folder, name)}")
    return Said(_USUAL_PORT, "the usual one; the program finds it as $PORT")


def _routes(
    facts: Facts, package: Package, sources: list[tuple[str, str]], title: str
) -> list[listening.Route]:
    if title == "NestJS":
        return list(listening.nest_routes(sources))
    prefix = "" if package.folder == "." else f"{package.folder}/"
    files = [path.removeprefix(prefix) for path in facts.below(package.folder)]
    return [*listening.called_routes(sources), *(listening.file_routes(files) if title in _PAGES else ())]


def _next_config(facts: Facts, package: Package) -> str:
    path = facts.first(package.folder, *(f"next.config.{end}" for end in ("js", "mjs", "ts", "cjs", "mts")))
    found = re.search(r"""\boutput\s*:\s*["'`](\w+)["'`]""", facts.text(path))
    return found[1] if found else ""


def _public_names(facts: Facts, package: Package, title: str) -> set[str]:
    pattern = "|".join(_PUBLIC.get(title, ()))
    if not pattern:
        return set()
    texts = [text for _, text in facts.code(package.folder)]
    texts += [facts.text(package.folder, name) for name in (".env.example", ".env.sample", ".env.dist")]
    return set(re.findall(rf"\b(?:{pattern})[A-Z0-9_]+", "\n".join(texts)))


def _environment(start: Start, title: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if title == "Next.js":
        found += [("HOSTNAME", "0.0.0.0"), ("NEXT_TELEMETRY_DISABLED", "1")]  # noqa: S104 - in a container
    if title == "Astro":
        found.append(("HOST", "0.0.0.0"))  # noqa: S104 - in a container
    if start.words[0] == "sh":
        found.append(("PATH", f"/app/{BINARIES}:$PATH"))
    return tuple(found)


def _context_why(workspace: Workspace, package: Package) -> str:
    if workspace.is_shared and package.folder != workspace.folder:
        return f"the workspace with {workspace.lock or 'its packages'}"
    return f"where package.json{' and ' + workspace.lock if workspace.lock else ''} stand"


def _why(package: Package, title: str, start: Start) -> str:
    file = join(package.folder, "package.json")
    library = next((library for library, name in _FRAMEWORKS if name == title), "")
    return f"{file} depends on {library}" if library else f"{file}, {start.why}"


def release_of(facts: Facts, package: Package, name: str) -> tuple[Said[str] | None, tuple[Gap, ...]]:
    """The command that brings the schema up to date in the image, and what hinders it."""
    scripts = sorted(
        (script for script in package.scripts if MIGRATION_SCRIPTS.fullmatch(script)),
        key=lambda script: (not re.search("deploy|prod|up|run", script), script),
    )
    tool = None
    for script in scripts:
        text = package.scripts[script]
        tool = next((tool for tool in TOOLS if tool.script.search(text)), None)
        start = of_script(package, script)
        if tool:
            break
        if start and start.words[0] == "node":
            return Said(" ".join(start.words), f"as the script {script}"), ()
    if (
        tool is None
        and has_prisma(facts, package)
        and "migrations" in facts.folders(join(package.folder, "prisma"))
    ):
        tool = TOOLS[0]
    if tool is None:
        return None, ()
    if tool.package in package.production:
        return Said(f"{BINARIES}/{tool.words}", f"{tool.package} is among the dependencies"), ()
    return None, (
        Gap(
            f"{name}.release",
            f"{tool.package} is a development dependency and so not in the image; migrations are not run",
            f"move it to dependencies and set release: {BINARIES}/{tool.words}",
        ),
    )


def _gaps(facts: Facts, package: Package, name: str, start: Start, title: str) -> Iterator[Gap]:
    if start.missing:
        yield Gap(
            f"{name}.command",
            f"{start.missing} starts the program but is not among its dependencies",
            f"move {start.missing} to dependencies, or start what a build makes",
            blocking=True,
        )
    if start.words[0] == "sh":
        yield Gap(
            f"{name}.command",
            f"the script needs a shell, which does not pass on signals: {start.words[-1]}",
            "let the script start one program (node …), and put migrations into release",
        )
    if needs_client(facts, package) and "prisma" not in package.production:
        yield Gap(
            f"{name}.build",
            "prisma is a development dependency, and the image needs it to generate its client",
            "move prisma to dependencies",
            blocking=True,
        )
    if title == "SvelteKit" and "@sveltejs/adapter-node" not in package.all:
        yield Gap(
            f"{name}.build",
            "SvelteKit without @sveltejs/adapter-node builds no program for a server",
            "install @sveltejs/adapter-node and set it in svelte.config.js",
            blocking=True,
        )
    if title == "Next.js" and _next_config(facts, package) != "standalone":
        yield Gap(
            f"{name}.build",
            "the image holds all production dependencies",
            'set output: "standalone" in the Next.js configuration and run havre init --force: '
            "the image gets several times smaller",
        )


def _loopback_gaps(name: str, title: str, sources: list[tuple[str, str]]) -> Iterator[Gap]:
    if file := listening.listens_on_loopback(sources, fastify=title == "Fastify"):
        yield Gap(
            f"{name}.port",
            f"{file} listens on the container's own loopback, where the router cannot reach it",
            'listen on all addresses: host "0.0.0.0"',
            blocking=True,
        )


def workspace_gaps(facts: Facts, workspace: Workspace) -> Iterator[Gap]:
    """What is missing around a package: its lock file, its version of Node.js."""
    file = join(workspace.folder, "package.json")
    if not workspace.lock:
        other = facts.first(workspace.folder, "bun.lock", "bun.lockb")
        yield Gap(
            file,
            f"{other} is read by Bun alone" if other else NO_LOCK,
            "run npm install (or pnpm, yarn) and commit its lock file",
        )
    wanted = _node_version(facts, workspace)
    if wanted and not accepts_node(wanted, NODE_MAJOR):
        yield Gap(
            file,
            f"Node.js {wanted} is asked for, and the image has {NODE_MAJOR}",
            f"try it with Node.js {NODE_MAJOR}, or name another image in the Dockerfile",
        )


def _node_version(facts: Facts, workspace: Workspace) -> str:
    engines = workspace.root.data.get("engines")
    if isinstance(engines, dict) and isinstance(engines.get("node"), str):
        return str(engines["node"])
    path = facts.first(workspace.folder, ".nvmrc", ".node-version")
    text = facts.text(path).strip()
    return text if re.fullmatch(r"v?\d[\d.x]*", text) else ""


def accepts_node(wanted: str, major: int) -> bool:
    """Whether a range of versions as package.json writes it takes in a major version."""
    return any(
        all(_accepts(part, major) for part in re.findall(r"[<>=^~v]*\s*[\dx*][\w.*-]*", one))
        for one in wanted.split("||")
    )


def _accepts(part: str, major: int) -> bool:
    found = re.match(r"([<>=^~]*)\s*v?(\d+)(\.\d+)?", part)
    if not found:
        return True
    sign, number, minor = found[1], int(found[2]), found[3]
    if sign == ">=":
        return major >= number
    if sign == ">":
        return major > number or bool(minor)
    if sign == "<":
        return major < number
    if sign == "<=":
        return major <= number
    return major == number
