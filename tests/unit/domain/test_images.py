"""Ready images: names, logins, what a pull tells, and why one failed."""

from __future__ import annotations

import re

import pytest

from havre.domain.image_failure import explain
from havre.domain.images import IMAGE_PATTERN, ImageName, Login, PullLog, is_image_id, parse_login, short
from havre.errors import EngineError, HavreError, SecretError, SourceError

DIGEST = "sha256:" + "a1" * 32
NAME = ImageName.parse("registry.example.org/team/api:1.4")
LOGIN = Login("deployer", "p4ss")


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest", "registry"),
    [
        ("nginx", "nginx", "latest", "", "docker.io"),
        ("nginx:1.27", "nginx", "1.27", "", "docker.io"),
        ("team/api", "team/api", "latest", "", "docker.io"),
        ("localhost/api:2", "localhost/api", "2", "", "localhost"),
        ("127.0.0.1:5000/team/api", "127.0.0.1:5000/team/api", "latest", "", "127.0.0.1:5000"),
        ("ghcr.io/a/b/c:x_Y.z-1", "ghcr.io/a/b/c", "x_Y.z-1", "", "ghcr.io"),
        (f"nginx@{DIGEST}", "nginx", "", DIGEST, "docker.io"),
        (f"r.example.org:5/a:1@{DIGEST}", "r.example.org:5/a", "1", DIGEST, "r.example.org:5"),
    ],
)
def test_the_parts_of_a_name(text: str, repository: str, tag: str, digest: str, registry: str) -> None:
    assert re.fullmatch(IMAGE_PATTERN, text)
    name = ImageName.parse(text)
    assert (name.repository, name.tag, name.digest, name.registry) == (repository, tag, digest, registry)


def test_a_name_as_engines_take_it() -> None:
    assert str(ImageName.parse("nginx")) == "nginx:latest"
    assert str(ImageName.parse(f"nginx:1@{DIGEST}")) == f"nginx@{DIGEST}"
    assert NAME.at(DIGEST) == f"registry.example.org/team/api@{DIGEST}"
    assert short(NAME.at(DIGEST)) == "registry.example.org/team/api@sha256:a1a1a1a1a1a1"
    assert is_image_id(DIGEST)
    assert not is_image_id(f"nginx@{DIGEST}")


def test_names_of_one_repository() -> None:
    official = ImageName.parse("nginx")
    for other in ("docker.io/library/nginx:1", "index.docker.io/nginx", "library/nginx", f"nginx@{DIGEST}"):
        assert official.is_same_repository(ImageName.parse(other)), other
    for other in ("team/nginx", "ghcr.io/nginx", "ghcr.io/library/nginx"):
        assert not official.is_same_repository(ImageName.parse(other)), other


def test_a_login_is_user_and_password_and_is_not_shown() -> None:
    login = parse_login("registry-login", "deployer:with:colons\n")
    assert (login.user, login.password) == ("deployer", "with:colons")
    assert "with" not in repr(login)
    for text in ("deployer", "deployer:", ":secret", ""):
        with pytest.raises(SecretError) as caught:
            parse_login("registry-login", text)
        assert "registry-login" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "login", "error", "words"),
    [
        ("manifest unknown: manifest unknown", LOGIN, SourceError, "has no image"),
        ('Head "http://…": no basic auth credentials', None, SourceError, "without a login"),
        ("unauthorized: authentication required", LOGIN, SourceError, "refuses the login deployer"),
        (
            "pull access denied for x, repository does not exist or may require 'docker login'",
            None,
            SourceError,
            "without a login, or does not have it",
        ),
        ("dial tcp 127.0.0.1:1: connect: connection refused", LOGIN, EngineError, "cannot be reached"),
        ("lookup r.example.org: no such host", None, EngineError, "cannot be reached"),
        ("http: server gave HTTP response to HTTPS client", None, EngineError, "plain HTTP"),
        ("x509: certificate signed by unknown authority", None, EngineError, "does not trust"),
        ("toomanyrequests: authentication required for more", None, EngineError, "limits"),
        ("no matching manifest for linux/arm64", None, SourceError, "processor"),
        (
            "write /var/lib/docker/image/overlay2/layerdb/tmp/write-set-1/diff: no space left on device",
            None,
            EngineError,
            "the Docker engine's disk (at /var/lib/docker) is full, so",
        ),
        ("something else", None, EngineError, "did not give"),
    ],
)
def test_why_an_image_could_not_be_had(
    said: str, login: Login | None, error: type[HavreError], words: str
) -> None:
    made = explain(NAME, said, login=login)
    assert type(made) is error
    assert words in made.message
    assert "registry.example.org" in made.message or "1.4" in made.message
    assert made.hint
    assert made.detail == said
    assert "p4ss" not in made.message + made.hint + made.detail


def test_a_copy_on_this_server_is_offered_by_its_digest() -> None:
    copy = NAME.at(DIGEST)
    assert f"image: {copy}" in explain(NAME, "connection refused", login=None, copies=[copy]).hint


def test_a_pull_tells_layers_and_once_a_second_the_bytes() -> None:
    log = PullLog()

    def feed(at: float, status: str, layer: str = "a", current: int = 0) -> str | None:
        detail = {"current": current, "total": 8_000_000}
        return log.feed({"status": status, "id": layer, "progressDetail": detail}, at)

    assert feed(10.0, "Pulling from team/api", "1.4") is None
    assert feed(10.0, "Pulling fs layer") is None
    assert feed(10.0, "Pulling fs layer", "b") is None
    assert feed(11.0, "Downloading", current=1_000_000) == "downloaded 1 of 8 MB"
    assert feed(11.5, "Downloading", "b", current=2_000_000) is None
    assert feed(12.1, "Downloading", "b", current=4_000_000) == "downloaded 5 of 16 MB"
    assert feed(12.2, "Pull complete") == "layer a: pull complete (1 of 2)"
    assert feed(12.3, "Already exists", "b") == "layer b: already exists (2 of 2)"
