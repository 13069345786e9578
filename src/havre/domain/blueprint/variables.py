"""What becomes of the variables in ``.env.example``: references, secrets, plain values, questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from havre.domain import references
from havre.domain.blueprint.example_files import Example
from havre.domain.blueprint.libraries import is_postgres_url
from havre.domain.blueprint.naming import name_of
from havre.domain.blueprint.proposal import Entry, Gap

_SET_BY_HAVRE = frozenset(
    {"PORT", "NODE_ENV", "HOST", "HOSTNAME", "BIND", "PYTHONUNBUFFERED", "NEXT_TELEMETRY_DISABLED"}
)
_NOT_IN_PRODUCTION = re.compile(r"(^|_)(TEST|SHADOW|E2E|CI)(_|$)|^(FLASK_|DJANGO_|APP_)?DEBUG$")
_STAGE = re.compile(r"^(APP_|FLASK_|DJANGO_|RAILS_)?(ENV|ENVIRONMENT)$")
_SECRET = re.compile(
    r"SECRET|PASSWORD|PASSPHRASE|PRIVATE_KEY|(^|_)(TOKEN|PASS|PASSWD|API_?KEY|KEY|SALT|PEPPER|CREDENTIALS?|DSN)$"
)
_NO_SECRET = re.compile(
    r"PUBLIC_KEY|PUBLISHABLE|SITE_KEY|^(USE|ENABLE|REQUIRE|ALLOW)_"
    r"|_(ID|NAME|TTL|EXPIRES?(_IN)?|EXPIRATION|LENGTH|ROUNDS|URL|ENABLED|TIMEOUT|AGE|DAYS|HOURS|MINUTES|SECONDS)$"
)
_POSTGRES_PART = re.compile(
    r"^(?:DB|DATABASE|POSTGRES|POSTGRESQL|PG|PGSQL|SQL)_?(?P<part>HOST|HOSTNAME|SERVER|PORT|USER|USERNAME|PASSWORD|PASS|NAME|DB|DATABASE|DBNAME)$"
)
_REDIS_PART = re.compile(r"^(?:REDIS|CACHE|QUEUE)_?(?P<part>HOST|HOSTNAME|PORT|PASSWORD|PASS)$")
_ATTRIBUTES = {
    "HOSTNAME": "host", "SERVER": "host", "USERNAME": "user", "PASS": "password", "NAME": "database",
    "DB": "database", "DBNAME": "database",
}  # fmt: skip
_POSTGRES_NAME = re.compile(r"(^|_)(DATABASE|POSTGRES|POSTGRESQL|DB|PG)_UR[LI]$|^SQLALCHEMY_DATABASE_URI$")
_REDIS_NAME = re.compile(r"(^|_)REDIS_UR[LI]$")
_OTHER_DATABASE = re.compile(r"^(mysql|mariadb|mongodb(\+srv)?|amqps?|kafka|nats|elasticsearch)(\+\w+)?://")
_THIS_MACHINE = re.compile(r"^(https?|wss?)://(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d+)?(?P<rest>/.*)?$")
_THIS_HOST = re.compile(r"(localhost|127\.0\.0\.1|host\.docker\.internal)(:\d+)?")
_OF_PAGES = re.compile(r"WEB|FRONT|CLIENT|CORS|ORIGIN|SITE|UI_")
_OF_THE_API = re.compile(r"API|BACKEND|SERVER")
_OWN = re.compile(
    r"^(APP|BASE|PUBLIC|SELF|NEXTAUTH|AUTH|BETTER_AUTH|AUTH_TRUST|ROOT|HOST)_?(URL|URI|ORIGIN)$"
)


@dataclass(frozen=True)
class Around:
    """What a component's variables can refer to: names of services, empty where there is none."""

    own: str
    database: str = ""
    cache: str = ""
    pages: str = ""
    api: str = ""
    is_public: bool = True
    """Whether the component has a domain of its own."""


@dataclass(frozen=True)
class Decided:
    """What a variable became: an entry, or nothing and maybe a gap; ``secret`` names the one it needs."""

    entry: Entry | None = None
    gap: Gap | None = None
    secret: str = ""


def needs_postgres(found: list[Example]) -> str:
    """Why these variables want a PostgreSQL database, or nothing."""
    return next((f"{one.name} in {one.file}" for one in found if is_postgres_url(one.value)), "")


def needs_redis(found: list[Example]) -> str:
    """Why these variables want a Redis, or nothing."""
    return next((f"{one.name} in {one.file}" for one in found if _redis_url(one.value)), "")


def _redis_url(value: str) -> bool:
    return value.startswith(("redis://", "rediss://"))


def why_left(name: str) -> str:
    """Why a variable is left out on purpose; empty if it is not."""
    if name in _SET_BY_HAVRE:
        return "which Havre and the image set"
    return "not for production" if _NOT_IN_PRODUCTION.search(name) else ""


