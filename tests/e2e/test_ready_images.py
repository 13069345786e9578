"""Services of ready images: private registries, moving tags, images that are gone or only here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from support.registry import PASSWORD, USER, Registry, build_app
from support.repository import Repository
from support.server import Server

Make = Callable[..., Repository]
QUICK = {"drain": "1s", "stop_grace": "2s"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    made = Registry(tmp_path_factory.mktemp("registry"))
    made.start()
    yield made
    made.stop()


def says(server: Server, repository: Path, *words: str) -> None:
    """A deployment fails and says so."""
    failed = server.deploy(repository, check=False)
    shown = failed.stdout + failed.stderr
    assert failed.returncode != 0, shown
    assert all(word in " ".join(shown.split()) for word in words), shown
    assert PASSWORD not in shown


def images(server: Server, project: str) -> list[str]:
    """What the releases run, oldest first."""
    rows = reversed(server.json("releases", "--project", project))
    return [row["images"].get("api", "") for row in rows]


def ready(make: Make, **api: Any) -> Repository:
    """A repository whose only service is a ready image."""
    repository = make(**{**QUICK, **api})
    manifest = repository.manifest
    manifest["services"]["api"].pop("build")
    repository.commit(manifest=manifest)
    return repository


def test_a_tag_is_resolved_once(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient, *, registry: Registry
) -> None:
    first, second = (build_app(engine, f"made-{n}:1", version=n) for n in ("one", "two"))
    digests = [registry.push(engine, first, "team/api:1")]
    name = f"{registry.address}/team/api"
    repository = ready(make, image={"name": f"{name}:1", "auth": {"secret": "registry-login"}})

    server.cli("secrets", "set", "registry-login", "--project", project, stdin=f"{USER}:wrong")
    says(server, repository.folder, f"refuses the login {USER}", "USER:PASSWORD")
    assert not engine.services(filters={"label": f"havre.project={project}"})

    server.cli("secrets", "set", "registry-login", "--project", project, stdin=f"{USER}:{PASSWORD}")
    engine.remove_image("made-one:1", force=True)  # so that it has to be pulled
    server.deploy(repository.folder)
    assert site.version() == "one"

    # The tag moves: the same commit stays what it is, the next one follows.
    digests.append(registry.push(engine, second, "team/api:1"))
    server.deploy(repository.folder)
    assert site.version() == "one"
    server.cli("plan", "--source", str(repository.folder))  # ends with 0: nothing would change
    repository.commit(note="the next commit")
    server.deploy(repository.folder)
    assert site.version() == "two"
    served = [reference for reference in images(server, project) if "@" in reference]
    assert served[-3:] == [f"{name}@{digests[0]}"] * 2 + [f"{name}@{digests[1]}"]

    # The image of the release to return to was pruned: its digest brings it back.
    engine.remove_image(f"{name}@{digests[0]}", force=True)
    engine.remove_image(engine.inspect_image(first)["Id"], force=True)
    server.cli("rollback", "--project", project)
    assert site.version() == "one"
    running = engine.containers(filters={"label": f"havre.project={project}"})
    assert {container["ImageID"] for container in running} == {first}

    # A restart asks no registry, and a tag that is not there changes nothing.
    registry.stop()
    server.cli("restart", "--project", project)
    assert site.version() == "one"
    repository.commit(note="needs the registry")
    says(server, repository.folder, f"the registry {registry.address} cannot be reached")
    registry.start()
    manifest = repository.manifest
    manifest["services"]["api"]["image"]["name"] = f"{name}:9"
    repository.commit(manifest=manifest)
    says(server, repository.folder, f"has no image {name}:9", "correct the image's name or its tag")
    assert site.version() == "one"
    for file in [server.log, *server.state.rglob("*")]:
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes(), file


def test_an_image_of_this_server_only(
    server: Server, make: Make, site: Any, project: str, engine: docker.APIClient
) -> None:
    made = build_app(engine, "only-here:1", version="here")
    entry = ["node", "-e", "process.env.FOLDER = process.cwd(); require('/app/server.js')"]
    repository = ready(make, image="only-here:1", entrypoint=entry, user="65534:65534", working_dir="/opt")
    server.deploy(repository.folder)
    assert site.version() == "here"
    assert site.get("/environment?name=FOLDER").json() == {"value": "/opt"}
    (container,) = engine.containers(filters={"label": f"havre.project={project}"})
    assert container["ImageID"] == made
    assert engine.inspect_container(container)["Config"]["User"] == "65534:65534"
