"""Rules within and between services: what is refused, where, and with which remedy."""

from __future__ import annotations

import pytest

from havre.manifest import (
    PostgresService,
    RedisService,
)
from support.manifests import api, app, bare, problem, problems, production


def test_a_port_needs_health_and_the_error_says_why() -> None:
    found = problem(bare("replicas: 1\nport: 80"))
    assert (found.path, found.line) == ("services.api.health", 3)
    assert found.message == "is missing: Havre sends no request to what it cannot check"
    assert "health: /health" in found.hint


def test_a_domain_needs_a_port() -> None:
    found = problem(bare("domain: a.example.org"))
    assert (found.path, found.message) == ("services.api.port", "is missing")


def test_health_without_a_port_is_refused() -> None:
    assert problem(bare("health: /up")).path == "services.api.health"


def test_an_app_without_port_is_a_background_program() -> None:
    assert api(bare("command: node worker.js")).port is None


def test_a_volume_makes_it_recreate() -> None:
    assert api(app("volumes: ['v:/v']")).strategy.kind == "recreate"
    assert api(app("strategy: recreate")).strategy.kind == "recreate"


def test_side_by_side_with_a_volume_is_refused() -> None:
    found = problem(app("volumes: ['v:/v']\nstrategy: side-by-side"))
    assert (found.path, found.line) == ("services.api.strategy", 9)
    assert "two releases must not write to one volume" in found.message


@pytest.mark.parametrize("kind", ["rolling", "{kind: canary, weights: [10]}"])
def test_two_releases_at_once_with_a_volume_are_refused(kind: str) -> None:
    found = problem(app(f"domain: a.org\nvolumes: ['v:/v']\nstrategy: {kind}"))
    assert "two releases must not write to one volume" in found.message


def test_a_strategy_in_one_word_has_its_defaults() -> None:
    assert api(app("strategy: rolling")).strategy.step == 1
    canary = api(app("domain: a.org\nstrategy: canary")).strategy
    assert (canary.weights, canary.pause, canary.promote, canary.sticky) == ((5, 25, 50), 120, "auto", False)
    assert canary.step is None


def test_a_strategy_is_stored_as_a_manifest_says_it() -> None:
    rolling = api(app("strategy: {kind: rolling, step: 2}")).strategy
    assert rolling.model_dump(mode="json") == {"kind": "rolling", "step": 2}
    assert api(app()).model_dump(mode="json")["strategy"] == "side-by-side"


@pytest.mark.parametrize(
    ("written", "path", "words"),
    [
        ("{kind: rolling, weights: [5]}", "strategy.weights", "is a key of canary, not of rolling"),
        ("{kind: side-by-side, step: 1}", "strategy.step", "is a key of rolling, not of side-by-side"),
        ("{step: 1}", "strategy.kind", "is missing"),
        ("{kind: rolling, step: 0}", "strategy.step", "expected at least 1"),
        ("{kind: canary, weights: [50, 25]}", "strategy.weights", "do not grow"),
        ("{kind: canary, weights: [100]}", "strategy.weights[0]", "expected at most 99"),
        ("{kind: canary, weights: []}", "strategy.weights", "is empty"),
        ("{kind: canary, pause: 2}", "strategy.pause", "a duration without a unit"),
        ("{kind: canary, sticky: null}", "strategy.sticky", "got null"),
        ("{kind: canary, max_latency: 0.5}", "strategy.max_latency", "expected at least 1"),
    ],
)
def test_wrong_strategies(written: str, path: str, words: str) -> None:
    found = problem(app(f"domain: a.org\nstrategy: {written}"))
    assert found.path == f"services.api.{path}"
    assert words in found.message


def test_a_canary_needs_a_public_route() -> None:
    found = problem(app("strategy: canary"))
    assert found.path == "services.api.strategy"
    assert "the service has no domain" in found.message


def test_an_unknown_strategy() -> None:
    found = problem(app("strategy: recreat"))
    assert found.message == 'got "recreat", expected side-by-side, rolling, canary or recreate'
    assert found.hint == "did you mean recreate?"


@pytest.mark.parametrize("count", ["0", "101", "-1", "2.5", "'2'", "two", "true", "[]", "null"])
def test_wrong_replicas(count: str) -> None:
    found = problem(app(f"replicas: {count}"))
    assert (found.path, found.line) == ("services.api.replicas", 8)
    assert found.message.startswith("got ")


@pytest.mark.parametrize("port", ["0", "65536", "'80'"])
def test_wrong_ports(port: str) -> None:
    assert problem(bare(f"port: {port}\nhealth: /")).path == "services.api.port"


@pytest.mark.parametrize(
    "name",
    [
        "A",
        "1a",
        "a_b",
        "-a",
        "a-",
        "a.b",
        "a" * 31,
        "''",
        "'a b'",
        "é",
        "'a\\n'",
        '"a\\n"',
        "api-r1",
        "x-release",
    ],
)
def test_wrong_names_of_services(name: str) -> None:
    assert problem(f"project: p\nservices:\n  {name}: {{kind: redis}}\n").line == 3


