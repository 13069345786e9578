"""The Dockerfile of a Node.js program: what its template is filled in with."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.packages import Package, Workspace, inputs
from havre.domain.blueprint.proposal import NewFile
from havre.domain.blueprint.starting import Start
from havre.domain.build import CA_MOUNT

OUTPUTS = ("dist", "build", "out", "lib", ".output", "bundle")
"""Folders that builds make."""
_BESIDE = ("public", "views", "templates", "static", "assets", "locales", "i18n", "emails", "migrations",
           "drizzle", "prisma", "proto", "config", "content")  # fmt: skip
"""Folders of a repository that programs read at run time."""
_PRISMA_SETTINGS = ("prisma.config.ts", "prisma.config.js", "prisma.config.mjs")
"""What migrations read at run time, from Prisma 7 on."""
_PNPM_AS_IT_IS = (
    ("npm_config_manage_package_manager_versions", "false"),
    ("npm_config_package_manager_strict", "false"),
)
"""The pnpm of the image is the one to use, whatever package.json names."""
_STORES = {"npm": "/root/.npm", "pnpm": "/cache/pnpm", "yarn": "/cache/yarn", "berry": "/cache/yarn"}
_ENVIRONMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "npm": (),
    "pnpm": (*_PNPM_AS_IT_IS, ("npm_config_store_dir", "/cache/pnpm")),
    "yarn": (("YARN_CACHE_FOLDER", "/cache/yarn"),),
    "berry": (
        ("YARN_GLOBAL_FOLDER", "/cache/yarn"),
        ("YARN_NODE_LINKER", "node-modules"),
        ("YARN_ENABLE_TELEMETRY", "0"),
    ),
}


@dataclass(frozen=True)
class Program:
    """What is to be built and run.

    Args:
        title: what it is, for people.
        package: its package.
        start: its command.
        port: on which it listens, None if it takes no requests.
        also: files that other commands in the image start (migrations, workers).
        public: names of variables that are built into what browsers load.
        standalone: whether it is a Next.js application that brings its own dependencies along.
    """

    title: str
    package: Package
    start: Start
    port: int | None
    also: tuple[str, ...] = ()
    public: tuple[str, ...] = ()
    standalone: bool = False
    environment: tuple[tuple[str, str], ...] = ()


def dockerfile(facts: Facts, workspace: Workspace, program: Program, project: str) -> NewFile:
    """The Dockerfile of a program, in its folder."""
    package, manager = program.package, workspace.manager
    inside = inside_of(workspace, package)
    needed = workspace.needed_by(package)
    builds = _builds(facts, workspace, program)
    values: dict[str, object] = {
        "title": program.title,
        "folder": inside,
        "mounts": mounts(f"havre-{project}-{manager}", _STORES[manager] + _sharing(manager)),
        "tool": [workspace.tool] if workspace.tool else [],
        "environment": _ENVIRONMENTS[manager],
        "inputs": inputs(facts, workspace),
        "install": _install(workspace),
        "libraries": _libraries(facts, workspace, needed),
        "build_libraries": [
            run_script(workspace, other, "build") for other in needed if "build" in other.scripts
        ],
        "arguments": program.public,
        "build": builds,
        "install_production": "" if program.standalone else _production(facts, workspace, package),
        "production_inputs": (),
        "runtime_environment": program.environment,
        "workdir": _workdir(workspace, program, inside),
        "outputs": _outputs(facts, workspace, program, is_built=bool(builds)),
        "port": program.port,
        "command": _command(program, inside),
        "is_built": bool(builds),
        "is_member_of_pnpm": manager == "pnpm" and inside != ".",
    }
    return NewFile(
        join(package.folder, "Dockerfile"),
        "node.Dockerfile.j2",
        values,
        f"{program.title} with {'Yarn' if manager in {'yarn', 'berry'} else manager}: there is none yet",
    )


def mounts(cache: str, target: str) -> str:
    """Options of a ``RUN`` that downloads, on lines of their own: a cache, and what it trusts."""
    return f"--mount=type=cache,id={cache},target={target} \\\n    {CA_MOUNT} \\\n   "


def _sharing(manager: str) -> str:
    """Yarn 1 breaks its cache where two of it write there at once."""
    return ",sharing=locked" if manager == "yarn" else ""


def inside_of(workspace: Workspace, package: Package) -> str:
    """A package's folder as the workspace's folder sees it."""
    if package.folder == workspace.folder:
        return "."
    return package.folder if workspace.folder == "." else package.folder.removeprefix(f"{workspace.folder}/")


def run_script(workspace: Workspace, package: Package, script: str) -> str:
    """The command that runs a script of a package from the workspace's folder."""
    if package.folder == workspace.folder:
        tool = {"berry": "yarn"}.get(workspace.manager, workspace.manager)
        return f"{tool} run {script}"
    folder = shlex.quote(inside_of(workspace, package))
    if workspace.manager == "pnpm":
        return f"pnpm --filter ./{folder} run {script}"
    if workspace.manager == "npm":
        return f"npm run {script} --workspace {folder}"
    return f"yarn workspace {package.name} run {script}"


