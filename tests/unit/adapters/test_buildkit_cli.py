"""Finding a client and running it, with stand-ins for docker that answer like the real ones."""

import os
import signal
import time
from pathlib import Path

import pytest

from havre.adapters.buildkit.build import build
from havre.adapters.buildkit.cli import DockerCli, client_environment, find_client
from havre.adapters.buildkit.stream import stream
from havre.domain.build import BuildRequest
from havre.errors import BuildError, Cancelled, EngineError


def client(folder: Path, version: str, *, buildx: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "docker"
    answer = "echo github.com/docker/buildx 0.13.1" if buildx else "echo no such command >&2; exit 1"
    path.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Docker version {version}, build x" && exit\n{answer}\n'
    )
    path.chmod(0o755)
    return path


def test_buildx_is_preferred(tmp_path):
    old = client(tmp_path / "a", "20.10.24+dfsg1")
    new = client(tmp_path / "b", "28.2.2", buildx=True)
    assert find_client([old, new]) == DockerCli(new, buildx=True, version="28.2.2")


def test_an_old_client_builds_without(tmp_path):
    bare = client(tmp_path / "a", "28.2.2")
    old = client(tmp_path / "b", "20.10.24+dfsg1")
    assert find_client([bare, old, tmp_path / "nothing"]) == DockerCli(
        old, buildx=False, version="20.10.24+dfsg1"
    )


def test_clients_that_cannot_build_name_the_remedy(tmp_path):
    bare = client(tmp_path / "a", "28.2.2")
    with pytest.raises(EngineError, match="can build") as caught:
        find_client([bare])
    assert "apt-get install docker-buildx" in caught.value.hint
    assert str(bare) in caught.value.message
    with pytest.raises(EngineError, match="no docker client") as caught:
        find_client([tmp_path / "nothing"])
    assert "apt-get install docker.io" in caught.value.hint


def test_every_docker_on_the_path_is_looked_at(tmp_path, monkeypatch):
    client(tmp_path / "a", "28.2.2")
    wanted = client(tmp_path / "b", "28.2.2", buildx=True)
    (tmp_path / "c").symlink_to(tmp_path / "a")
    monkeypatch.setenv("PATH", f"{tmp_path}/c:{tmp_path}/a::{tmp_path}/b:{os.environ['PATH']}")
    assert find_client().path == wanted


def test_the_client_gets_no_secret_of_ours(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@db/x")
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere")
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    assert not {"DATABASE_URL", "DOCKER_HOST", "DOCKER_CONTEXT"} & set(client_environment())
    assert client_environment()["DOCKER_BUILDKIT"] == "1"


def run(script: str, *, stop=lambda: False, limit: float = 10.0):
    lines: list[str] = []
    code = stream(
        ["/bin/sh", "-c", script],
        env={"PATH": os.environ["PATH"]},
        on_line=lines.append,
        cancelled=stop,
        time_limit=limit,
    )
    return code, lines


def test_lines_come_as_they_are_printed():
    began = time.monotonic()
    seen: list[float] = []
    stream(
        ["/bin/sh", "-c", "echo a; sleep 0.5; echo b"],
        env={"PATH": os.environ["PATH"]},
        on_line=lambda _: seen.append(time.monotonic() - began),
        cancelled=lambda: False,
        time_limit=5,
    )
    assert seen[1] - seen[0] > 0.3


def test_both_streams_and_the_exit_code():
    assert run("echo a; echo b >&2; printf c; exit 7") == (7, ["a", "b", "c"])
    assert run("printf 'x\\377y\\n'")[1] == ["x\N{REPLACEMENT CHARACTER}y"]


def test_output_without_line_ends_does_not_fill_the_memory():
    code, lines = run("head -c 1000000 /dev/zero | tr '\\0' x")
    assert code == 0
    assert max(map(len, lines)) < 200_000
    assert sum(map(len, lines)) == 1_000_000


@pytest.mark.parametrize("trap", ["", "trap '' TERM;"])
def test_stopping_leaves_nothing(trap, monkeypatch, tmp_path):
    monkeypatch.setattr("havre.adapters.buildkit.stream.GRACE_SECONDS", 0.3)
    pids = tmp_path / "pids"
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run(
            f"{trap} sleep 60 & echo $! $$ >{pids}; while :; do sleep 0.1; done",
            stop=lambda: time.monotonic() > began + 0.4,
        )
    assert time.monotonic() - began < 40
    for pid in pids.read_text().split():
        with pytest.raises(ProcessLookupError):
            wait_gone(int(pid))


def wait_gone(pid: int) -> None:
    for _ in range(50):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)


def test_a_build_is_limited_in_time():
    with pytest.raises(BuildError, match=r"longer than 0\.3 s"):
        run("sleep 60", limit=0.3)


def attempt(request: BuildRequest, tmp_path: Path):
    nobody = DockerCli(tmp_path / "nothing", buildx=False, version="0")
    return build(request, engine_host="unix:///nowhere", report=print, client=nobody)


def test_a_missing_dockerfile_names_those_found(tmp_path):
    (tmp_path / "apps/api").mkdir(parents=True)
    (tmp_path / "apps/api/Dockerfile").write_text("FROM x")
    with pytest.raises(BuildError, match="no Dockerfile at apps/ap/Dockerfile") as caught:
        attempt(BuildRequest(context=tmp_path, dockerfile="apps/ap/Dockerfile"), tmp_path)
    assert "Did you mean apps/api/Dockerfile?" in caught.value.hint
    with pytest.raises(BuildError) as caught:
        attempt(BuildRequest(context=tmp_path), tmp_path)
    assert "apps/api/Dockerfile" in caught.value.hint


def test_a_dockerfile_outside_the_context_is_refused(tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    (tmp_path / "secret").write_text("x")
    (context / "link").symlink_to("../secret")
    for name in ("../secret", "link", str(tmp_path / "secret")):
        with pytest.raises(BuildError, match="outside the build context"):
            attempt(BuildRequest(context=context, dockerfile=name), tmp_path)


def test_a_missing_context_is_told(tmp_path):
    with pytest.raises(BuildError, match="context gone is not a folder"):
        attempt(BuildRequest(context=tmp_path / "gone"), tmp_path)