@pytest.mark.parametrize("name", ["a", "a" * 30, "a-b-c", "a1", "r12"])
def test_names_of_services(name: str) -> None:
    assert list(production(f"project: p\nservices: {{{name}: {{kind: redis}}}}").services) == [name]


def test_names_that_are_too_long_together() -> None:
    found = problem(f"project: {'p' * 20}\nservices: {{{'s' * 20}: {{kind: redis}}}}")
    assert found.path == "services." + "s" * 20
    assert "together by 4 characters" in found.hint


@pytest.mark.parametrize(
    ("host", "remedy"),
    [
        ("https://a.org", "leave out the scheme"),
        ("a.org:8080", "leave out the port"),
        ("a.org/x", "paths"),
        ("'*.a.org'", "wildcards"),
        ("A.org", "a.org"),
        ("münchen.de", "xn--"),
        ("a", "full name"),
        ("a..org", "full name"),
        ("a.org.", "full name"),
        ("-a.org", "full name"),
        ("a_b.org", "full name"),
        ("10.0.0.1", "a domain is a name"),
        ("a.org`) || Host(`b.org", "full name"),
        ("'a.org\n\n'", "full name"),
        ("a" * 64 + ".org", "full name"),
        (".".join(["a" * 60] * 5), "full name"),
    ],
)
def test_wrong_hosts(host: str, remedy: str) -> None:
    found = problem(app(f"domain: {host}"))
    assert found.path == "services.api.domain"
    assert remedy in found.hint


@pytest.mark.parametrize(
    "path", ["v1", "''", "/a b", "/a/../b", "/..", "/./a", "//", "/a`b", "/a?b", "/a#b", "'/a\"'", "/é"]
)
def test_wrong_paths_of_domains(path: str) -> None:
    found = problem(app(f"domains: [{{host: a.org, paths: [{path}]}}]"))
    assert found.path == "services.api.domains[0].paths[0]"


def test_paths_must_not_be_an_empty_list() -> None:
    assert problem(app("domains: [{host: a.org, paths: []}]")).message == "is empty"


def test_a_host_is_not_redirected_to_itself() -> None:
    assert "to itself" in problem(app("domains: [{host: a.org, redirect_from: [a.org]}]")).message


@pytest.mark.parametrize(
    "path", ["/abs", "../x", "a/../../x", "''", "~/x", "-f", "'a\\b'", "https://x/y", "git@x:y"]
)
@pytest.mark.parametrize("key", ["context", "dockerfile"])
def test_builds_never_leave_the_repository(key: str, path: str) -> None:
    assert problem(app(f"build: {{{key}: {path}}}")).path == f"services.api.build.{key}"


def test_a_wrong_short_form_is_told_at_its_key() -> None:
    assert problem(app("build: ../x")).path == "services.api.build"
    assert problem(bare("port: 1\nhealth: up")).path == "services.api.health"
    assert problem(app("volumes: ['v']")).path == "services.api.volumes[0]"


@pytest.mark.parametrize(
    "path", ["data", "/", "/a/../b", "/proc/x", "/dev", "/sys", "/run/secrets/x", "/a:b", "//x"]
)
def test_wrong_paths_of_volumes(path: str) -> None:
    assert problem(app(f"volumes: [{{name: v, path: '{path}'}}]")).path == "services.api.volumes[0].path"


def test_two_volumes_at_one_path_are_refused() -> None:
    assert problem(app("volumes: ['a:/v', 'b:/v/']")).path == "services.api.volumes"


def test_a_volume_must_not_be_that_of_a_database() -> None:
    assert "volume of the service" in problem(app("volumes: ['db:/v']")).message


def test_postgres_takes_its_names_from_the_project() -> None:
    spec = production(
        "project: my-shop\nservices: {db: {kind: postgres}, b: {kind: postgres, user: u, database: d}}"
    )
    db, other = spec.services["db"], spec.services["b"]
    assert isinstance(db, PostgresService)
    assert isinstance(other, PostgresService)
    assert (db.database, db.user, db.version) == ("my_shop", "my_shop", None)
    assert (other.database, other.user) == ("d", "u")


@pytest.mark.parametrize("version", ["15", "17", "'17'"])
def test_the_version_of_postgres(version: str) -> None:
    service = production(f"project: p\nservices: {{db: {{kind: postgres, version: {version}}}}}").services[
        "db"
    ]
    assert isinstance(service, PostgresService)
    assert service.version == int(version.strip("'"))


@pytest.mark.parametrize("version", ["16", "'16'", "17.0", "[]", "true"])
def test_other_versions_of_postgres(version: str) -> None:
    found = problem(f"project: p\nservices: {{db: {{kind: postgres, version: {version}}}}}")
    assert found.path == "services.db.version"
    assert "expected 15 or 17" in found.message


@pytest.mark.parametrize("name", ["A", "pg_x", "a-b", "1a", "''", "a;b", "a" * 64])
def test_wrong_names_for_postgres(name: str) -> None:
    assert (
        problem(f"project: p\nservices: {{db: {{kind: postgres, user: {name}}}}}").path == "services.db.user"
    )


