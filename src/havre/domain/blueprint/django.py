"""What Django's settings tell: its modules, its static files, and which hosts it answers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from havre.domain.blueprint.facts import Facts, join
from havre.domain.blueprint.proposal import Entry, Gap

_MODULE = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']""")
_REQUIRED = re.compile(r"""\bos\.environ\[\s*["'](\w+)["']\s*\]|\b(?:env|config)\(\s*["'](\w+)["']\s*\)""")
_HOSTS = re.compile(r"^ALLOWED_HOSTS\s*(?::[^=]+)?=\s*(.+?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"""["'](\w*ALLOWED_HOSTS\w*)["']""")
_NO_DATABASE = "sqlite:////tmp/build.sqlite3"
_STATIC_ROOT = re.compile(r"^STATIC_ROOT\s*=\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Django:
    """One Django project.

    Args:
        settings: path of its settings.
        wsgi: module of the WSGI application.
        asgi: module of the ASGI application, empty if there is none.
        urls: path of the outermost ``urls.py``.
        static_root: folder where collectstatic puts files, relative to the project; empty if not set.
        hosts_variable: variable from which ALLOWED_HOSTS is read.
        takes_any_host: whether ALLOWED_HOSTS takes every host as it is.
        required: variables without which the settings cannot be read.
        has_whitenoise: whether static files are served by the program itself.
    """

    settings: str
    wsgi: str
    asgi: str
    urls: str
    static_root: str
    hosts_variable: str
    takes_any_host: bool
    required: tuple[str, ...]
    has_whitenoise: bool

    @property
    def env(self) -> tuple[Entry, ...]:
        """Variables that it needs to be probed, and to be safe."""
        if not self.hosts_variable:
            return ()
        return (Entry(self.hosts_variable, "*", "the router lets only the domains above through"),)

    @property
    def build_environment(self) -> str:
        """Words before a command of a build, so that settings can be read without the real values."""
        values = {one: _NO_DATABASE if one.endswith("DATABASE_URL") else "build" for one in self.required}
        return "".join(f"{name}={shlex.quote(value)} " for name, value in sorted(values.items()))

    def gaps(self, name: str) -> Iterator[Gap]:
        """What keeps it from being served well; ``name`` is the service's."""
        if not self.hosts_variable and not self.takes_any_host:
            yield Gap(
                f"{name}.health",
                f"ALLOWED_HOSTS in {self.settings} refuses the probe, whose host name is another",
                'set ALLOWED_HOSTS = ["*"]: the router lets only the domains of the manifest through',
                blocking=True,
            )
        if self.static_root and not self.has_whitenoise:
            yield Gap(
                f"{name}.build",
                "nothing serves Django's static files",
                "add whitenoise to the requirements and to MIDDLEWARE",
            )
        if not self.static_root:
            yield Gap(
                f"{name}.build",
                f"{self.settings} sets no STATIC_ROOT, so static files are not collected",
                'set STATIC_ROOT = BASE_DIR / "staticfiles", if there are any, and run havre init --force',
            )


def django_of(facts: Facts, folder: str) -> Django | None:
    """The Django project in a folder, None if there is no ``manage.py``."""
    if not facts.has(folder, "manage.py"):
        return None
    module = _MODULE.search(facts.text(folder, "manage.py"))
    base = module[1].rpartition(".")[0].removesuffix(".settings") if module else ""
    settings = _settings(facts, folder, module[1] if module else "")
    texts = "\n".join(facts.text(path) for path in settings)
    package = join(folder, base.replace(".", "/")) if base else folder
    hosts = _HOSTS.search(texts)
    variable = _VARIABLE.search(hosts[1]) if hosts else None
    urls = re.search(r"""^ROOT_URLCONF\s*=\s*["']([\w.]+)["']""", texts, re.MULTILINE)
    return Django(
        settings=settings[0] if settings else join(folder, "settings.py"),
        wsgi=f"{base}.wsgi" if base else "wsgi",
        asgi=f"{base}.asgi" if facts.has(package, "asgi.py") else "",
        urls=join(folder, urls[1].replace(".", "/") + ".py") if urls else join(package, "urls.py"),
        static_root=_static_root(texts),
        hosts_variable=variable[1] if variable else "",
        takes_any_host=bool(hosts and re.search(r"""["']\*["']""", hosts[1])),
        required=tuple(sorted({first or second for first, second in _REQUIRED.findall(texts)})),
        has_whitenoise="whitenoise" in texts.lower(),
    )


def _settings(facts: Facts, folder: str, module: str) -> list[str]:
    """The files of the settings, the module itself first, then its siblings (base, production …)."""
    path = join(folder, module.replace(".", "/"))
    if facts.has(f"{path}.py") and not path.rpartition("/")[0].endswith("settings"):
        return [f"{path}.py"]
    package = path if any(other.startswith(f"{path}/") for other in facts.paths) else path.rpartition("/")[0]
    found = [other for other in facts.below(package) if other.endswith(".py")]
    return sorted(found, key=lambda other: (other != f"{path}.py", "base" not in other, other))


def _static_root(texts: str) -> str:
    """``BASE_DIR / "staticfiles"`` and its older forms."""
    found = _STATIC_ROOT.search(texts)
    parts = re.findall(r"""["']([\w./-]+)["']""", found[1]) if found else []
    path = join(*parts) if parts else ""
    return path if path and not path.startswith(("/", "..")) else ""