def _install(workspace: Workspace) -> str:
    if workspace.manager == "pnpm":
        return "pnpm install --frozen-lockfile" if workspace.lock else "pnpm install"
    if workspace.manager == "yarn":
        return "yarn install --frozen-lockfile --non-interactive"
    if workspace.manager == "berry":
        return "yarn install --immutable"
    return "npm ci" if workspace.lock else "npm install --no-package-lock"


def _production(facts: Facts, workspace: Workspace, package: Package) -> str:
    command = _install_production(workspace, package)
    alone = package.folder == workspace.folder
    if alone and needs_client(facts, package) and "prisma" in package.production:
        return f"{command} && {_generate(workspace, package)}"
    return command


def _install_production(workspace: Workspace, package: Package) -> str:
    """Without the scripts that only prepare a developer's work tree, whose tools are not there."""
    hooks = [name for name in ("prepare", "postinstall") if _needs_tools(workspace.root, name)]
    if workspace.is_shared and package.folder != workspace.folder:
        return _without(hooks, _install_member(workspace, package))
    command = {
        "pnpm": _install(workspace) + " --prod",
        "yarn": _install(workspace) + " --production",
        "berry": "yarn workspaces focus --production",
        "npm": _install(workspace) + " --omit=dev",
    }[workspace.manager]
    return _without(hooks, command)


def _install_member(workspace: Workspace, package: Package) -> str:
    folder = shlex.quote(inside_of(workspace, package))
    if workspace.manager == "pnpm":
        return f"pnpm --filter ./{folder} --prod --prefer-offline --legacy deploy /deploy"
    if workspace.manager == "berry":
        return f"yarn workspaces focus --production {package.name} && mkdir -p {folder}/node_modules"
    if workspace.manager == "yarn":
        return (
            f"yarn install --frozen-lockfile --non-interactive --production && mkdir -p {folder}/node_modules"
        )
    install = f"{_install(workspace)} --omit=dev --workspace {folder}"
    return f"{install} && mkdir -p {folder}/node_modules"


def _without(hooks: list[str], command: str) -> str:
    if not hooks:
        return command
    return f"npm pkg delete {' '.join(f'scripts.{name}' for name in hooks)} && {command}"


def _needs_tools(package: Package, script: str) -> bool:
    """Whether a script that runs at each installation needs more than what the program runs with."""
    words = package.scripts.get(script, "").split()
    return bool(words) and words[0] not in {"node", "echo", *package.production}


def _libraries(
    facts: Facts, workspace: Workspace, needed: tuple[Package, ...]
) -> list[tuple[list[str], str]]:
    """Sources of the packages that it needs, and what their builds read at the top of the workspace."""
    if not needed:
        return []
    top = [
        path.rpartition("/")[2]
        for path in facts.below(workspace.folder)
        if re.fullmatch(
            r"tsconfig[\w.]*\.json|babel\.config\.\w+|\.swcrc|turbo\.json", path.rpartition("/")[2]
        )
        and (path.rpartition("/")[0] or ".") == workspace.folder
    ]
    found = [(top, "./")] if top else []
    folders = [inside_of(workspace, other) for other in needed]
    return found + [([folder], f"{folder}/") for folder in folders]


