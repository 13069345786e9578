"""On which port a program listens and which path tells that it is well, as far as its code says so.

Code is not run and not parsed, only searched for the usual ways of writing these things; what is found
says where, so that a person can look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from havre.domain.blueprint.proposal import Said

Sources = Iterable[tuple[str, str]]
"""Paths and texts of a program's code."""

HEALTH_WORDS = (
    "health", "healthz", "_health", "health-check", "healthcheck", "health_check", "readyz", "readiness",
    "ready", "livez", "liveness", "live", "alive", "ping", "heartbeat", "up", "status",
)  # fmt: skip
"""Last parts of a path that tells whether a program is well, the most telling first."""

_VALID_PATH = re.compile(r"/[A-Za-z0-9._~@%+,=/-]*")
_PORTS = (
    # The default behind a question to the environment, in JavaScript and in Python.
    re.compile(r"""\bPORT\b["']?\]?\)?\s*(?:\?\?|\|\||,|\bor\b)\s*["']?(\d{2,5})\b"""),
    # The default in a schema of settings.
    re.compile(r"""\bPORT\b[^\n;]{0,120}?default(?:\(|=)\s*["']?(\d{2,5})\b"""),
    re.compile(r"""\.listen\(\s*(\d{2,5})\b"""),
    re.compile(r"""\.listen\(\s*\{[^}]{0,200}?\bport\s*:\s*(\d{2,5})\b"""),
    re.compile(r"""\b(?:PORT|port)\s*[:=]\s*(\d{4,5})\b"""),
)
_LISTENS = re.compile(
    r"\.listen\(|\bserve\(\s*[{a]|createServer\(|NestFactory\.create\(|export default \{\s*port"
)
_LOOPBACK = re.compile(r"""\.listen\([^)]{0,200}?["'](?:localhost|127\.0\.0\.1)["']""")
_FASTIFY_ALONE = re.compile(r"\.listen\(\s*(?:\{(?![^}]*\bhost\b)[^}]*\}|[^{),]+)\s*[,)]")
_CALL = re.compile(
    r"""(?P<object>[A-Za-z_$][\w$]*)\s*\.(?:get|all|route|api_route|add_api_route|add_url_rule)"""
    r"""\(\s*["'`](?P<path>/[^"'`\s]*)["'`]"""
)
_PREFIXED = re.compile(
    r"""(?P<object>[A-Za-z_]\w*)\s*=\s*(?:APIRouter|Blueprint)\([^)]*?(?:url_)?prefix\s*=\s*["'](?P<prefix>/[^"']*)"""
)
_MOUNT = re.compile(
    r"""\.(?:use|register|route)\([^)\n]*["'`]/[^"'`\s]+["'`]"""
    r"""|\.(?:include_router|register_blueprint)\([^)]*\b(?:url_)?prefix\s*="""
)
_APPLICATIONS = frozenset({"app", "application", "server", "fastify", "api", "hono", "express"})
_CONTROLLER = re.compile(
    r"""@Controller\(\s*(?:\{[^}]*path\s*:\s*)?(?:["'`](?P<path>[^"'`]*)["'`])?[^)]*\)"""
)
_GET = re.compile(r"""@Get\(\s*(?:["'`](?P<path>[^"'`]*)["'`])?[^)]*\)""")
_GLOBAL_PREFIX = re.compile(r"""setGlobalPrefix\(\s*["'`](?P<path>[^"'`]*)["'`](?P<more>[^;]*)""")
_DJANGO = re.compile(r"""\b(?:path|re_path)\(\s*r?["']\^?(?P<path>[^"'$]*)\$?["']""")


@dataclass(frozen=True)
class Route:
    """A path that the code answers with a GET.

    ``is_sure`` is false where it may be mounted below another path.
    """

    path: str
    file: str
    is_sure: bool = True


def port_in(sources: Sources) -> Said[int] | None:
    """The port that the code names, as its default where it reads ``PORT``."""
    for pattern in _PORTS:
        for path, text in sources:
            found = pattern.search(text)
            if found and 0 < int(found[1]) <= 65535:  # noqa: PLR2004 - ports have 16 bits
                return Said(int(found[1]), f"as in {path}")
    return None


def reads_port(sources: Sources) -> bool:
    """Whether the code asks the environment for ``PORT``."""
    return any(re.search(r"\bPORT\b", text) for _, text in sources)


