"""The services in a repository's Python projects: FastAPI, Django, Flask, and their workers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from havre.domain.blueprint import health, listening, procfile
from havre.domain.blueprint.django import Django, django_of
from havre.domain.blueprint.facts import Facts, join, table
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.proposal import Component, Entry, Gap, Said
from havre.domain.blueprint.python_files import PORT, Project, Serving, dockerfile
from havre.domain.blueprint.python_workspaces import workspace_of

PYTHON = "3.13"
_ANYWHERE = "0.0.0.0"  # noqa: S104 - inside of a container, which only the router reaches
GUNICORN = "gunicorn==27.0.1"
UVICORN = "uvicorn==0.54.0"
_REQUIREMENTS = ("requirements/production.txt", "requirements/prod.txt", "requirements-prod.txt",
                 "requirements-production.txt", "requirements.txt", "requirements/base.txt")  # fmt: skip
_TITLES = {"django": "Django", "fastapi": "FastAPI", "flask": "Flask"}
_CALLS = {"FastAPI": "FastAPI", "Flask": "Flask"}
_FROM_SRC = re.compile(r"^\s*(?:from|import) src\b", re.MULTILINE)
_RELATIVE = re.compile(r"^\s*(?:from \.|(?:from|import) src\b)", re.MULTILINE)
_FACTORY = re.compile(r"^def (create_app|make_app|get_app)\(", re.MULTILINE)


def components(facts: Facts, project: str, *, covered: Collection[str]) -> Iterator[Component]:
    """What runs of the repository's Python projects; ``covered`` have a Dockerfile of their own."""
    for found in projects(facts):
        if found.folder not in covered:
            yield from _services(facts, found, project)


def projects(facts: Facts) -> Iterator[Project]:
    """Every folder with Python requirements."""
    folders = dict.fromkeys(
        join(path.removesuffix(name) or ".").rstrip("/")
        for path in facts.below(".")
        for name in ("pyproject.toml", *_REQUIREMENTS)
        if path == name or path.endswith(f"/{name}")
    )
    for folder in folders:
        if found := _project(facts, folder):
            yield found


def _project(facts: Facts, folder: str) -> Project | None:
    pyproject = facts.toml(folder, "pyproject.toml")
    declared = table(pyproject.get("project"))
    if isinstance(declared.get("dependencies"), list):
        packaged = (
            "build-system" in pyproject
            and table(table(pyproject.get("tool")).get("uv")).get("package") is not False
        )
        space = workspace_of(facts, folder)
        return Project(
            folder, "uv", "pyproject.toml", facts.has(space.root if space else folder, "uv.lock"),
            _names(declared["dependencies"]), is_package=packaged,
            python=str(declared.get("requires-python") or ""), workspace=space,
        )  # fmt: skip
    path = facts.first(folder, *_REQUIREMENTS)
    if path:
        file = path if folder == "." else path.removeprefix(f"{folder}/")
        names = _names(_lines(facts, folder, file, depth=3))
        return Project(folder, "requirements", file, True, names)
    poetry = table(table(pyproject.get("tool")).get("poetry")).get("dependencies")
    if isinstance(poetry, dict):
        names = frozenset(canonicalize_name(name) for name in poetry)
        return Project(folder, "poetry", "pyproject.toml", facts.has(folder, "poetry.lock"), names)
    return None


def _lines(facts: Facts, folder: str, file: str, depth: int) -> Iterator[str]:
    """The requirements of a file and of those that it includes."""
    for raw in facts.text(folder, file).splitlines():
        line = re.sub(r"(^|\s)#.*", "", raw).split(" --hash")[0].rstrip(" \\").strip()
        included = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)", line)
        if included and depth:
            yield from _lines(facts, folder, join(file.rpartition("/")[0], included[1]), depth - 1)
        elif line and not line.startswith("-"):
            yield line


def _names(requirements: object) -> frozenset[str]:
    found: set[str] = set()
    for text in requirements if isinstance(requirements, list | Iterator) else ():
        try:
            requirement = Requirement(str(text))
        except InvalidRequirement:
            continue
        found.add(canonicalize_name(requirement.name))
        if requirement.name == "fastapi" and requirement.extras & {"standard", "all"}:
            found.add("uvicorn")
    return frozenset(found)


