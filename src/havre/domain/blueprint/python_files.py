"""The Dockerfile of a Python project: what its template is filled in with."""

from __future__ import annotations

import re
from dataclasses import dataclass

from havre.domain.blueprint.django import Django
from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.node_files import mounts
from havre.domain.blueprint.proposal import NewFile

PORT = 8000
POETRY = "poetry==2.5.1"
_INCLUDED = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A Python project: where it is, what it needs and how that is installed.

    Args:
        folder: where it stands.
        manager: ``uv`` for a pyproject.toml, ``requirements`` for a file of requirements.
        file: path of that file, relative to the folder.
        locked: whether uv.lock is there.
        dependencies: names of what it runs with, normalized.
        is_package: whether it is built and installed itself.
        python: the versions of Python that it takes.
    """

    folder: str
    manager: str
    file: str
    locked: bool
    dependencies: frozenset[str]
    is_package: bool = False
    python: str = ""


@dataclass(frozen=True)
class Serving:
    """How a project is served.

    Args:
        title: of the framework, for people.
        command: arguments of the server.
        extra: requirement of the server, where the project has none of its own.
        django: what Django's settings tell.
    """

    title: str
    command: tuple[str, ...]
    extra: str = ""
    django: Django | None = None


def dockerfile(facts: Facts, project: Project, serving: Serving, cache: str) -> NewFile:
    """The Dockerfile of a project; ``cache`` distinguishes its cache from those of other projects."""
    django = serving.django
    inputs, folders, install, build = [project.file], [], [], []
    venv_stage = "dependencies"
    if project.manager == "uv":
        inputs += ["uv.lock"] if project.locked else []
        lock = "--locked " if project.locked else ""
        install = [f"uv sync {lock}--no-dev --no-install-project"]
        if project.is_package:
            build = [f"uv sync {lock}--no-dev --no-editable"]
            venv_stage = "build"
    elif project.manager == "requirements":
        inputs = [path for path in _requirement_files(facts, project) if "/" not in path]
        folders = ["requirements"] if "/" in project.file else []
        install = [f"uv venv /app/.venv && uv pip install --requirement {project.file}"]
    else:
        inputs += ["poetry.lock"] if project.locked else []
        options = "--only main --no-root --no-interaction"
        # Poetry has certificates of its own, and would not trust what the build trusts.
        environment = "POETRY_VIRTUALENVS_IN_PROJECT=true REQUESTS_CA_BUNDLE=$SSL_CERT_FILE"
        install = [f"{environment} uv tool run {POETRY} install {options}"]
    if serving.extra:
        adds = f"uv pip install {serving.extra}"
        (build if venv_stage == "build" else install).append(adds)
    outputs: list[tuple[str, str]] = []
    if django and django.static_root:
        build.append(f"{django.build_environment}python manage.py collectstatic --noinput")
        outputs.append((f"/app/{django.static_root}", f"{django.static_root}/"))
    values = {
        "title": serving.title,
        "mounts": mounts(f"havre-{cache}-uv", "/root/.cache/uv"),
        "inputs": inputs,
        "input_folders": folders,
        "install": install,
        "build": build,
        "venv_stage": venv_stage,
        "outputs": outputs,
        "port": PORT,
        "command": serving.command,
    }
    with_what = {"uv": "uv", "poetry": "Poetry"}.get(project.manager, project.file)
    return NewFile(
        join(project.folder, "Dockerfile"),
        "python.Dockerfile.j2",
        values,
        f"{serving.title} with {with_what}: there is none yet",
    )


def _requirement_files(facts: Facts, project: Project) -> list[str]:
    """The file of requirements and those that it includes."""
    found = [project.file]
    for file in found:
        for other in _INCLUDED.findall(facts.text(project.folder, file)):
            path = join(file.rpartition("/")[0], other)
            if path not in found and facts.has(project.folder, path):
                found.append(path)
    return found
