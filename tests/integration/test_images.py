"""The platform's images on a real engine: they run as they will on a server, and are what they say."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import docker
import pytest

from havre.adapters.buildkit.platform import prepare
from havre.images import PLATFORM_IMAGES, RECIPE_LABEL, PlatformImage, platform_image, recipe_hash
from integration.image_containers import (
    HOST_BUNDLE,
    ON_DEMAND,
    engine,
    healthy,
    host,
    ids,
    output,
    running,
    wait,
)

__all__ = ["engine", "host", "ids"]


def test_a_second_preparation_builds_nothing(host: str, ids: dict[str, str]) -> None:
    lines: list[str] = []
    assert prepare(host, report=lines.append, also=ON_DEMAND) == ids
    assert lines == []


def test_what_is_made_on_demand_is_left_out_where_nobody_asks(host: str, ids: dict[str, str]) -> None:
    usual = prepare(host, report=lambda _: None)
    assert ids.keys() - usual.keys() == {platform_image(name).tag for name in ON_DEMAND}


def test_each_image_says_which_recipe_it_is_from(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    for image in PLATFORM_IMAGES:
        assert engine.images.get(ids[image.tag]).labels[RECIPE_LABEL] == recipe_hash(image)


@pytest.mark.parametrize(
    "name",
    # What backs up reads files of every account; its container has no other right (adapters/swarm/toolbox).
    sorted({image.name for image in PLATFORM_IMAGES} - {"base", "base-earlier", "node", "python", "backup"}),
)
def test_runs_as_an_unprivileged_user(engine: docker.DockerClient, ids: dict[str, str], name: str) -> None:
    assert output(engine, platform_image(name).tag, "id", "-u").strip() not in {"", "0"}


@pytest.mark.parametrize("image", PLATFORM_IMAGES, ids=lambda image: image.name)
def test_no_program_can_be_changed_by_everybody(
    engine: docker.DockerClient, ids: dict[str, str], image: PlatformImage
) -> None:
    found = output(engine, image.tag, "find", "/usr/local", "/usr/bin", "/opt", "-type", "f", "-perm", "-002")
    assert found == ""


@pytest.mark.parametrize("name", ["nginx", "postgres", "redis", "traefik"])
def test_has_a_health_check(engine: docker.DockerClient, ids: dict[str, str], name: str) -> None:
    assert engine.images.get(platform_image(name).tag).attrs["Config"]["Healthcheck"]["Test"]


@pytest.mark.parametrize("image", PLATFORM_IMAGES, ids=lambda image: image.name)
def test_holds_no_certificate_of_this_machine_alone(
    engine: docker.DockerClient, ids: dict[str, str], image: object
) -> None:
    """A proxy's certificate that builds trust is not trusted by what they build."""
    tag = getattr(image, "tag")  # noqa: B009 - the parameter is a PlatformImage
    inside = set(_certificates(output(engine, tag, "cat", str(HOST_BUNDLE))))
    assert len(inside) > 50
    assert output(engine, tag, "ls", "-A", "/usr/local/share/ca-certificates").strip() == ""
    own = Path("/usr/local/share/ca-certificates").glob("*.crt")
    for certificate in own:
        assert not inside & set(_certificates(certificate.read_text()))


def _certificates(bundle: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", bundle, re.DOTALL)


def test_a_virtual_environment_of_one_python_image_works_in_the_other(
    engine: docker.DockerClient, ids: dict[str, str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    mount = {str(tmp_path): {"bind": "/app", "mode": "rw"}}
    assert output(engine, "havre/python:3.13", "uv", "venv", "/app/.venv", volumes=mount) is not None
    where = "import sys; print(sys.prefix, sys.version_info[:2])"
    printed = output(engine, "havre/python-runtime:3.13", "python", "-c", where, volumes=mount)
    assert printed == "/app/.venv (3, 13)\n"
    tools = "for tool in uv pip cc g++; do command -v $tool; done; true"
    assert output(engine, "havre/python-runtime:3.13", "sh", "-c", tools) == ""


def test_node_has_its_tools_and_precompresses(
    engine: docker.DockerClient, ids: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app.js").write_text("export const a = 1\n" * 500)
    (tmp_path / "small.css").write_text("a{}")
    (tmp_path / "photo.jpg").write_bytes(os.urandom(5000))
    tools = output(engine, "havre/node:24", "sh", "-c", "node -v; npm -v; pnpm -v")
    assert re.match(r"v24\.\d+\.\d+\n\d+\.\d+\.\d+\n10\.\d+\.\d+\n", tools)
    said = output(engine, "havre/node:24", "havre-precompress", "/site", volumes=[f"{tmp_path}:/site"])
    assert "precompressed 1 files: 9500 bytes" in said
    made = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert made == ["assets/app.js", "assets/app.js.br", "assets/app.js.gz", "photo.jpg", "small.css"]


def test_node_runtime_has_no_package_manager(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    found = output(engine, "havre/node-runtime:24", "sh", "-c", "which npm pnpm npx gcc; node -p 6*7")
    assert found.strip() == "42"


def test_traefik_is_healthy_when_its_ping_answers(engine: docker.DockerClient, ids: dict[str, str]) -> None:
    command = [
        "--entrypoints.web.address=:8080",
        "--entrypoints.internal.address=:8079",
        "--ping.entrypoint=internal",
    ]
    with running(engine, "havre/traefik:3", command=command, read_only=True) as container:
        wait(lambda: healthy(container), what="Traefik is not healthy")
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == 0


def test_the_shell_command_prepares_too(host: str, ids: dict[str, str]) -> None:
    done = subprocess.run(
        ["python", "-m", "havre.adapters.buildkit.platform", "--host", host],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert done.stdout == ""