def _builds(facts: Facts, workspace: Workspace, program: Program) -> list[str]:
    package = program.package
    builds = [run_script(workspace, package, "build")] if "build" in package.scripts else []
    if has_prisma(facts, package):
        builds.insert(0, _generate(workspace, package))
    if builds and not program.standalone and not _output_folder(facts, program):
        # What runs is not in a folder of its own: everything is taken but the libraries to build with.
        builds.append("find . -name node_modules -prune -exec rm -rf {} + && rm -rf .next/cache")
    return builds


def _generate(workspace: Workspace, package: Package) -> str:
    """The command that generates Prisma's client."""
    tool = {"npm": "npx --no-install", "pnpm": "pnpm exec"}.get(workspace.manager, "yarn")
    inside = inside_of(workspace, package)
    return f"{'' if inside == '.' else f'cd {shlex.quote(inside)} && '}{tool} prisma generate"


def needs_client(facts: Facts, package: Package) -> bool:
    """Whether Prisma's client is generated into the libraries, so that the image's own need it too."""
    generator = re.search(r"generator\s+\w+\s*\{[^}]*\}", facts.text(package.folder, "prisma/schema.prisma"))
    return has_prisma(facts, package) and not (generator and re.search(r"\boutput\s*=", generator[0]))


def has_prisma(facts: Facts, package: Package) -> bool:
    """Whether a package has a Prisma schema to generate a client from."""
    return "prisma" in package.all and facts.has(package.folder, "prisma/schema.prisma")


def _output_folder(facts: Facts, program: Program) -> str:
    """The folder that the build makes and that holds everything that is started; or nothing."""
    folders = {file.removeprefix("./").split("/")[0] for file in (program.start.file, *program.also) if file}
    only = folders.pop() if len(folders) == 1 else ""
    return only if only in OUTPUTS and only not in facts.folders(program.package.folder) else ""


def _workdir(workspace: Workspace, program: Program, inside: str) -> str:
    if inside == "." or program.standalone or workspace.manager == "pnpm":
        return "/app"
    return f"/app/{inside}"


def _outputs(
    facts: Facts, workspace: Workspace, program: Program, *, is_built: bool
) -> list[tuple[str, str, str]]:
    """What the final image gets: from which stage (empty: the context), what, and where to."""
    inside = inside_of(workspace, program.package)
    here = f"/app/{inside}" if inside != "." else "/app"
    if program.standalone:
        return _standalone(facts, program, inside, here)
    folder = _output_folder(facts, program) if is_built else ""
    if folder:
        beside = [n for n in _BESIDE if n in facts.folders(program.package.folder)]
        settings = [n for n in _PRISMA_SETTINGS if facts.has(program.package.folder, n)]
        names = ["package.json", folder, *beside, *settings]
        own = [("build", f"{here}/{name}", name if "." in name[1:] else f"./{name}/") for name in names]
    else:
        own = [("build", f"{here}/", "./")] if is_built else [("", inside if inside != "." else ".", "./")]
    if inside == ".":
        return [("production", "/app/node_modules", "node_modules"), *own]
    if workspace.manager == "pnpm":
        return [("production", "/deploy/node_modules", "node_modules"), *own]
    shared = [f"/app/{inside_of(workspace, other)}" for other in workspace.needed_by(program.package)]
    return [
        ("production", "/app/node_modules", "/app/node_modules"),
        ("production", f"{here}/node_modules", "./node_modules"),
        *(("production", path, path) for path in shared),
        *own,
    ]


def _standalone(facts: Facts, program: Program, inside: str, here: str) -> list[tuple[str, str, str]]:
    """https://nextjs.org/docs/app/api-reference/config/next-config-js/output: static files go beside it."""
    beside = "." if inside == "." else f"./{inside}"
    found = [
        ("build", f"{here}/.next/standalone/", "./"),
        ("build", f"{here}/.next/static", f"{beside}/.next/static"),
    ]
    if "public" in facts.folders(program.package.folder):
        found.append(("build", f"{here}/public", f"{beside}/public"))
    return found


def _command(program: Program, inside: str) -> tuple[str, ...]:
    if program.standalone:
        return ("node", "server.js" if inside == "." else f"{inside}/server.js")
    return program.start.words
