"""What is proposed for projects that use Prisma."""

from __future__ import annotations

from support.blueprints import Proposed, package

EXPRESS = 'const app = express(); app.get("/healthz", ok); app.listen(process.env.PORT || 4000)'
LOCK = {"package-lock.json": "{}"}


SCHEMA = (
    'generator client {\n  provider = "prisma-client-js"\n}\ndatasource db {\n  provider = "postgresql"\n}\n'
)


def test_prismas_client_is_where_the_program_looks_for_it() -> None:
    files = {"server.js": EXPRESS, "prisma/schema.prisma": SCHEMA, **LOCK}
    scripts = {"start": "node server.js"}
    found = Proposed({"package.json": package(scripts, "express", "@prisma/client", "prisma"), **files})
    assert found.services["db"] == {"kind": "postgres", "version": 17}
    assert "npm ci --omit=dev && npx --no-install prisma generate\n" in found.dockerfile()
    found = Proposed(
        {"package.json": package(scripts, "express", "@prisma/client", dev=("prisma",)), **files}
    )
    assert found.gaps(blocking=True) == {"api.build"}
    files["prisma/schema.prisma"] = SCHEMA.replace("}", '  output = "../src/generated"\n}', 1)
    found = Proposed(
        {"package.json": package(scripts, "express", "@prisma/client", dev=("prisma",)), **files}
    )
    assert found.gaps(blocking=True) == set()


def test_what_migrations_read_is_beside_a_program_in_a_folder_of_its_own() -> None:
    files = {"src/server.ts": EXPRESS, "prisma/schema.prisma": SCHEMA, "prisma.config.ts": "", **LOCK}
    scripts = {"start": "node dist/server.js", "build": "tsc"}
    text = Proposed(
        {"package.json": package(scripts, "express", "@prisma/client", "prisma"), **files}
    ).dockerfile()
    assert 'COPY --from=build ["/app/prisma.config.ts", "prisma.config.ts"]' in text
