"""A dozen Compose files, written by different hands: nothing is dropped silently, nothing secret is told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from havre.domain.compose import Conversion, Outcome, convert
from havre.domain.compose.tree import Path as TreePath
from havre.domain.compose.tree import dotted
from havre.manifest import load

FOLDERS = sorted(folder for folder in (Path(__file__).parent / "compose_files").iterdir() if folder.is_dir())
SECRET = "hushhush"
"""Part of every secret in these files."""


def compose_file(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.name.startswith(("compose.", "docker-compose.")))


@cache
def converted(folder: Path) -> Conversion:
    def read_file(path: str) -> str | None:
        file = folder / path
        return file.read_text() if file.is_file() else None

    file = compose_file(folder)
    return convert(file.read_text(), file=file.name, folder=folder.name, read_file=read_file)


def named(name: str) -> Conversion:
    return converted(next(folder for folder in FOLDERS if folder.name == name))


def service(name: str, of: str) -> dict[str, Any]:
    return dict(named(name).manifest["services"][of])


def leaves(value: object, path: TreePath = ()) -> Iterator[TreePath]:
    """The leaves of a file as another reader of YAML sees them."""
    children: list[tuple[str | int, object]] = (
        [(str(key), child) for key, child in value.items()]
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    if not children:
        yield path
    for key, child in children:
        yield from leaves(child, (*path, key))


def test_there_are_a_dozen() -> None:
    assert len(FOLDERS) == 12


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_leaf_has_exactly_one_verdict(folder: Path) -> None:
    data = YAML(typ="safe", pure=True).load(compose_file(folder).read_text())
    verdicts = converted(folder).verdicts
    paths = Counter(verdict.path for verdict in verdicts)
    assert max(paths.values()) == 1
    wrong = {
        dotted(leaf): covering
        for leaf in leaves(data)
        for covering in [[dotted(path) for path in paths if leaf[: len(path)] == path]]
        if len(covering) != 1
    }
    assert not wrong


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_variable_of_a_file_has_a_verdict_at_its_line(folder: Path) -> None:
    told = {(v.file, v.line): v.path[-1] for v in converted(folder).verdicts if "env_file(" in v.name}
    for file in {file for file, _ in told}:
        for number, line in enumerate((folder / file).read_text().splitlines(), 1):
            if "=" in line:
                assert told[file, number] == line.partition("=")[0].removeprefix("export ")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_manifest_loads_and_says_what_the_conversion_says(folder: Path) -> None:
    made = converted(folder)
    manifest = load(made.text)
    assert manifest.project == made.project
    assert list(manifest.services) == list(made.manifest["services"])
    assert YAML(typ="safe", pure=True).load(made.text) == made.manifest


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_secret_is_written_or_told(folder: Path) -> None:
    made = converted(folder)
    assert SECRET not in made.text + repr(made) + json.dumps(made.manifest)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_what_is_changed_or_not_carried_over_says_why(folder: Path) -> None:
    lines = {path: path.read_text().splitlines() for path in folder.rglob("*") if path.is_file()}
    for verdict in converted(folder).verdicts:
        assert verdict.reason or verdict.outcome is Outcome.CARRIED, verdict
        assert verdict.target or verdict.outcome is not Outcome.CARRIED, verdict
        assert "no key that Havre knows" not in verdict.reason, verdict
        assert 1 <= verdict.line <= len(lines[folder / verdict.file]), verdict


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_verdict_names_the_line_of_its_part(folder: Path) -> None:
    text = compose_file(folder).read_text().splitlines()
    for verdict in converted(folder).verdicts:
        key = verdict.path[-1]
        if verdict.file == compose_file(folder).name and isinstance(key, str) and len(verdict.path) == 3:
            assert f"{key}" in text[verdict.line - 1], verdict


def test_a_database_becomes_managed_and_its_address_a_reference() -> None:
    api = service("node-postgres", "api")
    assert api["env"]["DATABASE_URL"] == "${db.url}"
    assert api["env"]["SESSION_SECRET"] == {"secret": "session-secret"}
    assert "PORT" not in api["env"]
    assert api["health"] == {"path": "/health", "timeout": "5s", "retries": 3, "start_period": "100s"}
    assert service("node-postgres", "db") == {
        "kind": "postgres",
        "version": 17,
        "database": "shop",
        "user": "shop",
    }
    (image,) = [v for v in named("node-postgres").verdicts if v.name == "services.db.image"]
    assert (image.outcome, image.where) == (Outcome.CHANGED, "docker-compose.yml:26")
    assert "17, not 15" in image.reason


def test_anchors_files_of_variables_and_what_runs_once() -> None:
    made = named("django-celery")
    assert made.project == "blog-site"
    assert list(made.manifest["services"]) == ["web", "worker", "postgres", "cache"]
    web, worker = service("django-celery", "web"), service("django-celery", "worker")
    assert web["release"] == ["python", "manage.py", "migrate"]
    assert web["domains"] == [{"host": "blog.example.org"}, {"host": "www.example.org"}]
    assert web["command"][-1] == "3"
    assert web["build"]["args"] == {"PYTHON_VERSION": "3.13"}
    assert (web["volumes"], web["strategy"]) == (["media:/srv/media", "static:/srv/static"], "recreate")
    assert (
        worker["env"]
        == web["env"]
        == {
            "DJANGO_SETTINGS_MODULE": "blog.settings.production",
            "DJANGO_SECRET_KEY": {"secret": "django-secret-key"},
            "DB_HOST": "${postgres.host}",
            "DB_PORT": "5432",
            "DB_NAME": "${postgres.database}",
            "DB_USER": "${postgres.user}",
            "DB_PASSWORD": "${postgres.password}",
            "CELERY_BROKER_URL": "redis://:${cache.password}@${cache.host}:${cache.port}/1",
            "CACHE_URL": "${cache.url}",
            "EMAIL_URL": {"secret": "email-url"},
            "PRICE": "5$$",
        }
    )
    assert worker["resources"] == {
        "limits": {"cpus": 0.5, "memory": "512M"},
        "reservations": {"memory": "256M"},
    }
    assert service("django-celery", "cache") == {
        "kind": "redis",
        "version": "7.4",
        "max_memory": "256M",
        "persistent": True,
    }
    assert [(s.command, s.where) for s in made.secrets] == [
        ("havre secrets set django-secret-key", ".env.web:2"),
        ("havre secrets set email-url", ".env.web:12"),
    ]


def test_a_database_without_a_managed_kind_is_an_image_with_a_volume() -> None:
    mysql = service("laravel-mysql", "mysql")
    assert (mysql["kind"], mysql["image"], mysql["strategy"]) == (
        "app",
        "mysql/mysql-server:8.0",
        "recreate",
    )
    assert mysql["volumes"] == ["sail-mysql:/var/lib/mysql"]
    assert "port" not in mysql
    # One value is one secret, so that both sides keep agreeing.
    assert mysql["env"]["MYSQL_ROOT_PASSWORD"] == {"secret": "db-password"}
    assert service("laravel-mysql", "app")["env"]["DB_PASSWORD"] == {"secret": "db-password"}
    assert any("mysql" in warning for warning in named("laravel-mysql").warnings)
    assert "mailpit" not in named("laravel-mysql").manifest["services"]
    assert [v.command for v in named("laravel-mysql").variables] == ["havre env set -s app WWWUSER=VALUE"]


def test_old_keys_of_limits_links_and_a_port_for_the_server_alone() -> None:
    wordpress = service("wordpress", "wordpress")
    assert wordpress["resources"]["limits"] == {"memory": "512M", "cpus": 1.5}
    assert (wordpress["port"], "domain" in wordpress) == (80, False)
    assert wordpress["env"]["WORDPRESS_DB_HOST"] == "db:3306"
    assert wordpress["env"]["WORDPRESS_DB_PASSWORD"] == service("wordpress", "db")["env"]["MARIADB_PASSWORD"]


def test_secret_files_become_variables_and_connection_strings_references() -> None:
    made = service("dotnet-secrets", "web-api")
    env = made["env"]
    assert env["ConnectionStrings__Default"] == (
        "Host=${database.host};Port=${database.port};Database=${database.database};"
        "Username=${database.user};Password=${database.password}"
    )
    assert env["Jwt__Key"] == {"secret": "jwt-key"}
    assert env["DB_PASSWORD"] == "${database.password}"
    assert env["STRIPE"] == {"secret": "stripe"}
    assert "FEATURE_X" not in env
    assert (made["port"], made["replicas"], made["user"]) == (8080, 3, "1000:1000")
    assert (made["entrypoint"], made["working_dir"], made["stop_grace"]) == (
        ["dotnet", "Acme.dll"],
        "/app",
        "90s",
    )
    assert made["image"] == "ghcr.io/acme/web-api"
    commands = [secret.command for secret in named("dotnet-secrets").secrets]
    assert "havre secrets set jwt-key < ./secrets/jwt.key" in commands


def test_extended_services_renamed_hosts_and_ports_found_elsewhere() -> None:
    gateway = service("microservices-extends", "gateway")
    assert gateway["env"]["ORDERS_URL"] == "http://orders-service:4000"
    assert gateway["env"]["KAFKA"] == "broker-1:9092,broker-1:9093"
    assert gateway["env"]["NODE_OPTIONS"] == "--max-old-space-size=256"
    assert gateway["env"]["NPM_TOKEN"] == {"secret": "npm-token"}
    assert (gateway["stop_grace"], gateway["user"], gateway["port"]) == ("20s", "node", 8080)
    orders = service("microservices-extends", "orders-service")
    assert (orders["port"], orders["replicas"], orders["env"]["TZ"]) == (4000, 2, "Europe/Paris")
    assert service("microservices-extends", "users")["port"] == 4001  # as the gateway asks for it


def test_development_and_tools_stay_behind() -> None:
    made = named("dev-and-tools")
    assert list(made.manifest["services"]) == ["frontend", "watchtower", "backup", "pg"]
    reasons = {v.name: v.reason for v in made.verdicts if v.outcome is Outcome.DROPPED}
    assert "--profile tools" in reasons["services.adminer"]
    assert "router" in reasons["services.proxy"]
    assert "root on the server" in reasons["services.watchtower.volumes[0]"]
    assert "source code" in reasons["services.frontend.volumes[0]"]


def test_other_ways_to_name_a_database() -> None:
    env = service("go-multi-env", "api")["env"]
    assert env["DSN"] == (
        "host=${pg.host} user=${pg.user} password=${pg.password} dbname=${pg.database} "
        "port=${pg.port} sslmode=disable"
    )
    assert env["SQLALCHEMY"] == (
        "postgresql+asyncpg://${pg.user}:${pg.password}@${pg.host}:${pg.port}/${pg.database}"
    )
    assert env["REDIS_ADDR"] == "${cache.host}:${cache.port}"
    assert env["MAILER"] == "${pg.host}:${pg.port}"
    assert env["REPORTS_DB"] == {"secret": "reports-db"}
    assert (env["LOG"], env["REGION"], env["COST"]) == ("info", "", "$$5")
    jvm = service("jvm-elastic", "app")["env"]
    assert jvm["SPRING_DATASOURCE_URL"].startswith("jdbc:postgresql://${pg.host}:${pg.port}/${pg.database}?")
    assert jvm["SPRING_DATASOURCE_PASSWORD"] == "${pg.password}"
    assert jvm["SPRING_DATA_REDIS_PASSWORD"] == "${keyvalue.password}"
    assert jvm["SPRING_ELASTICSEARCH_URIS"] == "http://es:9200"


def test_domains_of_nginx_proxy() -> None:
    site = service("nginx-proxy", "site")
    assert (site["port"], site["domains"]) == (
        80,
        [{"host": "site.example.org"}, {"host": "www.site.example.org"}],
    )
    assert "env" not in site