def _services(facts: Facts, project: Project, cache: str) -> Iterator[Component]:
    title = next((title for library, title in _TITLES.items() if library in project.dependencies), "")
    name = name_of(project.folder if project.folder != "." else "", "web" if title == "Django" else "api")
    name = "api" if name in {"src", "server", "backend"} else name
    django = django_of(facts, project.folder) if title == "Django" else None
    if not title:
        return
    serving = _serving(facts, project, title, django) if title != "Django" or django else None
    if serving is None:
        yield _without_entry(project, name, title)
        return
    celery = _celery(facts, project.folder) if "celery" in project.dependencies else None
    if celery and _needs_src(facts, project, celery.path):
        serving = replace(serving, needs_src=True)
    sources = list(facts.code(project.folder))
    routes = list(listening.called_routes(sources))
    if django:
        routes = list(listening.django_routes(sources, django.urls))
    chosen, health_gaps = health.choose(name, routes, title, has_pages=False)
    release = _release(facts, project, django)
    component = Component(
        name=name,
        kind="app",
        folder=project.folder,
        what=title,
        why=f"{join(project.folder, project.file)} names {title.lower()}",
        build=_build(project),
        dependencies=project.dependencies,
        port=Said(PORT, f"as the Dockerfile starts {serving.command[0]}"),
        health=chosen,
        release=release,
        env=django.env if django else (),
        files=(dockerfile(facts, project, serving, cache),),
        gaps=(*health_gaps, *_gaps(project, name, serving), *(django.gaps(name) if django else ())),
    )
    yield component
    if celery:
        yield replace(
            component,
            name="worker",
            what=f"Celery of {name}",
            why="celery is among the dependencies",
            port=None,
            health=None,
            release=None,
            command=Said(
                f"celery --app {celery.target} worker --loglevel info",
                "the application of Celery in the code",
            ),
            files=(),
            gaps=(),
            is_worker=True,
        )


def _build(project: Project) -> tuple[Entry, ...]:
    if project.inside == ".":
        return (Entry("context", project.folder, f"where {project.file} is"),)
    return (
        Entry("context", project.context, "the workspace with its uv.lock"),
        Entry("dockerfile", f"{project.inside}/Dockerfile", "written by havre init"),
    )


def _serving(facts: Facts, project: Project, title: str, django: Django | None) -> Serving | None:
    """How the project is served; None if no application was found in it."""
    if django:
        if "gunicorn" not in project.dependencies and "uvicorn" in project.dependencies and django.asgi:
            return Serving(title, _uvicorn(f"{django.asgi}:application"), django=django)
        return _by_gunicorn(project, title, f"{django.wsgi}:application", django)
    found = _application(facts, project.folder, title)
    if found is None:
        return None
    needs_src = _needs_src(facts, project, found.path)
    if title != "FastAPI":
        target = f"{found.target}()" if found.is_factory else found.target
        return replace(_by_gunicorn(project, title, target, None), needs_src=needs_src)
    extra = "" if "uvicorn" in project.dependencies else UVICORN
    command = _uvicorn(*(("--factory",) if found.is_factory else ()), found.target)
    return Serving(title, command, extra, needs_src=needs_src)


def _by_gunicorn(project: Project, title: str, target: str, django: Django | None) -> Serving:
    return Serving(title, _gunicorn(target), "" if "gunicorn" in project.dependencies else GUNICORN, django)


def _uvicorn(*target: str) -> tuple[str, ...]:
    return (
        "uvicorn", *target, "--host", _ANYWHERE, "--port", str(PORT), "--proxy-headers",
        "--forwarded-allow-ips", "*",
    )  # fmt: skip


