"""What the benches share: a server, what it recorded, the engine's client, waiting for an answer.

Times are seconds of the epoch: operations, containers, logs and the load all read one clock.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import docker
import httpx

from havre.adapters.buildkit.cli import DockerCli, client_environment, find_client
from support.repository import git
from support.server import Server, engine_host, running


def say(text: str) -> None:
    """A line about where the bench is."""
    print(f"    {time.strftime('%H:%M:%S')} {text}", flush=True)


@contextmanager
def havre() -> Iterator[Server]:
    """``havre serve`` with a state folder of its own, which the web process' account can reach."""
    with scratch() as folder, running(folder / "state") as server:
        yield server


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder on disk (in /tmp a build context may be memory), removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="havre-bench-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def engine() -> Iterator[docker.APIClient]:
    """The engine's API."""
    client = docker.APIClient(base_url=engine_host(), version="auto")
    try:
        yield client
    finally:
        client.close()


@lru_cache(maxsize=1)
def docker_client() -> DockerCli:
    """The client that Havre builds with; looked for once, as it takes a tenth of a second."""
    return find_client()


def run_docker(*arguments: str, cwd: Path | None = None) -> str:
    """What a docker command prints, by the client that Havre builds with."""
    done = subprocess.run(
        docker_client().command(engine_host(), *arguments),
        env=client_environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def build_image(context: Path, *more: str) -> str:
    """The id of an image built by a bare ``docker build`` of a folder."""
    with scratch() as folder:
        bundle = Path("/etc/ssl/certs/ca-certificates.crt")
        trust = (f"--secret=id=ca-certificates,src={bundle}",) if bundle.is_file() else ()
        run_docker("build", "--quiet", f"--iidfile={folder / 'id'}", *trust, *more, str(context))
        return (folder / "id").read_text().strip()


@dataclass(frozen=True)
class Span:
    """From when to when a step ran."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True)
class Recorded:
    """An operation as Havre recorded it."""

    number: int
    created: float
    claimed: float
    finished: float
    steps: dict[str, Span]


def last_operation(server: Server, project: str) -> Recorded:
    """The newest operation of a project."""
    newest = server.get(f"/api/v1/operations?project={project}&limit=1").json()[0]
    whole = server.get(f"/api/v1/operations/{newest['id']}").json()
    steps = {
        step["name"]: Span(moment(step["started_at"]), moment(step["finished_at"]))
        for step in whole["steps"]
        if step["finished_at"]
    }
    return Recorded(
        int(whole["id"]),
        moment(whole["created_at"]),
        moment(whole["started_at"]),
        moment(whole["finished_at"]),
        steps,
    )


def moment(text: str) -> float:
    """Seconds of the epoch of an ISO time; the engine's nanoseconds are cut to microseconds."""
    return datetime.fromisoformat(text).timestamp()


def wait_for(
    url: str,
    host: str,
    accept: Callable[[httpx.Response], bool],
    *,
    patience: float = 120.0,
    every: float = 0.01,
) -> float:
    """Ask until an answer is accepted; when that was."""
    deadline = time.monotonic() + patience
    with httpx.Client(trust_env=False, timeout=5.0, headers={"Host": host}) as client:
        while time.monotonic() < deadline:
            try:
                if accept(client.get(url)):
                    return time.time()
            except httpx.TransportError:
                pass
            time.sleep(every)
    raise RuntimeError(f"{host} at {url} did not answer as wanted within {patience:g} s")


def is_ok(answer: httpx.Response) -> bool:
    """Whether it is a 200."""
    return answer.status_code == httpx.codes.OK


def until(condition: Callable[[], bool], *, patience: float = 60.0, every: float = 0.2) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not so within {patience:g} s")
        time.sleep(every)


def rounded(values: Sequence[float], digits: int = 3) -> list[float]:
    """For the result file."""
    return [round(value, digits) for value in values]


def load_average() -> float:
    """Of the last minute: figures of a busy machine are not the software's."""
    return round(os.getloadavg()[0], 2)


def dropit(target: Path) -> Path:
    """A copy of the reference application's tracked files, as a Git repository."""
    source = Path(__file__).parent.parent / "examples" / "dropit"
    listed = git(source, "ls-files", "--cached", "-z", ".")
    for name in filter(None, listed.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)
    git(target, "init", "--quiet", "--initial-branch=main")
    commit(target, "DropIt")
    return target


def commit(repository: Path, subject: str) -> str:
    """Commit everything; the commit's id."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(repository, "rev-parse", "HEAD")
