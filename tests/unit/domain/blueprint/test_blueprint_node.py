"""What is proposed for repositories of Node.js."""

from __future__ import annotations

import pytest

from havre.domain.blueprint.node import accepts_node
from support.blueprints import Proposed, package

EXPRESS = 'const app = express(); app.get("/healthz", ok); app.listen(process.env.PORT || 4000)'
LOCK = {"package-lock.json": "{}"}


def test_express_with_everything_in_its_place() -> None:
    found = Proposed(
        {
            "package.json": package({"start": "node server.js"}, "express", "pg"),
            "server.js": EXPRESS,
            **LOCK,
        }
    )
    assert found.data["project"] == "shop"
    assert found.services == {
        "db": {"kind": "postgres", "version": 17},
        "api": {
            "kind": "app",
            "build": {"context": "."},
            "port": 4000,
            "health": "/healthz",
            "domain": "shop.localhost",
            "env": {"DATABASE_URL": "${db.url}"},
        },
    }
    assert found.data["environments"] == {"production": {"branch": "main"}}
    assert found.files == {"Dockerfile", ".dockerignore"}
    assert found.gaps(blocking=True) == set()
    text = found.dockerfile()
    assert "npm ci --omit=dev" in text
    assert text.rstrip().endswith('USER 1000:1000\nEXPOSE 4000\nCMD ["node", "server.js"]')


def test_every_line_says_why() -> None:
    found = Proposed(
        {"package.json": package({"start": "node server.js"}, "express"), "server.js": EXPRESS, **LOCK}
    )
    unsaid = [line.strip() for line in found.text.splitlines() if line.strip() and "#" not in line]
    assert unsaid == ["services:", "api:", "build:", "environments:", "production:"]


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"package-lock.json": "{}"}, "npm ci\n"),
        ({"pnpm-lock.yaml": ""}, "pnpm install --frozen-lockfile\n"),
        ({"yarn.lock": "# yarn lockfile v1\n"}, "yarn install --frozen-lockfile --non-interactive\n"),
        ({"yarn.lock": "__metadata:\n"}, "yarn install --immutable\n"),
        ({}, "npm install --no-package-lock\n"),
    ],
)
def test_the_lock_file_tells_the_package_manager(files: dict[str, str], version: str) -> None:
    scripts = {"build": "tsc", "start": "node dist/main.js"}
    found = Proposed({"package.json": package(scripts, "express"), "src/main.ts": EXPRESS, **files})
    assert version in found.dockerfile()
    assert ("package.json" in found.gaps(blocking=False)) == (not files)


def test_yarn_is_installed_in_the_version_that_is_asked_for_and_never_twice_at_once() -> None:
    files = {"yarn.lock": "# yarn lockfile v1\n", "server.js": EXPRESS}
    found = Proposed({"package.json": package({}, "express", packageManager="yarn@1.22.19"), **files})
    assert "npm install --global yarn@1.22.19\n" in found.dockerfile()
    assert "target=/cache/yarn,sharing=locked" in found.dockerfile()


@pytest.mark.parametrize(
    ("scripts", "more", "command"),
    [
        ({"start": "nest start", "start:prod": "node dist/main"}, {}, '["node", "dist/main"]'),
        ({"start": "nest start"}, {}, '["node", "dist/main.js"]'),
        (
            {"start": "NODE_ENV=production node -r dotenv/config index.js"},
            {},
            '["node", "-r", "dotenv/config", "index.js"]',
        ),
        ({"start": "cross-env NODE_ENV=production node ."}, {"main": "lib/app.js"}, '["node", "lib/app.js"]'),
        ({"start": "npm run serve", "serve": "node bin/www"}, {}, '["node", "bin/www"]'),
        ({"start": "node --watch server.js"}, {}, '["node", "server.js"]'),
        ({"start": "nodemon server.js"}, {}, '["node", "server.js"]'),
        ({"start": "tsx src/index.ts"}, {}, '["node", "--import", "tsx", "src/index.ts"]'),
    ],
)
def test_how_it_starts(scripts: dict[str, str], more: dict[str, str], command: str) -> None:
    files = {"package.json": package(scripts, "express", "tsx", **more), "server.js": EXPRESS, "bin/www": ""}
    assert f"CMD {command}\n" in Proposed({**files, **LOCK}).dockerfile()


def test_a_script_that_needs_a_shell_is_told() -> None:
    scripts = {"start": "prisma migrate deploy && node dist/main.js", "build": "tsc"}
    found = Proposed({"package.json": package(scripts, "express"), "src/main.js": EXPRESS, **LOCK})
    assert "api.command" in found.gaps(blocking=False)
    assert 'CMD ["sh", "-c", "prisma migrate deploy && node dist/main.js"]' in found.dockerfile()
    assert "PATH=/app/node_modules/.bin:$PATH" in found.dockerfile()


