"""What the libraries of a program tell: which databases it uses, and how its schema is brought up to date."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

POSTGRES = frozenset(
    {
        "pg", "postgres", "pg-promise", "@mikro-orm/postgresql", "@prisma/adapter-pg", "slonik",
        "@neondatabase/serverless", "@vercel/postgres", "pg-boss", "graphile-worker",
        "psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "asyncpg", "pg8000", "aiopg",
    }
)  # fmt: skip
REDIS = frozenset(
    {
        "redis", "ioredis", "bull", "bullmq", "bee-queue", "connect-redis", "@keyv/redis",
        "cache-manager-redis-yet", "@socket.io/redis-adapter", "rate-limit-redis", "django-redis",
        "channels-redis", "rq", "arq", "aioredis", "flask-session-redis", "fastapi-cache2",
    }
)  # fmt: skip
_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "MySQL": ("mysql", "mysql2", "@mikro-orm/mysql", "mysqlclient", "pymysql"),
    "MariaDB": ("mariadb",),
    "MongoDB": ("mongodb", "mongoose", "@mikro-orm/mongodb", "pymongo", "motor", "mongoengine"),
    "RabbitMQ": ("amqplib", "pika", "aio-pika"),
    "Kafka": ("kafkajs",),
    "Elasticsearch": ("@elastic/elasticsearch", "elasticsearch"),
    "Meilisearch": ("meilisearch",),
    "MinIO": ("minio",),
}
ELSEWHERE = {library: name for name, libraries in _ELSEWHERE.items() for library in libraries}
"""Libraries of databases that Havre does not run itself."""
SQLITE = frozenset(
    {"better-sqlite3", "sqlite3", "@mikro-orm/sqlite", "@mikro-orm/better-sqlite", "aiosqlite"}
)

_POSTGRES_URL = re.compile(r"^(postgres(ql)?(\+\w+)?|postgis)://")
_PRISMA_POSTGRES = re.compile(r"""provider\s*=\s*"postgres(ql)?\"""")


def postgres_because(dependencies: Collection[str], schema: str = "") -> str:
    """Why a program needs PostgreSQL, or nothing. ``schema`` is its Prisma schema."""
    if found := sorted(POSTGRES & set(dependencies)):
        return f"{found[0]} is among the dependencies"
    return "the Prisma schema names postgresql" if _PRISMA_POSTGRES.search(schema) else ""


def redis_because(dependencies: Collection[str]) -> str:
    """Why a program needs Redis, or nothing."""
    found = sorted(REDIS & set(dependencies))
    return f"{found[0]} is among the dependencies" if found else ""


def is_postgres_url(value: str) -> bool:
    """Whether the value of a variable is the address of a PostgreSQL database."""
    return bool(_POSTGRES_URL.match(value))


@dataclass(frozen=True)
class Tool:
    """A command that brings a schema up to date.

    Args:
        package: that brings the command.
        words: how it is called in ``node_modules/.bin``.
        script: how it is recognised in a script of package.json.
    """

    package: str
    words: str
    script: re.Pattern[str]


TOOLS = (
    Tool("prisma", "prisma migrate deploy", re.compile(r"\bprisma migrate (deploy|dev)\b")),
    Tool("drizzle-kit", "drizzle-kit migrate", re.compile(r"\bdrizzle-kit (migrate|push)\b")),
    Tool("knex", "knex migrate:latest", re.compile(r"\bknex\b.*\bmigrate:latest\b")),
    Tool("sequelize-cli", "sequelize-cli db:migrate", re.compile(r"\bsequelize(-cli)? db:migrate\b")),
    Tool("node-pg-migrate", "node-pg-migrate up", re.compile(r"\bnode-pg-migrate\b.*\bup\b")),
    Tool("@mikro-orm/cli", "mikro-orm migration:up", re.compile(r"\bmikro-orm(-esm)? migration:up\b")),
    Tool("typeorm", "typeorm migration:run", re.compile(r"\btypeorm(-ts-node-\w+)? migration:run\b")),
)
MIGRATION_SCRIPTS = re.compile(
    r"^(db:|database:|prisma:|typeorm:|orm:)?(migrate|migrations?)(:(deploy|up|run|prod|latest|production))?$"
)
"""Names of scripts that bring the schema up to date."""
