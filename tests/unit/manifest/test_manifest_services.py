"""Services: short forms, defaults and rules, by value."""

from __future__ import annotations

import pytest

from havre.manifest import (
    AppService,
    Build,
    Domain,
    Health,
    Image,
    PostgresService,
    RegistryAuth,
    Resources,
    Routed,
    SecretReference,
    Share,
    StaticBuild,
    StaticService,
    Volume,
    load,
)
from support.manifests import DESIGN, api, app, bare, problem, production

MIB = 1024 * 1024


def test_the_design_s_example() -> None:
    spec = production(DESIGN)
    assert (spec.project, spec.environment, spec.branch, spec.protected) == (
        "dropit",
        "production",
        "main",
        True,
    )
    service = spec.services["api"]
    assert isinstance(service, AppService)
    assert service.build == Build(context=".", dockerfile="apps/api/Dockerfile", target=None, args={})
    assert service.health == Health(
        path="/health", interval="1s", timeout="2s", retries=3, start_period="60s"
    )
    assert service.domains == (Domain(host="api.dropit-app.fr", paths=("/",), redirect_from=(), https=True),)
    assert service.env == {
        "DATABASE_URL": "${db.url}",
        "BETTER_AUTH_SECRET": SecretReference(secret="better-auth"),
    }
    assert service.release == ("pnpm", "db:migrate")
    assert (service.port, service.replicas, service.strategy.kind) == (3000, 2, "side-by-side")
    web = spec.services["web"]
    assert isinstance(web, StaticService)
    assert web.build == StaticBuild(command=("pnpm", "--filter", "web", "build"), output="apps/web/dist")
    assert spec.services["db"] == PostgresService(
        kind="postgres", version=17, database="dropit", user="dropit", resources=None
    )


def test_defaults_of_an_app() -> None:
    service = api(bare("replicas: 1"))
    assert service == AppService.model_validate({"kind": "app"})
    assert (service.port, service.health, service.command, service.release) == (None, None, None, None)
    assert (service.domains, service.domain, service.volumes, service.env) == ((), None, (), {})
    assert (service.drain, service.stop_grace, service.max_body) == (10.0, 30.0, 100 * MIB)
    assert service.build == Build(context=".", dockerfile="Dockerfile")
    assert service.resources is None


def test_app_and_static_are_routed_alike() -> None:
    def described(service: Routed) -> tuple[object, ...]:
        return (service.port, service.strategy.kind, service.replicas, service.drain, service.max_body)

    spec = production(DESIGN)
    assert described(spec.services["api"]) == (3000, "side-by-side", 2, 10.0, 100 * MIB)
    web = spec.services["web"]
    assert described(web) == (8080, "side-by-side", 1, 10.0, 100 * MIB)
    assert web.health == Health(path="/.havre/health")
    assert web.domain == "dropit-app.fr"


# short forms


def test_build_as_text_is_the_context() -> None:
    assert api(app("build: apps/api")).build == Build(context="apps/api")


def test_build_in_full() -> None:
    build = api(
        app("build: {context: a/./b/, dockerfile: x/D, target: prod, args: {N: 1, M: '${db.host}'}}")
    ).build
    assert build == Build(context="a/b", dockerfile="x/D", target="prod", args={"N": "1", "M": "${db.host}"})


def test_health_in_full() -> None:
    text = (
        "port: 1\nhealth: {path: '/up?deep=1', interval: 500ms, timeout: 1m30s, retries: 5, start_period: 2m}"
    )
    health = api(bare(text)).health
    assert health == Health(
        path="/up?deep=1", interval="500ms", timeout="90s", retries=5, start_period="120s"
    )
    assert (health.interval, health.timeout, health.start_period) == (0.5, 90.0, 120.0)


def test_volumes_in_both_forms() -> None:
    service = api(app("volumes: ['up:/app/uploads/', {name: tmp, path: /scratch}]"))
    assert service.volumes == (Volume(name="up", path="/app/uploads"), Volume(name="tmp", path="/scratch"))