def test_a_program_of_the_development_dependencies_cannot_start_it() -> None:
    files = {"package.json": package({"start": "ts-node src/index.ts"}, "express", dev=("ts-node",))}
    found = Proposed({**files, "src/index.ts": EXPRESS, **LOCK})
    assert found.gaps(blocking=True) == {"api.command"}


def test_only_what_was_built_is_taken() -> None:
    scripts = {"build": "tsc", "start": "node dist/main.js", "db:migrate": "node dist/migrate.js"}
    files = {"src/main.ts": EXPRESS, "views/index.html": "", "tsconfig.json": "{}"}
    found = Proposed({"package.json": package(scripts, "express"), **files, **LOCK})
    text = found.dockerfile().partition("FROM havre/node-runtime:24")[2]
    assert 'COPY --from=build ["/app/dist", "./dist/"]' in text
    assert 'COPY --from=build ["/app/views", "./views/"]' in text
    assert "/app/src" not in text
    assert found.services["api"]["release"] == "node dist/migrate.js"
    elsewhere = {**scripts, "db:migrate": "node scripts/migrate.js"}
    found = Proposed({"package.json": package(elsewhere, "express"), **files, **LOCK})
    assert 'COPY --from=build ["/app/", "./"]' in found.dockerfile()
    assert "find . -name node_modules -prune -exec rm -rf {} +" in found.dockerfile()


@pytest.mark.parametrize(
    ("scripts", "libraries", "dev", "release"),
    [
        (
            {"migrate:deploy": "prisma migrate deploy"},
            ("prisma",),
            (),
            "node_modules/.bin/prisma migrate deploy",
        ),
        ({"migrate:deploy": "prisma migrate deploy"}, (), ("prisma",), None),
        ({"migrate": "knex migrate:latest"}, ("knex",), (), "node_modules/.bin/knex migrate:latest"),
        ({"migrate": "knex migrate:make"}, ("knex",), (), ""),
        (
            {"migration:run": "typeorm migration:run -d dist/db.js"},
            ("typeorm",),
            (),
            "node_modules/.bin/typeorm migration:run",
        ),
    ],
)
def test_migrations(
    scripts: dict[str, str], libraries: tuple[str, ...], dev: tuple[str, ...], release: str | None
) -> None:
    files = {"package.json": package(scripts, "express", *libraries, dev=dev), "server.js": EXPRESS}
    found = Proposed({**files, **LOCK})
    if "make" in scripts.get("migrate", ""):
        assert "release" not in found.services["api"], (
            "a script that makes migrations is not one that runs them"
        )
        return
    assert found.services["api"].get("release") == release
    assert ("api.release" in found.gaps(blocking=False)) == (release is None)


@pytest.mark.parametrize(
    ("code", "health", "blocking"),
    [
        ('app.get("/health", ok)', "/health", set()),
        ("app.get('/api/v1/ping', ok); app.get('/readyz', ok)", "/readyz", set()),
        ('router.get("/health", ok)', "/health", set()),
        ('app.get("/", ok)', "/", set()),
        ('app.post("/health", ok)', "/health", {"api.health"}),
        ("", "/health", {"api.health"}),
    ],
)
def test_the_health_path(code: str, health: str, blocking: set[str]) -> None:
    files = {"package.json": package({"start": "node server.js"}, "express"), **LOCK}
    found = Proposed({**files, "server.js": f"{code}; app.listen(3000)"})
    assert found.services["api"]["health"] == health
    assert found.gaps(blocking=True) == blocking


def test_a_router_that_is_mounted_is_not_believed_blindly() -> None:
    files = {"package.json": package({"start": "node server.js"}, "express"), **LOCK}
    found = Proposed(
        {
            **files,
            "server.js": 'app.use("/api", routes); app.listen(3000)',
            "routes.js": 'router.get("/health", ok)',
        }
    )
    assert found.services["api"]["health"] == "/health"
    assert found.gaps(blocking=False) == {"api.health"}


def test_tests_are_no_part_of_the_program() -> None:
    files = {"package.json": package({"start": "node server.js"}, "express"), "server.js": EXPRESS, **LOCK}
    found = Proposed({**files, "test/app.js": 'app.get("/health", ok); app.listen(9999)'})
    assert found.services["api"]["health"] == "/healthz"
    assert found.services["api"]["port"] == 4000


NEST = {
    "package.json": package(
        {"build": "nest build", "start:prod": "node dist/main"}, "@nestjs/core", dev=("@nestjs/cli",)
    ),
    "src/main.ts": 'NestFactory.create(A); app.setGlobalPrefix("api"); app.listen(process.env.PORT ?? 3001)',
    **LOCK,
}


