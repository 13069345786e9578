"""The Dockerfile of a ``kind: static`` service: files built in one stage, served by nginx from another.

What the user writes (command, arguments, output folder) stands in the Dockerfile only inside JSON
arrays, where no character can end an instruction. Nothing here needs a newer Dockerfile syntax than
the one built into Docker 20.10.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from havre.domain.build import CA_MOUNT, CA_TARGET, SECRET_ID, BuildRequest
from havre.domain.build_failure import OUTPUT_CANDIDATES, OUTPUT_MISSING
from havre.errors import BuildError

NODE_IMAGE = "havre/node:24"
NGINX_IMAGE = "havre/nginx:1"
FILES_ONLY_COMMAND = ["nginx", "-c", "/etc/nginx/files.conf"]
"""Command of the nginx image under which an unknown address is a 404, not ``index.html``."""

IGNORED = "**/.git\n**/node_modules\nhavre.yaml\n"
"""Left out of the build where the repository has no ``.dockerignore``."""

BUILD_STAGE = "build"

_NODE_UID = 1000
_STORE = "/cache/store"
_SITE = "/site"
_CACHE_NAME = re.compile(r"[A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OTHER_MANAGERS = {"yarn.lock": "Yarn", "bun.lock": "Bun", "bun.lockb": "Bun"}
_PNPM_LOCK = "pnpm-lock.yaml"
_PNPM_INPUTS = (_PNPM_LOCK, "pnpm-workspace.yaml", ".npmrc", ".pnpmfile.cjs", ".pnpmfile.mjs")

_COLLECT = f"""\
set -eu
fail() {{
  echo "{OUTPUT_MISSING}$1"
  made=$(find . -name node_modules -prune -o -name index.html -print | head -n 5 | while read -r page; do
    dirname "$page" | sed 's,^\\./,,'; done | paste -s -d ' ' -)
  [ -z "$made" ] || echo "{OUTPUT_CANDIDATES}$made"
  exit 66
}}
listing() {{ ls -A "$1" | head -n 30 | paste -s -d ' ' -; }}
if [ ! -d "$1" ]; then
  above=$1
  while [ ! -d "$above" ]; do above=$(dirname "$above"); done
  fail "the build made no folder ${{1#./}}; in ${{above#./}} there is: $(listing "$above")"
