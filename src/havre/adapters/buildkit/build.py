"""Building one image: the client started, its log read, its outcome told."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from havre.adapters.buildkit.cli import DockerCli, client_environment, find_client
from havre.adapters.buildkit.stream import stream
from havre.domain.build import (
    CA_SECRET,
    CA_TARGET,
    GENERATED_NAME,
    IMAGE_ID_NAME,
    BuildRequest,
    BuildResult,
    build_arguments,
)
from havre.domain.build_failure import explain_failure, missing_dockerfile
from havre.domain.build_log import BuildLog
from havre.errors import BuildError, EngineError

TIME_LIMIT = 3600.0
"""Seconds a build may take unless the caller says otherwise."""

INSPECT_SECONDS = 30.0
MOST_SUGGESTIONS = 50
HOST_CA_BUNDLE = Path(CA_TARGET)


def never() -> bool:
    """Nobody asks to stop."""
    return False


def build(
    request: BuildRequest,
    *,
    engine_host: str,
    report: Callable[[str], None],
    cancelled: Callable[[], bool] = never,
    client: DockerCli | None = None,
    time_limit: float = TIME_LIMIT,
    memory: int = 0,
    ran_out: Callable[[], bool] = never,
) -> BuildResult:
    """Build an image and say what came of it.

    Every build is offered the host's CA certificates as the build secret ``ca-certificates``.

    Args:
        request: what to build.
        engine_host: address of the engine, ``unix:///…`` or ``tcp://…``.
        report: takes each line of the log, cleaned, as it comes.
        cancelled: asked all along; yes stops the build, in the engine too.
        client: client to use; by default the one that :func:`find_client` finds.
        time_limit: seconds the build may take.
        memory: bytes that builds may take, to name them in an error; 0 without a ceiling.
        ran_out: asked after a failure: whether the kernel ended a process of it for its memory.

    Raises:
        BuildError: it failed; the message names the step and the cause, ``detail`` its last lines.
        EngineError: no client can build, or the engine stopped answering.
        Cancelled: ``cancelled`` said yes.
    """
    _check_context(request)
    client = client or find_client()
    if HOST_CA_BUNDLE.is_file():
        request = dataclasses.replace(request, secrets={CA_SECRET: HOST_CA_BUNDLE, **request.secrets})
    started = time.monotonic()
    log = BuildLog()

    def on_line(raw: str) -> None:
        if line := log.feed(raw):
            report(line)

    with tempfile.TemporaryDirectory(prefix="havre-build-") as made:
        scratch = Path(made)
        if request.dockerfile_text is not None:
            _write_generated(request, scratch)
        arguments = build_arguments(request, scratch=scratch, buildx=client.buildx)
        code = stream(
            client.command(engine_host, *arguments),
            env=client_environment(),
            on_line=on_line,
            cancelled=cancelled,
            time_limit=time_limit,
        )
        if code != 0:
            raise explain_failure(
                log,
                request,
                code=code,
                dockerfiles=dockerfiles_below(request.context),
                memory=memory,
                ran_out=ran_out(),
            )
        image_id = (scratch / IMAGE_ID_NAME).read_text().strip()
    size = image_size(image_id, engine_host=engine_host, client=client)
    return BuildResult(image_id, size, round(time.monotonic() - started, 3), log.stages())


def image_size(image_id: str, *, engine_host: str, client: DockerCli | None = None) -> int:
    """Size of an image in bytes, as the engine counts it (all its layers, uncompressed).

    Raises:
        EngineError: there is no such image, or the engine does not answer.
    """
    client = client or find_client()
    try:
        done = subprocess.run(
            client.command(engine_host, "image", "inspect", "--format={{.Size}}", image_id),
            capture_output=True,
            text=True,
            timeout=INSPECT_SECONDS,
            env=client_environment(),
            stdin=subprocess.DEVNULL,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        raise EngineError(f"The engine does not know image {image_id}.", detail=error.stderr) from error
    except subprocess.TimeoutExpired as error:
        raise EngineError("The Docker engine does not answer.", retryable=True) from error
    return int(done.stdout)


def dockerfiles_below(context: Path) -> list[str]:
    """Paths of the Dockerfiles below a folder, the shallow ones first, to suggest one."""
    found: list[str] = []
    for folder, folders, files in os.walk(context):
        folders[:] = sorted(name for name in folders if name not in {".git", "node_modules"})
        names = [name for name in files if name.startswith("Dockerfile") or name.endswith(".Dockerfile")]
        found += [str((Path(folder) / name).relative_to(context)) for name in sorted(names)]
        if len(found) >= MOST_SUGGESTIONS:
            break
    return sorted(found, key=lambda path: (path.count("/"), path))


def _check_context(request: BuildRequest) -> None:
    if not request.context.is_dir():
        raise BuildError(
            f"The build context {request.context.name} is not a folder of the repository.",
            hint="Correct build.context; it is relative to havre.yaml.",
        )
    if request.dockerfile_text is not None:
        return
    context = request.context.resolve()
    dockerfile = (context / request.dockerfile).resolve()
    if not dockerfile.is_relative_to(context):
        raise BuildError(
            f"The Dockerfile {request.dockerfile} lies outside the build context.",
            hint="Set build.context to a folder that holds it.",
        )
    if not dockerfile.is_file():
        raise missing_dockerfile(request.dockerfile, dockerfiles_below(context))


def _write_generated(request: BuildRequest, scratch: Path) -> None:
    """Put the Dockerfile beside nothing else; its own ignore file only where the context has none.

    BuildKit prefers ``NAME.dockerignore`` beside the Dockerfile to the context's ``.dockerignore``.
    """
    (scratch / GENERATED_NAME).write_text(request.dockerfile_text or "")
    if request.ignore_text and not (request.context / ".dockerignore").exists():
        (scratch / f"{GENERATED_NAME}.dockerignore").write_text(request.ignore_text)
