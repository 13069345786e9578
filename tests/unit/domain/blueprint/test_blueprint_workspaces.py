"""What is proposed for several packages in one repository."""

from __future__ import annotations

from support.blueprints import Proposed, package

EXPRESS = 'const app = express(); app.get("/healthz", ok); app.listen(process.env.PORT || 4000)'
LOCK = {"package-lock.json": "{}"}


def test_a_library_is_no_service() -> None:
    found = Proposed(
        {
            "package.json": package({}, private=True, workspaces=["packages/*"]),
            "packages/lib/package.json": package({"build": "tsc"}, name="@shop/lib"),
            "packages/api/package.json": package(
                {"start": "node server.js"}, "express", "@shop/lib", name="@shop/api"
            ),
            "packages/api/server.js": EXPRESS,
            **LOCK,
        }
    )
    assert list(found.services) == ["api"]
    assert found.services["api"]["build"] == {"context": ".", "dockerfile": "packages/api/Dockerfile"}
    assert "npm ci --omit=dev --workspace packages/api" in found.dockerfile("packages/api/Dockerfile")
    assert found.files == {"packages/api/Dockerfile", ".dockerignore"}


def test_packages_of_a_workspace_are_built_in_their_order() -> None:
    root = package({}, private=True, packageManager="pnpm@10.1.0")
    found = Proposed(
        {
            "package.json": root,
            "pnpm-workspace.yaml": "packages: ['apps/*', 'packages/**', '!packages/old']\n",
            "pnpm-lock.yaml": "",
            "apps/api/package.json": package(
                {"build": "tsc", "start": "node dist/main.js"}, "express", "b", name="api"
            ),
            "apps/api/src/main.ts": EXPRESS,
            "packages/a/package.json": package({"build": "tsc"}, name="a"),
            "packages/b/package.json": package({"build": "tsc"}, "a", name="b"),
            "packages/c/package.json": package({"build": "tsc"}, name="c"),
            "tsconfig.base.json": "{}",
        }
    )
    text = found.dockerfile("apps/api/Dockerfile")
    assert (
        text.index("./packages/a run build")
        < text.index("./packages/b run build")
        < text.index("./apps/api run build")
    )
    assert "packages/c run" not in text
    assert 'COPY ["tsconfig.base.json", "./"]' in text
    assert 'COPY ["packages/c/package.json", "packages/c/"]' in text, "the lock file names it"


def test_two_applications_side_by_side_without_a_workspace() -> None:
    found = Proposed(
        {
            "backend/package.json": package({"start": "node server.js"}, "express", name="backend"),
            "backend/package-lock.json": "{}",
            "backend/server.js": EXPRESS,
            "frontend/package.json": package({"build": "vite build"}, dev=("vite",), name="frontend"),
            "frontend/package-lock.json": "{}",
            "frontend/src/main.ts": "fetch(import.meta.env.VITE_API_URL + import.meta.env.VITE_MODE_X)",
        },
        domain="example.org",
    )
    assert found.services["api"]["build"] == {"context": "backend"}
    assert found.services["api"]["domain"] == "api.example.org"
    assert found.services["web"]["build"] == {
        "context": "frontend",
        "command": "npm run build",
        "output": "dist",
        "args": {"VITE_API_URL": "${api.public_url}"},
    }
    assert found.services["web"]["domain"] == "example.org"
    assert found.gaps(blocking=False) == {"web.env.VITE_MODE_X"}
    assert found.files == {"backend/Dockerfile", "backend/.dockerignore"}
