"""Build secrets on a real engine: readable in the step that mounts them, and in nothing that is kept."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from typing import IO

import docker
import pytest

from havre.adapters.buildkit.secret_files import secret_files
from havre.adapters.buildkit.static import StaticSite, static_request
from havre.domain.build import BuildRequest
from havre.errors import BuildError
from integration.build_fixtures import BASE, engine, folder, host, make, output, platform

__all__ = ["engine", "host", "make", "platform"]  # fixtures


def where_found(engine: docker.DockerClient, image: str, value: str) -> list[str]:
    """Everything of a saved image that holds a value: configuration, history, files of each layer."""
    archive = io.BytesIO(b"".join(engine.images.get(image).save()))
    found: list[str] = []
    layers = 0
    with tarfile.open(fileobj=archive) as saved:
        for member in saved:
            file = saved.extractfile(member)
            if file is None:
                continue
            if member.name.endswith("layer.tar"):
                layers += 1
                found += [f"{member.name}:{name}" for name in _in_layer(file, value)]
            elif value.encode() in file.read():
                found.append(member.name)
    assert layers == len(engine.images.get(image).attrs["RootFS"]["Layers"])
    return found


def _in_layer(layer: IO[bytes], value: str) -> Iterator[str]:
    with tarfile.open(fileobj=layer) as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            if value in json.dumps(member.get_info(), default=str) or (
                content and value.encode() in content.read()
            ):
                yield member.name


def test_a_secret_is_read_and_left_in_no_layer(engine, make, tmp_path):
    value = f"hunter2-{uuid.uuid4()}\nsecond line"
    first = value.splitlines()[0]
    context = folder(
        tmp_path,
        {
            "Dockerfile": (
                f"FROM {BASE} AS builder\n"
                f"RUN --mount=type=secret,id=token wc -c </run/secrets/token >/size && echo {uuid.uuid4()}\n"
                f"FROM {BASE}\n"
                "RUN --mount=type=secret,id=token,target=/root/.npmrc test -s /root/.npmrc\n"
                "COPY --from=builder /size /size\n"
            )
        },
    )
    with secret_files({"token": value}) as files:
        assert value not in " ".join(map(str, files.values()))
        result, lines = make(BuildRequest(context=context, secrets=files))
    assert output(result.image_id, "cat /size").strip() == str(len(value))
    assert where_found(engine, result.image_id, first) == []
    assert first not in "\n".join(lines)


def test_a_secret_that_a_dockerfile_copies_is_found_by_this_test(engine, make, tmp_path):
    """What the test above looks for, it would find."""
    value = f"leaked-{uuid.uuid4()}"
    # A secret is no part of the cache's keys: without something new, an earlier run's layer is taken.
    run = f"RUN --mount=type=secret,id=token : {uuid.uuid4()}; cp /run/secrets/token /leaked"
    context = folder(tmp_path, {"Dockerfile": f"FROM {BASE}\n{run}\n"})
    with secret_files({"token": value}) as files:
        result, _ = make(BuildRequest(context=context, secrets=files))
        found = where_found(engine, result.image_id, value)
    assert [name.rpartition(":")[2] for name in found] == ["leaked"]


def test_a_static_site_is_built_with_a_secret(engine, make, tmp_path):
    value = f"npm-{uuid.uuid4()}"
    site = StaticSite(
        output="dist",
        command="mkdir dist && wc -c </run/secrets/token >dist/index.html",
        secrets=("token",),
    )
    context = folder(tmp_path, {"readme": str(uuid.uuid4())})
    with secret_files({"token": value}) as files:
        result, _ = make(static_request(context, site, secrets=files))
    assert output(result.image_id, "cat /srv/index.html").strip() == str(len(value))
    assert where_found(engine, result.image_id, value) == []
    with pytest.raises(BuildError):
        make(static_request(folder(tmp_path / "other", {"x": str(uuid.uuid4())}), site))