def test_domains_in_full() -> None:
    service = api(
        app("domains: [{host: a.example.org, paths: [/v1, /v2], redirect_from: [www.a.example.org]}]")
    )
    assert service.domains == (
        Domain(host="a.example.org", paths=("/v1", "/v2"), redirect_from=("www.a.example.org",), https=True),
    )
    assert service.domain == "a.example.org"


@pytest.mark.parametrize(
    ("host", "https"),
    [
        ("a.example.org", True),
        ("localhost", False),
        ("api.dropit.localhost", False),
        ("a.test", False),
        ("a.local", False),
        ("db.internal", False),
        ("localhost.example.org", True),
    ],
)
def test_https_is_the_default_where_a_certificate_can_be_had(host: str, https: bool) -> None:
    assert api(app(f"domain: {host}")).domains[0].https is https


def test_https_can_be_turned_on_and_off() -> None:
    service = api(app("domains: [{host: a.org, https: false}, {host: a.test, https: true}]"))
    assert [domain.https for domain in service.domains] == [False, True]


def test_domain_beside_domains_is_refused() -> None:
    found = problem(app("domain: a.org\ndomains: [{host: b.org}]"))
    assert (found.path, found.message) == ("services.api.domain", "is given beside domains")


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("node main.js", ("node", "main.js")),
        ('"node -e \'a b\' --x=\\"y z\\""', ("node", "-e", "a b", "--x=y z")),
        ("[sh, -c, 'echo $HOME && ls']", ("sh", "-c", "echo $HOME && ls")),
    ],
)
def test_commands(written: str, arguments: tuple[str, ...]) -> None:
    assert api(app(f"command: {written}")).command == arguments
    assert api(app(f"release: {written}")).release == arguments


@pytest.mark.parametrize(
    "word", ["a && b", "a; b", "a | b", "a > f", "echo $HOME", "a `b`", "a & b", "a 2>&1"]
)
def test_a_command_that_needs_a_shell_is_refused(word: str) -> None:
    found = problem(app(f"release: {word!r}"))
    assert found.path == "services.api.release"
    assert "which only a shell understands" in found.message
    assert found.hint == 'write a list that starts the shell: [sh, -c, "…"]'


@pytest.mark.parametrize("word", ["''", "'  '", "[]", "['']", '"it\'s"', "5", "{a: b}", "[1]"])
def test_what_is_no_command_is_refused(word: str) -> None:
    assert problem(app(f"command: {word}")).path.startswith("services.api.command")


def test_resources() -> None:
    service = api(
        app("resources: {limits: {cpus: 2, memory: 1G}, reservations: {cpus: 0.25, memory: 256MiB}}")
    )
    assert service.resources == Resources(
        limits=Share(cpus=2.0, memory="1G"), reservations=Share(cpus=0.25, memory="256M")
    )
    assert service.resources.limits.memory == 1024**3


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{limits: {cpus: 1}, reservations: {cpus: 2}}", "reservations"),
        ("{limits: {memory: 1M}, reservations: {memory: 1G}}", "reservations"),
        ("{limits: {cpus: 0}}", "limits.cpus"),
        ("{limits: {cpus: '0.5'}}", "limits.cpus"),
        ("{limits: {cpus: -1}}", "limits.cpus"),
        ("{limits: {memory: 0M}}", "limits.memory"),
        ("{limits: {memory: 256}}", "limits.memory"),
        ("{limit: {memory: 256M}}", "limit"),
    ],
)
def test_wrong_resources(written: str, path: str) -> None:
    assert problem(app(f"resources: {written}")).path == f"services.api.resources.{path}"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("500ms", 0.5),
        ("10s", 10.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("7d", 604800.0),
        ("1h30m", 5400.0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert api(app(f"drain: {text}")).drain == seconds


@pytest.mark.parametrize(
    "text", ["10", "1.5s", "'10 s'", "10S", "s", "-5s", "10sec", "[]", "true", "99999d", "''"]
)
def test_wrong_durations(text: str) -> None:
    found = problem(app(f"drain: {text}"))
    assert found.path == "services.api.drain"
    assert found.hint


def test_a_bare_number_as_a_duration_shows_the_unit() -> None:
    assert problem(app("drain: 10")).hint == "write 10s for seconds"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("2K", 2048),
        ("100M", 100 * MIB),
        ("100MB", 100 * MIB),
        ("100MiB", 100 * MIB),
        ("1G", 1024**3),
    ],
)
def test_sizes_are_bytes_in_steps_of_1024(text: str, size: int) -> None:
    assert api(app(f"max_body: {text}")).max_body == size


