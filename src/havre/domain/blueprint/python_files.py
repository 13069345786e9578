"""The Dockerfile of a Python project: what its template is filled in with."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from havre.domain.blueprint.django import Django
from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.node_files import mounts
from havre.domain.blueprint.proposal import NewFile
from havre.domain.blueprint.python_workspaces import UvWorkspace

PORT = 8000
POETRY = "poetry==2.5.1"
POETRY_EXPORT = "poetry-plugin-export==1.10.1"
_INCLUDED = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A Python project: where it is, what it needs and how that is installed.

    Args:
        folder: where it stands.
        manager: ``uv`` or ``poetry`` for a pyproject.toml, ``requirements`` for a file of requirements.
        file: path of that file, relative to the folder.
        locked: whether its lock file is there.
        dependencies: names of what it runs with, normalized.
        is_package: whether it is built and installed itself.
        python: the versions of Python that it takes.
        workspace: the workspace of uv that it belongs to.
    """

    folder: str
    manager: str
    file: str
    locked: bool
    dependencies: frozenset[str]
    is_package: bool = False
    python: str = ""
    workspace: UvWorkspace | None = None

    @property
    def context(self) -> str:
        """The folder that its build sees."""
        return self.workspace.root if self.workspace else self.folder

    @property
    def inside(self) -> str:
        """Its folder as the build sees it."""
        return self.workspace.inside if self.workspace else "."


@dataclass(frozen=True)
class Serving:
    """How a project is served.

    Args:
        title: of the framework, for people.
        command: arguments of the server.
        extra: requirement of the server, where the project has none of its own.
        django: what Django's settings tell.
        needs_src: whether modules are imported from the folder ``src``, and nothing installs them.
    """

    title: str
    command: tuple[str, ...]
    extra: str = ""
    django: Django | None = None
    needs_src: bool = False


def dockerfile(facts: Facts, project: Project, serving: Serving, cache: str) -> NewFile:
    """The Dockerfile of a project; ``cache`` distinguishes its cache from those of other projects."""
    django = serving.django
    inputs, folders = [project.file], list[str]()
    install, build = list[str](), list[str]()
    venv_stage = "dependencies"
    if project.manager == "uv":
        inputs += ["uv.lock"] if project.locked else []
        install, build = _by_uv(project)
        venv_stage = "build" if build else venv_stage
    elif project.manager == "requirements":
        inputs = [path for path in _requirement_files(facts, project) if "/" not in path]
        folders = ["requirements"] if "/" in project.file else []
        install = [f"uv venv /app/.venv && uv pip install --requirement {project.file}"]
    else:
        inputs += ["poetry.lock"] if project.locked else []
        install = [_by_poetry(project)]
    if serving.extra:
        adds = f"uv pip install {serving.extra}"
        (build if venv_stage == "build" else install).append(adds)
    outputs: list[tuple[str, str]] = []
    if django and django.static_root:
        there = "" if project.inside == "." else f"cd {shlex.quote(project.inside)} && "
        build.append(f"{there}{django.build_environment}python manage.py collectstatic --noinput")
        outputs.append((f"/{join('app', project.inside, django.static_root)}", f"{django.static_root}/"))
    values = {
        "title": serving.title,
        "mounts": mounts(f"havre-{cache}-uv", "/root/.cache/uv"),
        "inputs": inputs,
        "input_folders": folders,
        "members": [one for one in (project.workspace.members if project.workspace else ()) if one != "."],
        "source": project.inside,
        "install": install,
        "build": build,
        "venv_stage": venv_stage,
        "outputs": outputs,
        "path": "/app/src" if serving.needs_src else "",
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


def _by_uv(project: Project) -> tuple[list[str], list[str]]:
    """Commands that install the dependencies, and those that install what the project itself builds."""
    lock, space = "--locked " if project.locked else "", project.workspace
    if space is None:
        build = [f"uv sync {lock}--no-dev --no-editable"] if project.is_package else []
        return [f"uv sync {lock}--no-dev --no-install-project"], build
    needs_members = project.is_package or bool(project.dependencies & space.names)
    sync = f"uv sync {lock}--no-dev --package {space.name}"
    return [f"{sync} --no-install-workspace"], [f"{sync} --no-editable"] if needs_members else []


def _by_poetry(project: Project) -> str:
    """Poetry only says what is locked; uv installs it, from the index and with the trust of all builds."""
    poetry = f"uv tool run --with {POETRY_EXPORT} {POETRY}"
    requirements = "/tmp/requirements.txt"  # noqa: S108 - in a stage of the build
    export = f"{poetry} export --only main --output {requirements}"
    if not project.locked:
        export = f"REQUESTS_CA_BUNDLE=$SSL_CERT_FILE {poetry} lock && {export}"
    return f"{export} && uv venv /app/.venv && uv pip install --requirement {requirements}"


def _requirement_files(facts: Facts, project: Project) -> list[str]:
    """The file of requirements and those that it includes."""
    found = [project.file]
    for file in found:
        for other in _INCLUDED.findall(facts.text(project.folder, file)):
            path = join(file.rpartition("/")[0], other)
            if path not in found and facts.has(project.folder, path):
                found.append(path)
    return found