def decide(example: Example, around: Around) -> Decided:
    """What becomes of a variable at run time."""
    name, value = example.name, example.value
    if why_left(name):
        return Decided()
    if _STAGE.match(name):
        return Decided(Entry(name, "production", f"{value or 'empty'} in {example.file}"))
    return _of_data(example, around) or _of_value(example, around)


def _of_value(example: Example, around: Around) -> Decided:
    name, value = example.name, example.value
    if _OTHER_DATABASE.match(value):
        kind = value.partition(":")[0]
        gap = Gap(
            f"{around.own}.env.{name}",
            f"Havre runs no {kind} itself",
            f"run it elsewhere and set the secret {_secret_name(name)} to its address",
            blocking=True,
        )
        return _secret(example, gap)
    if looks_secret(name, value):
        return _secret(example)
    if local := _THIS_MACHINE.match(value):
        return _address(example, around, local["rest"] or "")
    if _THIS_HOST.fullmatch(value):
        return _of_this_machine(example, around)
    if value:
        return Decided(Entry(name, references.escape(value), f"as in {example.file}"))
    gap = Gap(
        f"{around.own}.env.{name}",
        f"{example.file} names {name} without a value",
        f"havre env set {name}=VALUE, or add it to env",
    )
    return Decided(gap=gap)


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable holds something to be kept secret, by its name or by a password in an address.

    A short number is no sign of the contrary: example files give ``JWT_SECRET=123456``.
    """
    if "\n" in value:  # a key or a certificate
        return True
    upper = name.upper()
    if value.lower() in {"true", "false"} and "PASS" not in upper:
        return False
    has_password = "://" in value and bool(_password(value))
    return has_password or (bool(_SECRET.search(upper)) and not _NO_SECRET.search(upper))


def _password(value: str) -> str:
    try:
        return urlsplit(value).password or ""
    except ValueError:
        return ""


def _secret_name(name: str) -> str:
    return name_of(name, "secret")


def _secret(example: Example, gap: Gap | None = None) -> Decided:
    secret = _secret_name(example.name)
    entry = Entry(example.name, (Entry("secret", secret),), f"havre secrets set {secret}")
    return Decided(entry, gap, secret)


def _of_data(example: Example, around: Around) -> Decided | None:
    """A variable that leads to the environment's database or cache."""
    name, value = example.name, example.value
    why = f"{name} in {example.file}"
    if around.database:
        if is_postgres_url(value) or (_POSTGRES_NAME.search(name) and not value.partition("://")[1]):
            return Decided(Entry(name, _database_url(value, around.database), "the database above"))
        if part := _POSTGRES_PART.match(name):
            attribute = _ATTRIBUTES.get(part["part"], part["part"].lower())
            return Decided(Entry(name, f"${{{around.database}.{attribute}}}", why))
    if around.cache:
        if _redis_url(value) or _REDIS_NAME.search(name):
            return Decided(Entry(name, _cache_url(value, around.cache), "the cache above"))
        if part := _REDIS_PART.match(name):
            attribute = _ATTRIBUTES.get(part["part"], part["part"].lower())
            return Decided(Entry(name, f"${{{around.cache}.{attribute}}}", why))
    return None


def _database_url(value: str, service: str) -> str:
    """The address of the database, with the driver and the settings that the example gives."""
    scheme, _, rest = value.partition("://")
    query = f"?{references.escape(rest.partition('?')[2])}" if "?" in rest else ""
    if "+" in scheme or scheme == "postgis":
        parts = "{0}.user}}:{0}.password}}@{0}.host}}:{0}.port}}/{0}.database}}".format("${" + service)
        return f"{scheme}://{parts}{query}"
    return f"${{{service}.url}}{query}"


def _cache_url(value: str, service: str) -> str:
    number = re.search(r"/(\d+)$", value)
    if number and number[1] != "0":
        start = "redis://:{0}.password}}@{0}.host}}:{0}.port}}/".format("${" + service)
        return start + number[1]
    return f"${{{service}.url}}"


def _address(example: Example, around: Around, rest: str) -> Decided:
    """An address of this machine, which in production is that of a service."""
    name = example.name
    rest = "" if rest == "/" else references.escape(rest)
    to = ""
    if _OWN.match(name):
        to = around.own if around.is_public else around.api
    elif _OF_PAGES.search(name) and around.pages and around.pages != around.own:
        to = around.pages
    elif _OF_THE_API.search(name):
        to = around.api
    if to:
        return Decided(Entry(name, f"${{{to}.public_url}}{rest}", f"{example.value} in {example.file}"))
    return _of_this_machine(example, around)


def _of_this_machine(example: Example, around: Around) -> Decided:
    """An address that leads nowhere in production, and of which nothing tells what stands there."""
    gap = Gap(
        f"{around.own}.env.{example.name}",
        f"{example.value} in {example.file} is an address of a developer's machine",
        f"havre env set {example.name}=VALUE, or add it to env",
    )
    return Decided(gap=gap)