@pytest.mark.parametrize(
    ("controller", "health"),
    [
        ('@Controller("health") class A { @Get() @HealthCheck() check() {} }', "/api/health"),
        ('@Controller() class A { @Get("healthz") check() {} }', "/api/healthz"),
        (
            "@Controller({ path: 'status', version: '1' }) class A { @Get('live') check() {} }",
            "/api/status/live",
        ),
        (
            '@Controller("orders") class A { @Get() a() {} } @Controller("health") class B { @Get() b() {} }',
            "/api/health",
        ),
    ],
)
def test_nest(controller: str, health: str) -> None:
    found = Proposed({**NEST, "src/health.controller.ts": controller})
    assert found.services["api"]["health"] == health
    assert found.services["api"]["port"] == 3001
    assert found.gaps(blocking=True) == set()


def test_nest_with_the_health_path_left_out_of_the_prefix() -> None:
    main = 'app.setGlobalPrefix("api", { exclude: ["health"] }); app.listen(3000)'
    found = Proposed(
        {**NEST, "src/main.ts": main, "src/a.ts": '@Controller("health") class A { @Get() a() {} }'}
    )
    assert found.services["api"]["health"] == "/health"


def test_next() -> None:
    files = {
        "package.json": package({"build": "next build", "start": "next start"}, "next", "react"),
        "app/(site)/page.tsx": "",
        "app/api/health/route.ts": "",
        "public/icon.svg": "",
        ".env.example": "NEXT_PUBLIC_API_URL=\nNEXT_PUBLIC_NAME=Shop\nAUTH_SECRET=x\n",
        **LOCK,
    }
    found = Proposed(files)
    web = found.services["web"]
    assert (web["port"], web["health"]) == (3000, "/api/health")
    assert web["build"]["args"] == {"NEXT_PUBLIC_NAME": "Shop"}
    assert web["env"] == {"AUTH_SECRET": {"secret": "auth-secret"}}
    assert found.proposal.secrets == ("auth-secret",)
    assert "ARG NEXT_PUBLIC_NAME\n" in found.dockerfile()
    assert found.gaps(blocking=False) == {"web.build", "web.env.NEXT_PUBLIC_API_URL"}
    standalone = Proposed({**files, "next.config.mjs": 'export default { output: "standalone" }'})
    assert 'CMD ["node", "server.js"]' in standalone.dockerfile()
    assert '["/app/.next/static", "./.next/static"]' in standalone.dockerfile()


def test_fastify_that_only_listens_on_loopback_is_told() -> None:
    files = {"package.json": package({"start": "node server.js"}, "fastify"), **LOCK}
    code = 'app.get("/health", ok); app.listen({ port: 3000 })'
    assert Proposed({**files, "server.js": code}).gaps(blocking=True) == {"api.port"}
    code = 'app.get("/health", ok); app.listen({ port: 3000, host: "0.0.0.0" })'
    assert Proposed({**files, "server.js": code}).gaps(blocking=True) == set()


def test_a_worker_has_the_image_of_its_program() -> None:
    scripts = {"start": "node server.js", "worker": "node worker.js", "worker:dev": "node --watch worker.js"}
    found = Proposed({"package.json": package(scripts, "express", "bullmq"), "server.js": EXPRESS, **LOCK})
    assert found.services["cache"] == {"kind": "redis"}
    assert found.services["worker"] == {
        "kind": "app",
        "build": {"context": "."},
        "command": "node worker.js",
        "env": {"REDIS_URL": "${cache.url}"},
    }
    assert found.files == {"Dockerfile", ".dockerignore"}


def test_a_hook_that_needs_a_developers_tools_is_left_out_of_production() -> None:
    scripts = {"start": "node server.js", "prepare": "husky", "postinstall": "node setup.js"}
    found = Proposed({"package.json": package(scripts, "express"), "server.js": EXPRESS, **LOCK})
    assert "npm pkg delete scripts.prepare && npm ci --omit=dev" in found.dockerfile()


@pytest.mark.parametrize(
    ("wanted", "accepted"),
    [
        (">=18", True),
        ("^24.1.0", True),
        ("24", True),
        ("24.x", True),
        ("v24", True),
        (">=20 <25", True),
        ("^20 || ^22 || >=24", True),
        ("*", True),
        ("^22.0.0", False),
        ("20.x", False),
        ("<24", False),
        (">=25", False),
        ("18 || 20", False),
    ],
)
def test_versions_of_node(wanted: str, *, accepted: bool) -> None:
    assert accepts_node(wanted, 24) == accepted


def test_sveltekit_is_a_development_dependency_that_makes_a_program() -> None:
    files = {"src/routes/healthz/+server.ts": "", **LOCK}
    libraries = ("@sveltejs/kit", "@sveltejs/adapter-node", "vite")
    found = Proposed({"package.json": package({"build": "vite build"}, dev=libraries), **files})
    assert found.services["web"]["health"] == "/healthz"
    assert 'CMD ["node", "build"]' in found.dockerfile()
    found = Proposed(
        {"package.json": package({"build": "vite build"}, dev=("@sveltejs/kit", "vite")), **files}
    )
    assert found.gaps(blocking=True) == {"web.build"}