fi
[ -n "$(find "$1" -type f | head -n 1)" ] || fail "the folder ${{1#./}} is empty after the build"
cp -R -- "$1/." {_SITE}
chmod -R a+rX {_SITE}
[ -e {_SITE}/index.html ] || echo "warning: ${{1#./}} has no index.html"
havre-precompress {_SITE}
"""


@dataclass(frozen=True)
class StaticSite:
    """What the manifest says about a static service, and what lies at the top of its context.

    Args:
        output: folder that the command makes, relative to the context; ``.`` for the context itself.
        command: shell command that builds; empty where the repository holds the finished files.
        args: environment of that command alone; ends up in what is built, so nothing secret.
        install: shell command that installs what the build needs, in place of what the lock file says.
        spa: whether an unknown address gets ``index.html`` (else 404).
        cache: name under which builds share the package store; the project's, so that projects cannot
            change each other's.
        files: names at the top of the context (:func:`top_files`).
        secrets: ids of the build secrets that installing and building may read.
    """

    output: str
    command: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    spa: bool = True
    cache: str = ""
    files: Collection[str] = ()
    install: str = ""
    secrets: Collection[str] = ()
    node_image: str = NODE_IMAGE
    nginx_image: str = NGINX_IMAGE


def top_files(context: Path) -> frozenset[str]:
    """Names of what lies at the top of a folder."""
    return frozenset(entry.name for entry in context.iterdir())


def static_request(context: Path, site: StaticSite, **more: object) -> BuildRequest:
    """The build of a static service; ``more`` are further fields of :class:`BuildRequest`."""
    fields: dict[str, object] = {
        "context": context,
        "dockerfile_text": static_dockerfile(site),
        "ignore_text": IGNORED,
        **more,
    }
    return BuildRequest(**fields)  # type: ignore[arg-type]


def static_dockerfile(site: StaticSite) -> str:
    """The Dockerfile that builds the files, compresses them beforehand and puts them behind nginx.

    Raises:
        BuildError: the output folder lies outside the context, the package manager is not one we
            have, or something contains a NUL character.
    """
    output = _output(site.output)
    if any("\0" in text for text in (site.command, site.install, *site.args, *site.args.values())):
        raise BuildError("The build command or one of its arguments contains a NUL character.")
    if wrong := [name for name in site.args if not _VARIABLE.fullmatch(name)]:
        raise BuildError(f"{wrong[0]!r} is not a valid build argument.", hint="Correct build.args.")
    lines = [
        "# Written by Havre from havre.yaml",
        f"FROM {site.node_image} AS {BUILD_STAGE}",
        _run(["install", "-d", "-o", "node", "-g", "node", "/app", _SITE]),
        "USER node",
        "WORKDIR /app",
        *_install(site),
    ]
    if site.command.strip():
        environment = [
            *(_PNPM_ENV if _PNPM_LOCK in site.files else ()),
            *(f"{name}={value}" for name, value in sorted(site.args.items())),
        ]
        lines.append(_download(site, *environment, "sh", "-ec", site.command))
    lines += [
        _run(["sh", "-c", _COLLECT, "collect", output]),
        f"FROM {site.nginx_image}",
        _array(f"COPY --from={BUILD_STAGE}", [f"{_SITE}/", "/srv/"]),
    ]
    if not site.spa:
        lines.append(_array("CMD", FILES_ONLY_COMMAND))
    return "\n".join(lines) + "\n"


def _install(site: StaticSite) -> list[str]:
    """Instructions that bring the sources and their dependencies; the lock file decides with what."""
    files = set(site.files)
    sources = _array("COPY --chown=node:node", [".", "./"])
    if site.install.strip():
        return [sources, _download(site, *_PNPM_ENV, "sh", "-ec", site.install)]
    if "package.json" not in files:
        return [sources]
    if _PNPM_LOCK in files:
        pnpm = ["pnpm", f"--store-dir={_STORE}", "--config.package-import-method=copy"]
        inputs = [name for name in _PNPM_INPUTS if name in files]
        patches = [_array("COPY --chown=node:node", ["patches", "./patches/"])] if "patches" in files else []
        return [
            _array("COPY --chown=node:node", [*inputs, "./"]),
            *patches,  # pnpm fetch reads what the lock file says is patched
            _download(site, *_PNPM_ENV, *pnpm, "fetch"),
            sources,
            _download(site, *_PNPM_ENV, *pnpm, "install", "--offline", "--frozen-lockfile"),
        ]
    npm = ["npm", f"--cache={_STORE}", "--no-audit", "--no-fund", "--no-progress"]
    if "package-lock.json" in files or "npm-shrinkwrap.json" in files:
        return [sources, _download(site, "CI=true", *npm, "ci", "--prefer-offline")]
    for lock, manager in _OTHER_MANAGERS.items():
        if lock in files:
            raise BuildError(
                f"{manager} is not in the platform's Node image ({lock} was found).",
                hint="Use pnpm or npm (pnpm import turns yarn.lock into pnpm-lock.yaml), or build with a "
                "Dockerfile of your own: kind: app.",
            )
    warning = "warning: no lock file (pnpm-lock.yaml, package-lock.json): versions may differ at each build"
    return [
        sources,
        _run(["echo", warning]),
        _download(site, "CI=true", *npm, "install", "--no-package-lock"),
    ]


_PNPM_ENV = (
    "CI=true",
    # The pnpm of the image is the one to use, whatever package.json names: no download of another.
    "npm_config_manage_package_manager_versions=false",
    "npm_config_package_manager_strict=false",
    "pnpm_config_manage_package_manager_versions=false",
    "pnpm_config_package_manager_strict=false",
)


def _cache_id(site: StaticSite) -> str:
    if not _CACHE_NAME.fullmatch(site.cache):
        raise BuildError(f"{site.cache!r} cannot name a cache.")
    return f"havre-{site.cache}-node" if site.cache else "havre-node"


def _run(command: list[str]) -> str:
    return _array("RUN", command)


def _download(site: StaticSite, *command: str) -> str:
    """A RUN that may download; ``command`` may begin with variables, ``NAME=value``."""
    store = f"--mount=type=cache,id={_cache_id(site)},target={_STORE},uid={_NODE_UID},gid={_NODE_UID}"
    mounts = " ".join((CA_MOUNT, store, *(_secret(name) for name in sorted(site.secrets))))
    return _array(f"RUN {mounts}", ["env", f"NODE_EXTRA_CA_CERTS={CA_TARGET}", *command])


def _secret(name: str) -> str:
    if not re.fullmatch(SECRET_ID, name):
        raise BuildError(f"{name!r} is not a valid build secret.", hint="Correct build.secrets.")
    return f"--mount=type=secret,id={name},required=true,uid={_NODE_UID},gid={_NODE_UID},mode=0400"


def _array(instruction: str, words: list[str]) -> str:
    """An instruction in exec form.

    JSON escapes every character that ends a line; ``<`` is escaped too, so that no ``<<`` can begin a
    here-document in a newer Dockerfile syntax.
    """
    return f"{instruction} {json.dumps(words)}".replace("<", "\\u003c")


def _output(output: str) -> str:
    path = PurePosixPath(output)
    if not output.strip() or path.is_absolute() or ".." in path.parts or any(c < " " for c in output):
        raise BuildError(
            f"The output folder {output!r} is not a folder below the build context.",
            hint="Set build.output to the folder the build command makes, such as dist.",
        )
    return f"./{path}"
