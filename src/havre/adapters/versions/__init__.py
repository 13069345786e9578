"""Installed versions of Havre: one Python environment each, and a link to the one that runs.

A version is made under a draft name and renamed when it is complete. Its packages come from the
environment that runs this code, checked against the hashes of their RECORD (PEP 376), as far as they
are what the new version's lock names; the rest is installed by pip, by hash. So installing what was
just tried needs no network, and an upgrade fetches only what changed.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from havre.errors import HavreError, UsageError

NAME: Final = "havre"
_LOCK: Final = "havre/requirements.lock"  # in the wheel, see pyproject.toml
_PINNED: Final = re.compile(r"^([A-Za-z0-9][^\\\n]*==[^\\\n]*?) *\\?$", re.MULTILINE)
_TIMEOUT: Final = 1800.0
_TOLD: Final = 15
_HINT: Final = "name a file that is there: havre-VERSION-py3-none-any.whl"
_LAUNCHER: Final = """\
#!{python} -P
import sys

from havre.__main__ import main

sys.exit(main())
"""


def is_wheel() -> bool:
    """Whether the running code was installed from a wheel."""
    try:
        found = metadata.distribution(NAME)
    except metadata.PackageNotFoundError:
        return False
    return bool(found.files) and any(str(file) == "havre/__main__.py" for file in found.files or ())


def installed(versions: Path) -> frozenset[str]:
    """The complete versions in a directory."""
    if not versions.is_dir():
        return frozenset()
    return frozenset(entry.name for entry in versions.iterdir() if entry.name[0] != "." and entry.is_dir())


def linked(current: Path) -> str:
    """The version that a link leads to; empty if it is not there."""
    return current.readlink().name if current.is_symlink() else ""


def link(path: Path, target: Path) -> None:
    """Have a link lead to a target, at one moment.

    Raises:
        HavreError: something else than a link is there.
    """
    if path.exists() and not path.is_symlink():
        raise HavreError(f"{path} is in the way: it is no link", hint=f"move it away: mv {path} {path}.old")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(path)


def python_of(version: Path) -> Path:
    """The interpreter of a version."""
    return version / "bin" / "python"


def copy_running(place: Path) -> None:
    """Make a version of what runs now: the same Havre, with the packages that its lock names.

    Raises:
        HavreError: a file differs from what was installed, a package cannot be had, or the disk is full.
    """
    lock = (Path(__file__).parents[2] / _LOCK.partition("/")[2]).read_text()
    with _environment(place, lock, {NAME: _running()[NAME]}):
        """Nothing more: Havre itself was taken over."""


def make(place: Path, wheel: Path) -> None:
    """Make a version from a wheel.

    Raises:
        HavreError: it is no wheel of Havre, or pip failed.
    """
    version_of(wheel)
    try:
        with zipfile.ZipFile(wheel) as archive:
            lock = archive.read(_LOCK).decode()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"{wheel} is no wheel of Havre, or is damaged", hint="get it again") from error
    with _environment(place, lock, {}) as draft:
        _unpack(wheel, _site(draft))


@contextmanager
def _environment(place: Path, lock: str, also: Mapping[str, str]) -> Iterator[Path]:
    """A new environment with the packages of a lock; its place is taken when the block ends well.

    Args:
        place: where it will be.
        lock: a requirements file with hashes.
        also: packages to take over besides, with their versions.
    """
    pinned = _pinned(lock)
    running = _running()
    kept = {name: version for name, version in pinned.items() if running.get(name) == version}
    is_complete = len(kept) == len(pinned)
    with _draft(place, pip=not is_complete) as draft:
        _take_over(draft, {**kept, **also})
        if not is_complete:
            requirements = draft / "requirements.lock"
            requirements.write_text(lock)
            command = [*_pip(draft, "install"), "--require-hashes", "-r", str(requirements)]
            _run(command, "the packages that it needs could not be had")
        yield draft
        # Else every start of the web process, which may not write there, would compile anew.
        compiler = [str(python_of(draft)), "-m", "compileall", "-q", str(_site(draft))]
        _run(compiler, "the program could not be compiled")
        _write_launcher(draft, place)


def _pinned(lock: str) -> dict[str, str]:
    """What a lock names for this machine: canonical name and version."""
    found = {}
    for line in _PINNED.findall(lock):
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            (pin,) = requirement.specifier
            found[str(canonicalize_name(requirement.name))] = pin.version
    return found


def version_of(wheel: Path) -> Version:
    """The version of a wheel of Havre, by its name.

    Raises:
        UsageError: it is not one.
    """
    try:
        name, version, _, _ = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise UsageError(f"{wheel.name} is not the name of a wheel", hint=_HINT) from error
    if name != NAME or not wheel.is_file():
        raise UsageError(f"{wheel} is no wheel of Havre", hint=_HINT)
    return version


def fetch(requirement: str, folder: Path) -> Path:
    """Fetch a wheel of Havre by pip, from where pip is set to look.

    Args:
        requirement: ``havre`` or ``havre==VERSION``.
        folder: an empty directory for it.

    Raises:
        HavreError: pip is not there, or did not find it.
    """
    venv = folder / "pip"
    _make_environment(venv)
    options = ["--only-binary", ":all:", "--dest", str(folder)]
    _run([*_pip(venv, "download"), *options, requirement], f"{requirement} could not be fetched")
    return next(folder.glob("*.whl"))


def remove(place: Path) -> None:
    """Remove a version."""
    shutil.rmtree(place, ignore_errors=True)


def run(
    version: Path, arguments: Sequence[str], *, timeout: float, environment: Mapping[str, str] | None = None
) -> str:
    """Run a module of a version, with this process's environment or another; what it printed.

    Raises:
        HavreError: it failed; its last lines are the detail.
    """
    command = [str(python_of(version)), "-P", "-m", *arguments]
    failure = f"{' '.join(arguments)} of {version.resolve().name} failed"
    return _run(command, failure, environment=environment, timeout=timeout)


class _draft:  # noqa: N801 - used as a context manager, like a function
    """A new environment under a draft name, renamed when the block ends well, removed when not."""

    def __init__(self, place: Path, *, pip: bool) -> None:
        self._place = place
        self._path = place.with_name(f".{place.name}.draft")
        self._pip = pip

    def __enter__(self) -> Path:
        remove(self._path)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        _make_environment(self._path, *([] if self._pip else ["--without-pip"]))
        return self._path

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            remove(self._path)
            return
        for folder, folders, files in os.walk(self._path):
            for name in (*folders, *files):
                entry = Path(folder) / name
                if not entry.is_symlink():  # readable by the web process, writable by nobody else
                    entry.chmod(entry.stat().st_mode & 0o755 | 0o444 | (0o111 if entry.is_dir() else 0))
        self._path.chmod(0o755)
        remove(self._place)
        self._path.rename(self._place)


def _site(environment: Path) -> Path:
    (site,) = environment.glob("lib/python3*/site-packages")
    return site


def _unpack(wheel: Path, site: Path) -> None:
    """Unpack a wheel without compiled code (PEP 427), each file checked against its RECORD.

    So pip is needed only where packages have changed.
    """
    with zipfile.ZipFile(wheel) as archive:
        record = next(name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        digests = {row[0]: row[1] for row in csv.reader(io.StringIO(archive.read(record).decode()))}
        for name in archive.namelist():
            path = PurePosixPath(name)
            if ".." in path.parts or path.is_absolute():
                raise UsageError(f"{wheel.name} has a file outside of it: {name}", hint="get it again")
            if name.endswith("/") or path.parts[0].endswith(".data"):
                continue  # shared data: Havre writes its own
            content = archive.read(name)
            if name != record and digests.get(name) != f"sha256={_digest('sha256', content)}":
                raise UsageError(f"{wheel.name} is damaged: {name}", hint="get it again")
            target = site / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _digest(algorithm: str, content: bytes) -> str:
    """A digest as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.new(algorithm, content).digest()).rstrip(b"=").decode()


