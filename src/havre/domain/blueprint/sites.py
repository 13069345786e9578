"""The sites in a repository that are files once they are built, or from the beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.node_files import inside_of
from havre.domain.blueprint.packages import Package, Workspace
from havre.domain.blueprint.proposal import Component, Entry, Gap, NewFile, Said

STATIC_PORT = 8080
STATIC_HEALTH = "/.havre/health"
_SERVERS = frozenset(
    {"next", "nuxt", "express", "fastify", "koa", "@nestjs/core", "@hono/node-server", "@hapi/hapi",
     "@astrojs/node", "@react-router/serve", "@remix-run/serve", "@sveltejs/adapter-node"}
)  # fmt: skip


@dataclass(frozen=True)
class Generator:
    """A program that makes a site: its package, where the files go, and how they are served.

    ``config`` begins the name of its settings, in which ``setting`` names another folder.
    """

    package: str
    title: str
    output: str
    spa: bool = False
    public: tuple[str, ...] = ()
    config: str = ""
    setting: str = ""


_GENERATORS = (
    Generator("astro", "Astro", "dist", False, ("PUBLIC_",), "astro.config.", "outDir"),
    Generator("@11ty/eleventy", "Eleventy", "_site", False, (), ".eleventy.|eleventy.config.", "output"),
    Generator("gatsby", "Gatsby", "public", False, ("GATSBY_",)),
    Generator("@docusaurus/core", "Docusaurus", "build"),
    Generator("vitepress", "VitePress", ".vitepress/dist"),
    Generator("hexo", "Hexo", "public"),
    Generator("@sveltejs/adapter-static", "SvelteKit", "build", True, ("PUBLIC_", "VITE_")),
    Generator("@angular/core", "Angular", "dist", True),
    Generator("react-scripts", "Create React App", "build", True, ("REACT_APP_",)),
    Generator("@vue/cli-service", "Vue CLI", "dist", True, ("VUE_APP_",), "vue.config.", "outputDir"),
    Generator("vite", "Vite", "dist", True, ("VITE_",), "vite.config.", "outDir"),
    Generator("parcel", "Parcel", "dist", True),
)


def site_of(facts: Facts, workspace: Workspace, package: Package) -> Component | None:
    """The static service that a package builds, None if it builds none."""
    generator = _generator(facts, package)
    if generator is None or "build" not in package.scripts:
        return None
    output, why = _output(facts, package, generator)
    inside = inside_of(workspace, package)
    entries = [
        *([Entry("context", workspace.folder, "where the lock file is")] if workspace.folder != "." else ()),
        *_install(workspace),
        Entry("command", _command(workspace, package), f"the script build: {package.scripts['build']}"),
        Entry("output", join(inside, output), why),
    ]
    name = name_of(package.folder if package.folder != "." else "", "web")
    gaps: list[Gap] = []
    if not workspace.lock:
        gaps.append(
            Gap(
                join(workspace.folder, "package.json"),
                "there is no lock file, so versions differ from build to build",
                "run npm install (or pnpm, yarn) and commit its lock file",
            )
        )
    return Component(
        name="web" if name in {"frontend", "client", "www"} else name,
        kind="static",
        folder=package.folder,
        what=generator.title,
        why=f"{join(package.folder, 'package.json')} depends on {generator.package}",
        build=tuple(entries),
        spa=None if generator.spa else Said(False, f"{generator.title} makes a page for each address"),
        public=generator.public,
        gaps=tuple(gaps),
    )


def _generator(facts: Facts, package: Package) -> Generator | None:
    if "next" in package.all:
        configs = [facts.text(package.folder, f"next.config.{end}") for end in ("js", "mjs", "ts")]
        exported = any(re.search(r"""\boutput\s*:\s*["'`]export["'`]""", text) for text in configs)
        return Generator("next", "Next.js", "out", False, ("NEXT_PUBLIC_",)) if exported else None
    if _SERVERS & package.production or (
        "@sveltejs/kit" in package.all and "@sveltejs/adapter-static" not in package.all
    ):
        return None
    return next((generator for generator in _GENERATORS if generator.package in package.all), None)


def _output(facts: Facts, package: Package, generator: Generator) -> tuple[str, str]:
    if generator.package == "@angular/core":
        return _angular(facts, package)
    if generator.package == "vitepress":
        found = re.search(r"vitepress build (\S+)", package.scripts["build"])
        return join(found[1] if found else ".", generator.output), "where VitePress puts its files"
    in_script = re.search(r"(?:--output|--outDir|--out-dir|--dist-dir|-d)[ =](\S+)", package.scripts["build"])
    if in_script:
        return in_script[1], "as the script build says"
    for path in facts.below(package.folder):
        inside = path if package.folder == "." else path.removeprefix(f"{package.folder}/")
        if generator.config and re.match(_starts(generator.config), inside):
            found = re.search(rf"""\b{generator.setting}\s*:\s*["'`]([^"'`]+)["'`]""", facts.text(path))
            if found and not found[1].startswith(".."):
                return found[1], f"as in {path}"
    return generator.output, f"where {generator.title} puts its files"


def _starts(config: str) -> str:
    return "|".join(re.escape(part) for part in config.split("|"))


def _angular(facts: Facts, package: Package) -> tuple[str, str]:
    """https://angular.dev/reference/configs/workspace-config: the builder ``application`` adds browser/."""
    projects = facts.json(package.folder, "angular.json").get("projects")
    for name, project in projects.items() if isinstance(projects, dict) else ():
        build = project.get("architect", {}).get("build", {}) if isinstance(project, dict) else {}
        options = build.get("options", {})
        path = options.get("outputPath", f"dist/{name}")
        base = path.get("base", f"dist/{name}") if isinstance(path, dict) else str(path)
        is_new = str(build.get("builder", "")).endswith((":application", ":application-builder"))
        return (join(base, "browser") if is_new else base), "as in angular.json"
    return "dist", "where Angular puts its files"


def _install(workspace: Workspace) -> Iterator[Entry]:
    """Yarn is not in the platform's image: npm runs it from its package."""
    if workspace.manager == "yarn":
        yield Entry(
            "install", f"npx --yes {workspace.tool} install --frozen-lockfile --non-interactive", "yarn.lock"
        )
    elif workspace.manager == "berry":
        command = (
            f"env YARN_NODE_LINKER=node-modules npx --yes --package {workspace.tool} yarn install --immutable"
        )
        yield Entry("install", command, "yarn.lock")


def _command(workspace: Workspace, package: Package) -> str:
    if package.folder == workspace.folder:
        return "pnpm run build" if workspace.manager == "pnpm" else "npm run build"
    if workspace.manager == "pnpm":
        needs = any("build" in other.scripts for other in workspace.needed_by(package))
        return f"pnpm --filter {package.name}{'...' if needs else ''} run build"
    built = [other for other in workspace.needed_by(package) if "build" in other.scripts]
    return "npm run build" + "".join(f" --workspace {inside_of(workspace, one)}" for one in (*built, package))


def other_sites(facts: Facts) -> Iterator[Component]:
    """Sites that no package.json describes: Hugo, or files that are finished already."""
    if hugo := _hugo(facts):
        yield hugo
    elif plain := _plain(facts):
        yield plain


def _hugo(facts: Facts) -> Component | None:
    config = facts.first(
        ".", "hugo.toml", "hugo.yaml", "hugo.yml", "hugo.json", "config.toml", "config/_default/hugo.toml"
    )
    if not config or not {"content", "layouts", "themes", "archetypes"} & facts.folders():
        return None
    gaps: tuple[Gap, ...] = ()
    if facts.has(".gitmodules"):
        gaps = (
            Gap(
                "web.build",
                "the theme is a submodule of Git, which a deployment does not check out",
                "commit the theme's files, or use it as a Hugo module with its vendored copy",
                blocking=True,
            ),
        )
    return Component(
        name="web",
        kind="app",
        folder=".",
        what="Hugo",
        why=f"{config} and folders of Hugo",
        build=(Entry("context", ".", f"where {config} is"),),
        port=Said(STATIC_PORT, "of the platform's nginx"),
        health=Said(STATIC_HEALTH, "answered by the platform's nginx"),
        files=(NewFile("Dockerfile", "hugo.Dockerfile.j2", {"title": "Hugo"}, "Hugo builds, nginx serves"),),
        gaps=gaps,
    )


def _plain(facts: Facts) -> Component | None:
    for folder in (".", "public", "www", "site", "html", "dist", "_site", "docs"):
        if facts.has(folder, "index.html"):
            return Component(
                name="web",
                kind="static",
                folder=folder,
                what="files",
                why=f"{join(folder, 'index.html')} is there, and nothing builds it",
                build=(
                    Entry("command", "true", "the files are finished already"),
                    Entry("output", folder, f"where {join(folder, 'index.html')} is"),
                ),
                spa=Said(False, "these are pages, not one application"),
            )
    return None