def _gunicorn(target: str) -> tuple[str, ...]:
    return (
        "gunicorn", "--bind", f"{_ANYWHERE}:{PORT}", "--workers", "2", "--access-logfile", "-",
        "--worker-tmp-dir", "/dev/shm", target,  # noqa: S108 - in a container
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """An object in the code: ``module:name``, whether it is a function that makes it, and the file."""

    target: str
    is_factory: bool
    path: str


def _application(facts: Facts, folder: str, title: str) -> _Found | None:
    """Where the application object is."""
    made = re.compile(rf"^(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:\w+\.)?{_CALLS[title]}\(", re.MULTILINE)
    by_function = re.compile(r"^(\w+)\s*=\s*(?:create_app|make_app|get_app)\(", re.MULTILINE)
    factory: _Found | None = None
    for path, text in facts.code(folder):
        module = module_of(facts, path, folder)
        if module and (found := made.search(text) or by_function.search(text)):
            return _Found(f"{module}:{found[1]}", False, path)
        if module and factory is None and (found := _FACTORY.search(text)):
            factory = _Found(f"{module}:{found[1]}", True, path)
    return factory or _of_procfile(facts, folder)


def _of_procfile(facts: Facts, folder: str) -> _Found | None:
    """What the Procfile names, if its module is there; code may make it in ways that nothing else tells."""
    named = procfile.application(facts, folder)
    if named is None:
        return None
    module, name, is_factory = named
    inside = module.replace(".", "/")
    files = (f"{place}{inside}{end}" for place in ("", "src/") for end in (".py", "/__init__.py"))
    path = facts.first(folder, *files)
    return _Found(f"{module}:{name}", is_factory, path) if path else None


def module_of(facts: Facts, path: str, folder: str) -> str:
    """The name by which a file of a project is imported, empty if it cannot be."""
    inside = _inside(path, folder)
    if _is_in_src(facts, path, folder):
        inside = inside.removeprefix("src/")
    dotted = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return dotted if inside.endswith(".py") and re.fullmatch(r"[A-Za-z_][\w.]*", dotted) else ""


def _inside(path: str, folder: str) -> str:
    return path if folder == "." else path.removeprefix(f"{folder}/")


def _is_in_src(facts: Facts, path: str, folder: str) -> bool:
    """Whether a file is imported from ``src``, which then has to be on the path, and not as part of it."""
    inside = _inside(path, folder)
    if not inside.startswith("src/") or facts.has(folder, "src/__init__.py"):
        return False
    as_part = _RELATIVE if inside.count("/") == 1 else _FROM_SRC
    return not as_part.search(facts.text(path))


def _needs_src(facts: Facts, project: Project, path: str) -> bool:
    """Whether a file is imported from ``src`` and is in no package that is installed."""
    is_installed = project.is_package and _inside(path, project.folder).count("/") > 1
    return _is_in_src(facts, path, project.folder) and not is_installed


def _celery(facts: Facts, folder: str) -> _Found | None:
    for path, text in facts.code(folder):
        found = re.search(r"^(\w+)\s*=\s*Celery\(", text, re.MULTILINE)
        if found and (module := module_of(facts, path, folder)):
            return _Found(f"{module}:{found[1]}", False, path)
    return None


def _release(facts: Facts, project: Project, django: Django | None) -> Said[str] | None:
    if django:
        return Said("python manage.py migrate --noinput", "Django's migrations")
    if facts.has(project.folder, "alembic.ini") and "alembic" in project.dependencies:
        return Said("alembic upgrade head", "alembic.ini is there")
    if "flask-migrate" in project.dependencies and "migrations" in facts.folders(project.folder):
        return Said("flask db upgrade", "flask-migrate is among the requirements")
    return None


def _without_entry(project: Project, name: str, title: str) -> Component:
    file = join(project.folder, project.file)
    missing, remedy = f"no {title} application was found", f"app = {_CALLS.get(title, title)}() in a module"
    if title == "Django":
        missing, remedy = (
            f"there is no manage.py beside {project.file}",
            "put the requirements beside manage.py",
        )
    return Component(
        name=name,
        kind="app",
        folder=project.folder,
        what=title,
        why=f"{file} names {title.lower()}",
        build=(Entry("context", project.folder, f"where {project.file} is"),),
        port=Said(PORT, "the usual one"),
        health=Said(health.PROPOSED, "proposed"),
        gaps=(
            Gap(
                f"{name}.build",
                f"{missing}, so no Dockerfile is written",
                f"write one, or: {remedy}",
                blocking=True,
            ),
        ),
    )


def _gaps(project: Project, name: str, serving: Serving) -> Iterator[Gap]:
    file = join(project.folder, project.file)
    if serving.extra:
        server = serving.extra.partition("==")[0]
        yield Gap(
            f"{name}.build",
            f"{server} is not among the requirements; the Dockerfile installs {serving.extra} by itself",
            f"add {server} to {file} and remove it from the Dockerfile",
        )
    if not project.locked:
        tool = "poetry" if project.manager == "poetry" else "uv"
        yield Gap(
            file,
            "there is no lock file, so versions differ from build to build",
            f"run {tool} lock and commit {tool}.lock",
        )
    if project.python:
        try:
            takes = SpecifierSet(project.python).contains(PYTHON + ".5")
        except InvalidSpecifier:
            takes = True
        if not takes:
            yield Gap(
                file,
                f"Python {project.python} is asked for, and the image has {PYTHON}",
                f"allow Python {PYTHON}, or name other images in the Dockerfile",
                blocking=True,
            )
