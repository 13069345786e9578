"""What is proposed for static sites, for repositories with Dockerfiles of their own, and around them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from havre.domain.blueprint.decide import propose
from havre.domain.blueprint.unreadable import unreadable
from support.blueprints import Proposed, facts, package

LOCK = {"package-lock.json": "{}"}


@pytest.mark.parametrize(
    ("library", "script", "files", "output", "spa"),
    [
        ("vite", "tsc -b && vite build", {}, "dist", None),
        (
            "vite",
            "vite build",
            {"vite.config.ts": 'export default { build: { outDir: "site" } }'},
            "site",
            None,
        ),
        ("vite", "vite build --outDir www", {}, "www", None),
        ("astro", "astro build", {"src/pages/index.astro": ""}, "dist", False),
        ("@11ty/eleventy", "eleventy", {}, "_site", False),
        ("@11ty/eleventy", "eleventy --output=out", {}, "out", False),
        ("@docusaurus/core", "docusaurus build", {}, "build", False),
        ("vitepress", "vitepress build docs", {}, "docs/.vitepress/dist", False),
        ("react-scripts", "react-scripts build", {}, "build", None),
        ("gatsby", "gatsby build", {}, "public", False),
        ("next", "next build", {"next.config.js": "module.exports = { output: 'export' }"}, "out", False),
        (
            "@angular/core",
            "ng build",
            {
                "angular.json": {
                    "projects": {"shop": {"architect": {"build": {"builder": "@angular/build:application"}}}}
                }
            },
            "dist/shop/browser",
            None,
        ),
    ],
)
def test_generators(library: str, script: str, files: dict[str, Any], output: str, spa: bool | None) -> None:
    found = Proposed({"package.json": package({"build": script}, dev=(library,)), **files, **LOCK})
    web = found.services["web"]
    assert web["kind"] == "static"
    assert web["build"] == {"command": "npm run build", "output": output}
    assert web.get("spa") is spa
    assert found.files == set(), "a static service needs no Dockerfile"


def test_astro_with_a_server_is_a_program() -> None:
    files = {"package.json": package({"build": "astro build"}, "astro", "@astrojs/node"), **LOCK}
    found = Proposed(files)
    assert found.services["web"]["kind"] == "app"
    assert 'CMD ["node", "dist/server/entry.mjs"]' in found.dockerfile()
    assert "HOST=0.0.0.0" in found.dockerfile()


def test_yarn_is_brought_by_npm_where_the_image_has_none() -> None:
    files = {
        "package.json": package({"build": "vite build"}, dev=("vite",)),
        "yarn.lock": "# yarn lockfile v1\n",
    }
    build = Proposed(files).services["web"]["build"]
    assert build["install"] == "npx --yes yarn@1.22.22 install --frozen-lockfile --non-interactive"
    assert build["command"] == "npm run build"


def test_a_site_of_a_workspace_is_built_after_what_it_needs() -> None:
    root = {"package.json": package({}, workspaces=["apps/*", "packages/*"]), **LOCK}
    site = package({"build": "vite build"}, "@shop/ui", dev=("vite",), name="web")
    ui = package({"build": "tsc"}, name="@shop/ui")
    found = Proposed({**root, "apps/web/package.json": site, "packages/ui/package.json": ui})
    assert (
        found.services["web"]["build"]["command"]
        == "npm run build --workspace packages/ui --workspace apps/web"
    )
    assert found.services["web"]["build"]["output"] == "apps/web/dist"


def test_files_that_are_finished_already() -> None:
    found = Proposed({"public/index.html": "", "public/style.css": "", "README.md": ""})
    assert found.services["web"]["build"] == {"command": "true", "output": "public"}
    assert found.services["web"]["spa"] is False


def test_hugo() -> None:
    found = Proposed({"hugo.toml": "", "content/_index.md": "", "layouts/index.html": ""})
    assert found.services["web"]["port"] == 8080
    assert found.services["web"]["health"] == "/.havre/health"
    assert "hugo --minify" in found.dockerfile()
    themed = Proposed({"hugo.toml": "", "content/_index.md": "", ".gitmodules": ""})
    assert themed.gaps(blocking=True) == {"web.build"}


DOCKERFILE = """\
FROM node:24 AS build
EXPOSE 9999
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
FROM node:24-slim
COPY --from=build /app /app
EXPOSE 8081/tcp
HEALTHCHECK --interval=10s CMD curl -f http://localhost:8081/up || exit 1
CMD ["node", "server.js"]
"""


def test_a_dockerfile_is_kept_and_read() -> None:
    files = {"package.json": package({"start": "node server.js"}, "express", "pg"), "server.js": "", **LOCK}
    found = Proposed({**files, "Dockerfile": DOCKERFILE, "Dockerfile.dev": "FROM node:24\n"})
    assert found.files == set()
    assert found.services["app"] == {
        "kind": "app",
        "build": {"context": "."},
        "port": 8081,
        "health": "/up",
        "domain": "shop.localhost",
        "env": {"DATABASE_URL": "${db.url}"},
    }


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("FROM a\nENV PORT=8080\nEXPOSE $PORT\n", 8080),
        ("FROM a\nENV PORT 8080\nEXPOSE ${PORT}/tcp 9090\n", 8080),
        ('FROM a\nENV A=1 \\\n    PORT="8080"\nEXPOSE ${PORT}\n', 8080),
        ("FROM a\nARG PORT=8080\nENV PORT=$PORT\nEXPOSE $PORT\n", 8080),
        ("ARG PORT=8080\nFROM a\nARG PORT\nEXPOSE $PORT\n", 8080),
        ("FROM a\nEXPOSE ${PORT:-8080}\n", 8080),
        ("FROM a\nENV BASE=8080\nEXPOSE ${PORT:-$BASE}\n", 8080),
        ("FROM a AS base\nENV PORT=8080\nFROM base AS run\nEXPOSE $PORT\n", 8080),
        ("FROM a AS base\nEXPOSE 8080\nFROM base\n", 8080),
        ("FROM a\nEXPOSE $PORT\nHEALTHCHECK CMD curl -f http://localhost:8080/up\n", 8080),
        ("FROM a\nENV PORT=8080\nHEALTHCHECK CMD curl -f http://localhost:$PORT/up\n", 8080),
        ("FROM a\nEXPOSE $PORT\nENV BIND=8080\nCMD serve --port $BIND\n", 8080),
        ("FROM a\nENV PORT=8080\nEXPOSE 3000\n", 3000),
        ("ARG PORT=8080\nFROM a\nEXPOSE $PORT\n", None),
        ("FROM a AS base\nENV PORT=8080\nFROM b\nEXPOSE $PORT\n", None),
        ("FROM a\nEXPOSE ${PORT}\nHEALTHCHECK CMD curl http://localhost:$PORT/up\n", None),
    ],
)
def test_the_port_of_a_dockerfile_may_be_a_variable(text: str, port: int | None) -> None:
    found = Proposed({"Dockerfile": text})
    assert found.services["app"].get("port") == port
    assert ("app.port" in found.gaps(blocking=True)) == (port is None)
    assert ("domain" in found.services["app"]) == (port is not None)


def test_a_port_without_a_default_is_told_as_what_it_is() -> None:
    (gap,) = [one for one in Proposed({"Dockerfile": "FROM a\nEXPOSE $P\n"}).proposal.gaps if one.blocking]
    assert gap.what == "Dockerfile exposes $P, and no default says which port that is"


@pytest.mark.parametrize(
    ("text", "what", "blocking"),
    [
        ("", "Dockerfile could not be read: there is no FROM with an image in it", True),
        ("FROM\n", "Dockerfile could not be read: there is no FROM with an image in it", True),
        ("RUN true\n", "Dockerfile could not be read: there is no FROM with an image in it", True),
        (
            "# one\nARG V=1\nFROM a:${V}\n",
            "nothing but FROM stands in Dockerfile, so app is what a:1 runs",
            False,
        ),
    ],
)
def test_a_dockerfile_that_tells_nothing(text: str, what: str, blocking: bool) -> None:
    found = Proposed({"Dockerfile": text})
    (gap,) = [gap for gap in found.proposal.gaps if gap.about == "app.build"]
    assert (gap.what, gap.blocking) == (what, blocking)


def test_the_context_is_where_what_is_copied_is() -> None:
    text = "FROM node:24\nCOPY pnpm-lock.yaml pnpm-workspace.yaml ./\nCOPY apps/api ./\nEXPOSE 3000\n"
    files = {
        "pnpm-lock.yaml": "",
        "pnpm-workspace.yaml": "packages: ['apps/*']\n",
        "package.json": package({}),
    }
    found = Proposed({**files, "apps/api/Dockerfile": text, "apps/api/package.json": package({}, name="api")})
    assert found.services["api"]["build"] == {"context": ".", "dockerfile": "apps/api/Dockerfile"}
    own = "FROM node:24\nCOPY package.json ./\nEXPOSE 3000\n"
    found = Proposed({"api/Dockerfile": own, "api/package.json": package({}, name="api")})
    assert found.services["api"]["build"] == {"context": "api"}


def test_several_dockerfiles_are_several_services() -> None:
    files = {
        "api/Dockerfile": "FROM a\nEXPOSE 80\n",
        "worker/Dockerfile": "FROM a\nCMD work\n",
        "tests/Dockerfile": "FROM a\n",
    }
    found = Proposed(files)
    assert list(found.services) == ["api", "worker"]
    assert "port" not in found.services["worker"]
    assert found.gaps(blocking=False) == {"worker.port"}


@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("api/package.json", "{ broken", "it is no object in JSON"),
        ("api/package.json", "[]", "it is no object in JSON"),
        ("api/package.json", "[" * 200_000, "it is no object in JSON"),
        ("api/pyproject.toml", "[project\n", "it is no TOML"),
        ("api/package.json", None, "it is no text, or too large, or there are too many files"),
        ("tests/api/package.json", "{ broken", None),
        ("api/package.json", '{"name": "x", /* forgiven */}', None),
    ],
)
def test_a_package_file_that_cannot_be_read_is_named(path: str, text: str | None, why: str | None) -> None:
    read = facts({"index.html": "", path: text or ""})
    if text is None:
        read = replace(read, texts={"index.html": ""})
    found = [(gap.about, gap.what) for gap in unreadable(read)]
    assert found == ([(path, f"could not be read: {why}")] if why else [])
    assert set(unreadable(read)) <= set(propose(read).gaps)


def test_a_procfile() -> None:
    code = 'app = Flask(__name__)\n@app.get("/health")\ndef a(): ...\n'
    procfile = (
        "web: gunicorn a\nrelease: flask db upgrade\nworker: rq worker\nclock: python clock.py | tee log\n"
    )
    found = Proposed({"requirements.txt": "flask\ngunicorn\n", "app.py": code, "Procfile": procfile})
    assert found.services["api"]["release"] == "flask db upgrade"
    assert found.services["worker"]["command"] == "rq worker"
    assert "command" not in found.services["clock"]
    assert found.gaps(blocking=True) == {"clock.command"}


def test_environments_follow_the_branches() -> None:
    site = {"index.html": ""}
    found = Proposed(site, branch="master", branches=("develop", "feature"), domain="example.org")
    assert found.data["environments"] == {
        "production": {"branch": "master"},
        "staging": {"branch": "develop", "services": {"web": {"domain": "staging.example.org"}}},
    }
    assert Proposed(site, branch="feature", branches=("main",)).data["environments"] == {
        "production": {"branch": "main"}
    }
    assert Proposed(site, branch="").gaps(blocking=True) == {"environments.production.branch"}


def test_what_else_is_there_is_mentioned() -> None:
    notes = Proposed({"index.html": "", "compose.yaml": "", ".github/workflows/ci.yml": ""}).proposal.notes
    assert any("havre init --from-compose compose.yaml" in note for note in notes)
    assert any("GitHub Actions" in note for note in notes)


def test_names_that_collide_or_are_no_names() -> None:
    files = {
        f"{folder}/Dockerfile": "FROM a\n" for folder in ("db", "apps/api", "other/api", "42", "Über-Shop_2")
    }
    found = Proposed(files, name="My Shop!")
    assert found.data["project"] == "my-shop"
    assert set(found.services) == {"app", "db-2", "api", "api-2", "ber-shop-2"}


def test_tests_and_examples_are_no_services_unless_there_is_nothing_else() -> None:
    aside = {"examples/api/Dockerfile": "FROM a\nEXPOSE 80\n", "tests/web/index.html": ""}
    assert list(Proposed({**aside, "api/Dockerfile": "FROM a\nEXPOSE 80\n"}).services) == ["api"]
    assert list(Proposed(aside).services) == ["api"]