def listens(sources: Sources) -> bool:
    """Whether the code takes requests at all."""
    return any(_LISTENS.search(text) for _, text in sources)


def listens_on_loopback(sources: Sources, *, fastify: bool = False) -> str:
    """The file that listens on the container's own loopback alone, or nothing.

    Fastify does so where no host is given: https://fastify.dev/docs/latest/Reference/Server/#listen.
    """
    for path, text in sources:
        if _LOOPBACK.search(text) or (fastify and _FASTIFY_ALONE.search(text)):
            return path
    return ""


def health_of(routes: Iterable[Route]) -> Route | None:
    """The route that tells best whether the program is well."""
    ranked = list(_ranked(routes))
    return min(ranked, key=lambda one: (not one[1].is_sure, one[0], one[1].path))[1] if ranked else None


def _ranked(routes: Iterable[Route]) -> Iterator[tuple[int, Route]]:
    for route in routes:
        word = route.path.rstrip("/").rpartition("/")[2].lower()
        if word in HEALTH_WORDS and _VALID_PATH.fullmatch(route.path) and "//" not in route.path:
            yield HEALTH_WORDS.index(word), route


def called_routes(sources: Sources) -> Iterator[Route]:
    """Routes as Express, Fastify, Koa, Hono, Flask and FastAPI write them: ``app.get("/health", …)``."""
    sources = list(sources)
    is_mounted = any(_MOUNT.search(text) for _, text in sources)
    for path, text in sources:
        prefixes = {found["object"]: found["prefix"].rstrip("/") for found in _PREFIXED.finditer(text)}
        for call in _CALL.finditer(text):
            own = call["object"] in _APPLICATIONS
            full = prefixes.get(call["object"], "") + call["path"]
            yield Route(full, path, own or not is_mounted)


def nest_routes(sources: Sources) -> Iterator[Route]:
    """Routes of NestJS controllers, with the application's global prefix."""
    sources = list(sources)
    prefix, excluded = "", ""
    for _, text in sources:
        if found := _GLOBAL_PREFIX.search(text):
            prefix, excluded = found["path"].strip("/"), found["more"]
    for path, text in sources:
        controllers = list(_CONTROLLER.finditer(text))
        for get in _GET.finditer(text):
            above = [found for found in controllers if found.start() < get.start()]
            if not above:
                continue
            parts = [part.strip("/") for part in (above[-1]["path"] or "", get["path"] or "")]
            own = "/".join(part for part in parts if part)
            is_excluded = own and re.search(rf"""["'`]/?{re.escape(own)}["'`]""", excluded)
            yield Route("/" + "/".join(part for part in ("" if is_excluded else prefix, own) if part), path)


def django_routes(sources: Sources, root: str) -> Iterator[Route]:
    """Routes of Django's ``urls.py``; those of the file ``root`` are mounted nowhere else."""
    for path, text in sources:
        if path.endswith("urls.py"):
            for found in _DJANGO.finditer(text):
                yield Route("/" + found["path"], path, path == root)


_FILE_ROUTES = (
    # Next's app router, Next's pages, Nuxt's server, SvelteKit
    re.compile(r"(?:^|.*/)(?:src/)?app/(?P<path>(?:.*/)?[^/]+)/route\.(?:js|ts)$"),
    re.compile(r"(?:^|.*/)(?:src/)?pages/(?P<path>api/.+)\.(?:js|ts)$"),
    re.compile(r"(?:^|.*/)server/(?P<path>api/.+?)(?:\.get)?\.(?:js|ts)$"),
    re.compile(r"(?:^|.*/)server/routes/(?P<path>.+?)(?:\.get)?\.(?:js|ts)$"),
    re.compile(r"(?:^|.*/)src/routes/(?P<path>(?:.*/)?[^/]+)/\+server\.(?:js|ts)$"),
)


def file_routes(paths: Iterable[str]) -> Iterator[Route]:
    """Routes of frameworks in which a file's place is its address."""
    for path in paths:
        for pattern in _FILE_ROUTES:
            if found := pattern.match(path):
                parts = [part for part in found["path"].split("/") if not re.fullmatch(r"\(.*\)", part)]
                yield Route("/" + "/".join(parts).removesuffix("/index"), path)
                break