def _make_environment(path: Path, *options: str) -> None:
    _run([sys.executable, "-m", "venv", *options, str(path)], "a Python environment could not be made")


def _pip(environment: Path, command: str) -> list[str]:
    python = str(python_of(environment))
    return [python, "-m", "pip", "--disable-pip-version-check", command, "--quiet", "--no-deps"]


def _write_launcher(draft: Path, place: Path) -> None:
    launcher = draft / "bin" / NAME
    launcher.unlink(missing_ok=True)
    launcher.write_text(_LAUNCHER.format(python=python_of(place)))
    launcher.chmod(0o755)


def _running() -> dict[str, str]:
    """Packages of this environment, by their canonical names; what is imported first counts."""
    found: dict[str, str] = {}
    for package in metadata.distributions():
        if package.name:
            found.setdefault(str(canonicalize_name(package.name)), package.version)
    return found


def _take_over(draft: Path, wanted: Mapping[str, str]) -> None:
    """Copy packages of this environment, each file checked against its RECORD."""
    site = _site(draft)
    for found in metadata.distributions():
        if found.name and wanted.get(canonicalize_name(found.name)) == found.version:
            for file, source in _files(found):
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)  # with its time, by which compiled files are known to fit


def _files(found: metadata.Distribution) -> Iterator[tuple[PurePosixPath, Path]]:
    for file in found.files or ():
        if ".." in file.parts or file.is_absolute():
            continue  # programs, whose first line names this environment; shared data
        source = Path(str(file.locate()))
        if "__pycache__" in file.parts and not source.exists():
            continue  # may be removed at any time
        if file.hash is not None and _digest(file.hash.mode, source.read_bytes()) != file.hash.value:
            raise HavreError(
                f"{source} is not as it was installed",
                hint="install Havre anew: pipx reinstall havre",
            )
        yield file, source


def _run(
    command: Sequence[str],
    failure: str,
    *,
    environment: Mapping[str, str] | None = None,
    timeout: float = _TIMEOUT,
) -> str:
    try:
        done = subprocess.run(
            list(command),
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HavreError(failure, detail=str(error)) from error
    if done.returncode != 0:
        detail = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-_TOLD:])
        raise HavreError(failure, hint="the lines above say why", detail=detail)
    return done.stdout
