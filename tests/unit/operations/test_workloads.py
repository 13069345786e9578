"""A release as workloads: references, secrets by version, attachments."""

from __future__ import annotations

from pathlib import Path

import pytest

from havre.adapters import sealing
from havre.config import Config
from havre.domain.workload import Attachment, Resources, Workload
from havre.errors import SecretError
from havre.manifest import AppService, StaticService, load
from havre.operations.release_secrets import ensure_passwords, secret_versions
from havre.operations.workloads import Composition
from havre.records import continuity, queries
from havre.records.models import Environment

pytestmark = pytest.mark.django_db

MANIFEST = """
project: shop
services:
  db: {kind: postgres}
  cache: {kind: redis, persistent: true}
  api:
    kind: app
    build: .
    port: 3000
    health: /health
    replicas: 2
    release: node migrate.js
    domain: api.shop.localhost
    env:
      DATABASE_URL: ${db.url}
      REDIS: ${cache.url}
      WEB: ${web.public_url}
      TOKEN: {secret: token}
    resources: {limits: {cpus: 0.5, memory: 256M}}
  web:
    kind: static
    build: {command: make, output: dist, args: {API: "${api.public_url}"}}
    domain: shop.example.org
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    made = Config(state=tmp_path, public_http_port=8480)
    made.paths.keys.mkdir()
    sealing.make_keys(made.paths.private_key, made.paths.public_key)
    return made


@pytest.fixture
def shop() -> Environment:
    return queries.ensure_environment("shop", "production", source="x")


def compose(config: Config, shop: Environment, *, manifest: str = MANIFEST, **fields: object) -> Composition:
    spec = load(manifest).for_environment("production")
    ensure_passwords(config, shop, spec)
    if "token" not in queries.current_secrets(shop):
        queries.add_secret(shop, "token", sealing.seal(config.paths.public_key, b"hush"), actor="ada")
    operation = queries.enqueue("deploy", shop, {}, actor="ada")
    release = queries.new_release(
        shop,
        operation,
        spec=spec.model_dump(mode="json"),
        images=dict.fromkeys(spec.services, "sha256:1"),
        secret_versions=secret_versions(shop, spec),
        **fields,
    )
    return Composition.of(config, release)


def values(workload: Workload) -> dict[str, str]:
    return {var.name: var.value for var in workload.env}


def test_references_become_addresses_and_passwords(config: Config, shop: Environment) -> None:
    api = compose(config, shop).applications()["api"]
    found = values(api)
    assert found["DATABASE_URL"].startswith("postgresql://shop:")
    assert found["DATABASE_URL"].endswith("@db:5432/shop")
    assert found["REDIS"].endswith("@cache:6379/0")
    assert found["WEB"] == "https://shop.example.org"
    assert found["TOKEN"] == "hush"
    assert found["PORT"] == "3000"
    stamps = {var.name: var.stamp for var in api.env}
    assert stamps["TOKEN"] == "token@1"
    assert stamps["DATABASE_URL"] == "=<db.url@1>"
    assert "hush" not in repr(api)


def test_a_routed_service_is_on_both_networks_and_a_database_on_one(
    config: Config, shop: Environment
) -> None:
    composition = compose(config, shop)
    assert composition.applications()["api"].attachments == (
        Attachment("shop-production", ("api",)),
        Attachment("havre-edge", ("shop-production-api",)),
    )
    database = composition.data()["db"]
    assert database.attachments == (Attachment("shop-production", ("db",)),)
    assert not database.ports
    assert "shop:" not in repr(database)


@pytest.mark.parametrize(
    ("rpo", "with_storage", "without"),
    [("10s", ("60", "3.3"), ("7", None)), ("1m", ("45", None), ("45", None))],
)
def test_wal_is_streamed_below_an_rpo_of_a_minute_if_there_is_a_place_elsewhere(
    config: Config,
    shop: Environment,
    rpo: str,
    with_storage: tuple[str, str | None],
    without: tuple[str, str | None],
) -> None:
    manifest = MANIFEST.replace("{kind: postgres}", f"{{kind: postgres, backups: {{rpo: {rpo}}}}}")

    def pace() -> tuple[str | None, str | None]:
        found = values(compose(config, shop, manifest=manifest).data()["db"])
        return found.get("POSTGRES_ARCHIVE_TIMEOUT"), found.get("POSTGRES_STREAM_SECONDS")

    assert pace() == without
    sealed = {
        f"sealed_{name}": sealing.seal(config.paths.public_key, b"x")
        for name in ("key", "secret", "passphrase")
    }
    continuity.set_storage(actor="ada", endpoint="https://s3.example.org", bucket="b", **sealed)
    assert pace() == with_storage


def test_limits_replicas_and_a_read_only_site(config: Config, shop: Environment) -> None:
    applications = compose(config, shop).applications()
    assert applications["api"].limits == Resources(0.5, 256 * 2**20)
    assert applications["api"].replicas == 2
    assert applications["web"].read_only
    assert applications["web"].tmpfs == ("/tmp",)


def test_what_scale_said_wins_over_the_manifest(config: Config, shop: Environment) -> None:
    shop.replicas = {"api": 5}
    shop.save()
    assert compose(config, shop).applications()["api"].replicas == 5


def test_variables_set_by_hand_win_over_the_manifest(config: Config, shop: Environment) -> None:
    composition = compose(config, shop, variables=[["", "WEB", "all"], ["api", "WEB", "mine"]])
    assert values(composition.applications()["api"])["WEB"] == "mine"


def test_public_addresses_carry_the_port_that_users_see(config: Config, shop: Environment) -> None:
    composition = compose(config, shop)
    site = composition.spec.services["web"]
    assert composition.build_args(site) == {"API": "http://api.shop.localhost:8480"}


def test_a_job_runs_the_release_command_with_the_same_environment(config: Config, shop: Environment) -> None:
    composition = compose(config, shop)
    job = composition.job("api", composition.spec.services["api"])
    assert (job.name, job.command, job.is_job) == (
        "shop-production-api-r1-release",
        ("node", "migrate.js"),
        True,
    )
    assert job.env == composition.applications()["api"].env


def test_only_a_new_version_of_a_secret_changes_the_fingerprint(config: Config, shop: Environment) -> None:
    first = compose(config, shop).applications()["api"].fingerprint()
    assert compose(config, shop).applications()["api"].fingerprint() == first
    queries.add_secret(shop, "token", sealing.seal(config.paths.public_key, b"hush"), actor="ada")
    assert compose(config, shop).applications()["api"].fingerprint() != first


def test_missing_secrets_are_named_all_at_once(config: Config, shop: Environment) -> None:
    text = MANIFEST.replace("{secret: token}", "{secret: token}\n      OTHER: {secret: other}")
    with pytest.raises(SecretError, match="other, token"):
        secret_versions(shop, load(text).for_environment("production"))


def test_a_login_of_a_registry_has_to_be_set_and_is_no_part_of_a_release(
    config: Config, shop: Environment
) -> None:
    spec = load(
        MANIFEST.replace("    build: .\n", "    image: {name: r.example.org/api:1, auth: {secret: login}}\n")
    ).for_environment("production")
    sealed = sealing.seal(config.paths.public_key, b"x")
    ensure_passwords(config, shop, spec)
    queries.add_secret(shop, "token", sealed, actor="ada")
    with pytest.raises(SecretError, match="no secret login"):
        secret_versions(shop, spec)
    queries.add_secret(shop, "login", sealed, actor="ada")
    assert secret_versions(shop, spec).keys() == {"token", "db.password", "cache.password"}


def test_a_secret_sealed_for_another_server_cannot_be_opened(
    config: Config, shop: Environment, tmp_path: Path
) -> None:
    composition = compose(config, shop)
    config.paths.private_key.unlink()
    sealing.make_keys(config.paths.private_key, config.paths.public_key)
    with pytest.raises(SecretError, match="cannot be opened"):
        Composition.of(config, composition.release)


def test_build_secrets_are_opened_for_the_build_alone(config: Config, shop: Environment) -> None:
    for name, value in (("token", "run"), ("npm-token", "npm"), ("map-key", "map")):
        sealed = sealing.seal(config.paths.public_key, value.encode())
        queries.add_secret(shop, name, sealed, actor="me")
    text = MANIFEST.replace("build: .", "build: {secrets: {npm: {secret: npm-token}}}").replace(
        "output: dist,", "output: dist, secrets: {maps.key: {secret: map-key}},"
    )
    spec = load(text).for_environment("production")
    ensure_passwords(config, shop, spec)
    versions = secret_versions(shop, spec)
    assert versions.keys() >= {"token", "npm-token", "map-key"}
    release = shop.releases.create(
        number=1, spec=spec.model_dump(mode="json"), secret_versions=versions, images={"api": "a", "web": "w"}
    )
    made = Composition.of(config, release)
    api, web = spec.services["api"], spec.services["web"]
    assert isinstance(api, AppService)
    assert isinstance(web, StaticService)
    assert made.build_secrets(api) == {"npm": "npm"}
    assert made.build_secrets(web) == {"maps.key": "map"}
    assert "npm" not in {variable.name for variable in made.application("api", api).env}
    assert "npm" not in made.build_args(api).values()


def test_a_build_secret_that_is_not_set_is_told(config: Config, shop: Environment) -> None:
    text = MANIFEST.replace("build: .", "build: {secrets: {npm: {secret: npm-token}}}")
    with pytest.raises(SecretError, match="npm-token"):
        secret_versions(shop, load(text).for_environment("production"))
