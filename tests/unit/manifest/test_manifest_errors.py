"""What the errors say, as a user reads them."""

from __future__ import annotations

import pytest

from havre.errors import ManifestError
from havre.manifest import InvalidManifest, Problem, load
from support.manifests import DESIGN, app, problem, problems

WRONG = """\
project: Shop
servces: {}
services:
  db: {kind: postgres, version: 16}
  api:
    kind: app
    prt: 3000
    port: 3000
    health: /health
    replicas: two
    domain: API.example.org
    env:
      DATABASE_URL: ${dbb.url}
      DEBUG: true
      MODE: 0755
      MODE: x
  web:
    kind: statik
environments:
  production: {brnch: main}
"""

SAID = """\
havre.yaml:1: project: "Shop" is not a name; use 1 to 30 lower-case letters, digits and hyphens; begin with a letter, end with no hyphen
havre.yaml:2: servces: is not a known key; did you mean services?
havre.yaml:4: services.db.version: got 16, expected 15 or 17
havre.yaml:7: services.api.prt: is not a known key; did you mean port?
havre.yaml:10: services.api.replicas: got "two", expected a whole number
havre.yaml:11: services.api.domain: got "API.example.org", which is not a host name; write it in lower case: api.example.org
havre.yaml:13: services.api.env.DATABASE_URL: ${dbb.url} names a service that does not exist; did you mean db?
havre.yaml:14: services.api.env.DEBUG: got true or false, which programs read differently; put it in quotes: "true"
havre.yaml:15: services.api.env.MODE: got 0755, which not every reader takes for the same number; put it in quotes if it is text, else write a plain decimal number
havre.yaml:16: services.api.env.MODE: is given twice; keep one of the two; the first is on line 15
havre.yaml:18: services.web.kind: got "statik", expected app, static, postgres or redis; did you mean static?
havre.yaml:20: environments.production.brnch: is not a known key; did you mean branch?"""  # noqa: E501 - as printed


def test_all_errors_at_once_one_per_line_in_the_order_of_the_file() -> None:
    with pytest.raises(ManifestError) as caught:
        load(WRONG)
    assert str(caught.value) == SAID
    assert caught.value.message == SAID
    assert not caught.value.retryable


def test_a_problem_says_where_what_and_the_remedy() -> None:
    assert problem(app("replicas: two")) == Problem(
        path="services.api.replicas",
        line=8,
        column=15,
        value='"two"',
        message='got "two", expected a whole number',
        hint="",
        file="havre.yaml",
    )


def test_an_unknown_key_points_at_the_key() -> None:
    found = problem(app("replica: 2"))
    assert (found.line, found.column, found.hint) == (8, 5, "did you mean replicas?")


def test_an_unknown_key_that_resembles_none_names_all() -> None:
    found = problem(app("resources: {zzz: 1}"))
    assert found.hint == "known: limits, reservations"


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("health: {pth: /x, path: /y}", "services.api.health.pth", "did you mean path?"),
        ("build: {contxt: x}", "services.api.build.contxt", "did you mean context?"),
        ("domains: [{host: a.org, path: [/]}]", "services.api.domains[0].path", "did you mean paths?"),
        ("volumes: [{name: v, path: /v, size: 1G}]", "services.api.volumes[0].size", "known: name, path"),
        ("resources: {limits: {cpu: 1}}", "services.api.resources.limits.cpu", "did you mean cpus?"),
    ],
)
def test_unknown_keys_at_any_depth(text: str, path: str, hint: str) -> None:
    lines = text if not text.startswith("health") else "replicas: 1"
    whole = app(lines)
    if text.startswith("health"):
        whole = whole.replace("health: /up", text)
    found = problem(whole)
    assert (found.path, found.message, found.hint) == (path, "is not a known key", hint)


def test_a_service_named_like_a_key_is_no_trouble() -> None:
    text = "project: p\nservices:\n  env: {kind: app, env: {A: true}}\n  build: {kind: redis, contxt: 1}\n"
    found = problems(text)
    assert [(p.path, p.line) for p in found] == [("services.env.env.A", 3), ("services.build.contxt", 4)]


def test_missing_keys_point_at_what_lacks_them() -> None:
    assert [(p.path, p.line, p.hint) for p in problems("a: 1\n")] == [
        ("a", 1, "known: backup, drill, environments, project, services"),
        ("project", 1, "add it, for example project: shop"),
        ("services", 1, "add it"),
    ]


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ("replicas: '2'", 'got "2", expected a whole number', "remove the quotes"),
        ("replicas: 101", "got 101, expected at most 100", ""),
        ("replicas: 0", "got 0, expected at least 1", ""),
        (
            "volumes: v:/v",
            'got "v:/v", expected a list',
            "write it in brackets, or as lines that begin with a hyphen",
        ),
        ("env: [A]", "got a value, expected keys and values", ""),
        ("domain: 5", "got 5, expected text", "put it in quotes"),
        ("domain: [a.org]", "got a list, expected text", ""),
        ("replicas: null", "got null, expected a whole number", "give it a value, or remove it"),
        (
            "build: {target: 'a b'}",
            'got "a b", which is not allowed here',
            "use letters, digits, dots and hyphens only",
        ),
    ],
)
def test_types_are_told_in_plain_words(lines: str, message: str, hint: str) -> None:
    found = problem(app(lines))
    assert (found.message, found.hint) == (message, hint)


def test_long_values_are_shortened() -> None:
    found = problem(app(f"strategy: {'x' * 5000}"))
    assert len(str(found)) < 300


def test_odd_keys_are_quoted_in_paths() -> None:
    assert problem(app('"a b.c\\n": 1')).path == 'services.api."a b.c\\n"'


def test_an_invalid_manifest_is_a_manifest_error_without_place_if_the_file_is_at_fault() -> None:
    error = InvalidManifest([Problem("", None, None, "is empty", "write it")])
    assert str(error) == "havre.yaml: is empty; write it"
    assert isinstance(error, ManifestError)


def test_the_valid_one_says_nothing() -> None:
    assert load(DESIGN).project == "dropit"