def test_redis() -> None:
    spec = production(
        "project: p\nservices: {a: {kind: redis}, b: {kind: redis, max_memory: 1G, persistent: true}}"
    )
    assert spec.services["a"] == RedisService(kind="redis", max_memory="128M", persistent=False)
    assert spec.services["b"] == RedisService(kind="redis", max_memory="1G", persistent=True)


def test_a_static_service_needs_its_build() -> None:
    found = problem("project: p\nservices:\n  web: {kind: static}\n")
    assert (found.path, found.message, found.line) == ("services.web.build", "is missing", 3)
    found = problem("project: p\nservices:\n  web: {kind: static, build: {output: dist}}\n")
    assert (found.path, found.message) == ("services.web.build.command", "is missing")


def test_the_kind_is_needed_and_known() -> None:
    assert problem("project: p\nservices: {a: {port: 1}}").path == "services.a.kind"
    found = problem("project: p\nservices: {a: {kind: postgress}}")
    assert (found.path, found.hint) == ("services.a.kind", "did you mean postgres?")
    assert problem("project: p\nservices: {a: {kind: [app]}}").path == "services.a.kind"
    assert problem("project: p\nservices: {a: app}").path == "services.a"


@pytest.mark.parametrize("name", ["1A", "A-B", "A B", "''", "Ä", "'A='"])
def test_wrong_names_of_variables(name: str) -> None:
    assert "name of a variable" in problem(app(f"env: {{{name}: x}}")).message


def test_a_secret_s_keys_are_checked_and_its_value_is_not_repeated() -> None:
    found = problems(app("env:\n  KEY: {secrets: hunter2}"))
    assert [(p.path, p.hint) for p in found] == [
        ("services.api.env.KEY.secret", "add it, for example secret: session-key"),
        ("services.api.env.KEY.secrets", "did you mean secret?"),
    ]
    assert "hunter2" not in "".join(f"{p}{p.value}" for p in found)


@pytest.mark.parametrize(
    "value", ["[hunter2]", "{secret: [hunter2]}", "{secret: {a: hunter2}}", "{x: {y: hunter2}}"]
)
def test_values_of_variables_are_never_repeated(value: str) -> None:
    for found in problems(app(f"env: {{KEY: {value}}}")):
        assert "hunter2" not in f"{found}{found.value}"


# between services


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("${dbb.url}", "${dbb.url} names a service that does not exist", "did you mean db?"),
        (
            "${db.urll}",
            "${db.urll} asks for something that postgres services do not have",
            "did you mean url?",
        ),
        ("${db}", "${db} is not a reference", "write ${service.attribute}"),
        ("${api.public_url}", "${api.public_url} asks for a domain, but api has none", "give api a domain"),
        ("${job.url}", "${job.url} asks for a port, but job has none", "give job a port"),
    ],
)
def test_references_that_lead_nowhere(text: str, message: str, hint: str) -> None:
    found = problem(app(f"env:\n  X: 'a ${text}'".replace("$$", "$"), rest="  job: {kind: app}\n"))
    assert (found.path, found.line, found.message) == ("services.api.env.X", 9, message)
    assert found.hint.startswith(hint)


def test_references_that_lead_somewhere() -> None:
    names = [
        "db.url",
        "db.password",
        "db.database",
        "api.url",
        "api.host",
        "api.port",
        "api.public_url",
        "api.domain",
    ]
    lines = "domain: a.org\nenv:\n" + "".join(f"  X{i}: '${{{name}}}'\n" for i, name in enumerate(names))
    assert len(api(app(lines)).env) == len(names)


def test_a_dollar_is_escaped() -> None:
    assert api(app("env: {X: '$${db.nothing}'}")).env["X"] == "$${db.nothing}"


@pytest.mark.parametrize("attribute", ["url", "password"])
def test_build_arguments_take_no_secrets(attribute: str) -> None:
    found = problem(app(f"build: {{args: {{X: '${{db.{attribute}}}'}}}}"))
    assert found.path == "services.api.build.args.X"
    assert "stay readable in the image" in found.message


WEB = "  web:\n    kind: static\n    build: {command: make, output: dist}\n    "


def test_one_host_and_path_leads_to_one_service() -> None:
    found = problem(app("domain: a.org", rest=WEB + "domain: a.org\n"))
    assert (found.path, found.line) == ("services.web.domain", 12)
    assert found.message == "claims a.org/, which leads to api already"


def test_one_host_can_lead_to_two_services_by_path() -> None:
    rest = WEB + "domain: a.org\n"
    assert len(production(app("domains: [{host: a.org, paths: [/api]}]", rest=rest)).services) == 3


def test_a_trailing_slash_makes_no_other_path() -> None:
    rest = WEB + "domains: [{host: a.org, paths: [/api/]}]\n"
    assert "claims a.org/api" in problem(app("domains: [{host: a.org, paths: [/api]}]", rest=rest)).message


def test_a_redirected_host_leads_nowhere_else() -> None:
    rest = WEB + "domain: www.a.org\n"
    assert (
        "claims www.a.org/"
        in problem(app("domains: [{host: a.org, redirect_from: [www.a.org]}]", rest=rest)).message
    )