@pytest.mark.parametrize(
    "text", ["100", "1.5G", "10m", "10 M", "0M", "-1M", "M", "true", "[]", "9999999999T"]
)
def test_wrong_sizes(text: str) -> None:
    found = problem(app(f"max_body: {text}"))
    assert found.path == "services.api.max_body"
    assert found.hint


def test_an_app_of_a_ready_image() -> None:
    service = api(bare("image: nginx:1.27"))
    assert (service.image, service.build) == (Image(name="nginx:1.27"), None)
    login = bare("image: {name: r.example.org/a, auth: {secret: registry-login}}")
    assert api(login).image == Image(name="r.example.org/a", auth=RegistryAuth(secret="registry-login"))
    assert api(bare("replicas: 1")).build == Build()


def test_an_app_is_built_or_ready() -> None:
    both = problem(bare("image: nginx\nbuild: ."))
    assert (both.path, both.message) == ("services.api.build", "is given beside image")
    here = "environments: {production: {services: {api: {build: null, image: nginx}}}}\n"
    ready = production(app("build: apps/api", rest=here)).services["api"]
    assert isinstance(ready, AppService)
    assert (ready.build, ready.image) == (None, Image(name="nginx"))
    for wrong in ("https://r.example.org/a", "Nginx", "a b", "nginx:", "nginx@sha256:12", "-x", "a//b"):
        assert "is not the name of an image" in problem(bare(f'image: "{wrong}"')).message, wrong


def test_how_an_image_is_entered() -> None:
    service = api(bare('entrypoint: [sh, -c]\ncommand: [env]\nuser: "1000:1000"\nworking_dir: /srv/'))
    assert (service.entrypoint, service.command) == (("sh", "-c"), ("env",))
    assert (service.user, service.working_dir) == ("1000:1000", "/srv")
    assert problem(bare('user: "root; id"')).hint.startswith("write a user or user:group")


def test_build_secrets() -> None:
    service = api(app("build: {context: ., secrets: {npm-token: {secret: npm-token}, _x.Y: {secret: b}}}"))
    assert {key: value.secret for key, value in service.build.secrets.items()} == {
        "npm-token": "npm-token",
        "_x.Y": "b",
    }
    assert "id of a build secret" in str(problem(app('build: {secrets: {"a b": {secret: c}}}')))
    assert "gives to every build itself" in str(
        problem(app("build: {secrets: {ca-certificates: {secret: c}}}"))
    )
    assert problem(app("build: {secrets: {npm: token}}"))


DATABASE = "project: shop\nservices:\n  db: {{kind: postgres, backups: {{rpo: {}}}}}\n"


@pytest.mark.parametrize(("rpo", "seconds"), [("5s", 5.0), ("1m", 60.0), ("7d", 604800.0)])
def test_an_rpo_is_from_seconds_to_days(rpo: str, seconds: float) -> None:
    service = load(DATABASE.format(rpo)).services["db"]
    assert isinstance(service, PostgresService)
    assert service.backups.rpo == seconds
    assert service.backups.are_on(has_storage=False)


@pytest.mark.parametrize("rpo", ["4s", "8d"])
def test_another_rpo_is_refused(rpo: str) -> None:
    assert "expected 5s to 7d" in str(problem(DATABASE.format(rpo)))
