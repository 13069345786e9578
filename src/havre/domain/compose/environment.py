"""The variables of an app: text, references to databases, secrets; nothing secret is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from havre.domain.compose.reading import Entry
from havre.domain.compose.state import Service, State
from havre.domain.compose.suspicion import holds_password, is_secret, is_secret_name
from havre.domain.references import escape

_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OF_NGINX_PROXY: Final = frozenset(
    {"VIRTUAL_HOST", "VIRTUAL_PORT", "VIRTUAL_PROTO", "LETSENCRYPT_HOST", "LETSENCRYPT_EMAIL"}
)
_SECRET_FILE: Final = re.compile(r"/run/secrets/([A-Za-z0-9._-]+)")
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*(?::[a-z][a-z0-9+.-]*)?)://(?:(?P<user>[^:@/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<host>[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]*))?(?:/(?P<path>[^?#]*))?(?P<rest>[?#].*)?",
    re.DOTALL,
)
_PAIRS: Final = re.compile(r"(?P<key>[A-Za-z][A-Za-z ]*?)\s*=(?P<value>[^;\s]*)")
_PART_OF: Final = {
    "host": "host",
    "server": "host",
    "port": "port",
    "user": "user",
    "username": "user",
    "user id": "user",
    "password": "password",
    "database": "database",
    "dbname": "database",
}
_CREATED: Final = {"postgres": ("url", "host", "port", "user", "password", "database")}


def convert_environment(state: State, service: Service) -> None:
    """Fill in ``env`` from ``environment`` and ``env_file``."""
    ledger = state.ledger
    tell_env_files(state, service)
    last = {entry.name: entry for entry in service.entries}
    env: dict[str, object] = {}
    for entry in service.entries:
        if last[entry.name] is not entry:
            ledger.changed(entry.node, "", f"{entry.name} is set again, {last[entry.name].node.where}")
        else:
            _convert(state, service, entry, env)
    _add_passwords(state, service, env)
    if env:
        service.body["env"] = env


def tell_env_files(state: State, service: Service) -> None:
    """Say what became of the files of variables themselves, and of an empty ``environment``."""
    ledger = state.ledger
    for file in state.source.env_files(service.node):
        if state.source.read(file.path) is not None:
            if file.path not in state.source.files:
                state.source.files.append(file.path)
            ledger.changed(
                file.node, f"{service.target}.env", "its variables are taken up one by one, see there"
            )
        elif file.is_required:
            ledger.dropped(
                file.node,
                f"{file.path} is not there (it is often kept out of the repository)",
                "put it beside the Compose file and convert again, or set its variables by "
                f"`havre secrets set --from-env-file {file.path}` and name them in env",
            )
        else:
            ledger.dropped(file.node, f"{file.path} is not there, and not required")
    for key in ("environment", "env_file"):
        node = service.node.get(key)
        if node is not None and not node.items and not node.map and not node.text:
            ledger.changed(node, "", "it is empty")


def _convert(state: State, service: Service, entry: Entry, env: dict[str, object]) -> None:
    ledger, target = state.ledger, f"{service.target}.env.{entry.name}"
    if not _ENV_NAME.fullmatch(entry.name):
        ledger.dropped(
            entry.node,
            "names have letters, digits and underscores",
            "give it by command: or a file of the image",
        )
        return
    if entry.name == "PORT" and entry.value and entry.value == str(service.body.get("port", "")):
        ledger.changed(entry.node, f"{service.target}.port", "Havre sets PORT itself")
        return
    if entry.name in _OF_NGINX_PROXY and ("domain" in service.body or "domains" in service.body):
        ledger.changed(
            entry.node, f"{service.target}.domain", "Havre's router takes the place of nginx-proxy"
        )
        return
    if _from_secret_file(state, service, entry, env):
        return
    reference = _reference(state, service, entry)
    if reference is not None and not holds_password(re.sub(r"\$\{[^}]*\}", "$", reference)):
        env[entry.name] = reference
        ledger.changed(entry.node, target, "refers to Havre's own service, which has its own password")
        return
    hidden = is_secret_name(entry.name) or any(is_secret_name(name) for name in entry.node.names)
    if entry.is_open:
        _convert_open(state, service, entry, env, hidden=hidden)
    elif entry.value and _is_worth_hiding(entry):
        env[entry.name] = {"secret": state.need_secret(service, entry)}
        ledger.changed(
            entry.node, target, "it looks like a secret, so its value is not written into the manifest"
        )
    else:
        _convert_text(state, entry, env, target)


def _is_worth_hiding(entry: Entry) -> bool:
    """A switch or a number under a name such as TOKEN_TTL hides nothing."""
    return any(is_secret_name(name) for name in entry.node.names) or is_secret(entry.name, entry.value or "")


def _convert_open(
    state: State, service: Service, entry: Entry, env: dict[str, object], *, hidden: bool
) -> None:
    unset = ", ".join(sorted(entry.node.unset)) or entry.name
    if hidden:
        env[entry.name] = {"secret": state.need_secret(service, entry)}
        why = f"{unset} has no value in .env, and it looks like a secret"
        state.ledger.changed(entry.node, f"{service.target}.env.{entry.name}", why)
        return
    state.need_variable(service, entry)
    state.ledger.dropped(
        entry.node,
        f"{unset} has no value in .env, only a shell would know it",
        f"`havre env set -s {service.name} {entry.name}=VALUE`, or write it under env",
    )


def _convert_text(state: State, entry: Entry, env: dict[str, object], target: str) -> None:
    value = entry.value or ""
    renamed = value
    for other in state.services.values():
        for host in sorted(other.hosts - {other.name}, key=len, reverse=True):
            renamed = _with_host(renamed, host, other.name)
    env[entry.name] = escape(renamed)
    if renamed != value:
        state.ledger.changed(entry.node, target, "a service has another name in the manifest")
    else:
        state.ledger.carried(entry.node, target)


def _with_host(text: str, old: str, new: str) -> str:
    """The text with a host's name replaced where it is one: alone, in a URL, or before a port."""
    if text == old:
        return new
    host = re.escape(old)
    text = re.sub(rf"(?<=://){host}(?=[:/?#]|$)", lambda _: new, text)
    return re.sub(rf"(?<![\w.-]){host}(?=:[0-9]{{2,5}}(?![0-9]))", lambda _: new, text)


def _from_secret_file(state: State, service: Service, entry: Entry, env: dict[str, object]) -> bool:
    match = _SECRET_FILE.fullmatch(entry.value or "")
    if not match or not entry.name.endswith("_FILE"):
        return False
    name = entry.name.removesuffix("_FILE")
    owner = next((m for m in state.managed if _password_file(m) == match[1]), None)
    value: object = f"${{{owner.name}.password}}" if owner else {"secret": state.need_secret_file(match[1])}
    env[name] = value
    state.ledger.changed(
        entry.node,
        f"{service.target}.env.{name}",
        f"secrets are variables here, not files; most programs that read {entry.name} read {name} too",
    )
    return True


def _password_file(service: Service) -> str:
    entry = service.entry("POSTGRES_PASSWORD_FILE", "POSTGRESQL_PASSWORD_FILE", "REDIS_PASSWORD_FILE")
    match = _SECRET_FILE.fullmatch(entry.value or "") if entry else None
    return match[1] if match else ""


# References to databases and caches


def _reference(state: State, service: Service, entry: Entry) -> str | None:
    value = entry.value or ""
    for database in state.managed:
        found = _url(database, value) or _pairs(database, value) or _host(database, value)
        if found:
            return found
    for database in _likely(state, service, entry):
        found = _credential(database, entry)
        if found:
            return found
    return None


def _url(database: Service, value: str) -> str | None:
    match = _URL.fullmatch(value)
    if not match or match["host"] not in database.hosts:
        return None
    rest = escape(match["rest"] or "")
    if database.kind == "redis":
        return _redis_url(database.name, match["scheme"], match["path"] or "") + rest
    return _postgres_url(database.name, match["scheme"], with_user=match["user"] is not None) + rest


def _redis_url(at: str, scheme: str, number: str) -> str:
    if scheme in {"redis", "valkey"} and number in {"", "0"}:
        return f"${{{at}.url}}"
    kept = "redis" if scheme == "valkey" else scheme
    return f"{kept}://:${{{at}.password}}@${{{at}.host}}:${{{at}.port}}/{escape(number)}"


def _postgres_url(at: str, scheme: str, *, with_user: bool) -> str:
    if scheme in {"postgres", "postgresql"}:
        return f"${{{at}.url}}"
    user = f"${{{at}.user}}:${{{at}.password}}@" if with_user else ""
    return f"{scheme}://{user}${{{at}.host}}:${{{at}.port}}/${{{at}.database}}"


def _pairs(database: Service, value: str) -> str | None:
    """Connection strings such as ``host=db user=app`` and ``Host=db;Username=app``."""
    pairs = {match["key"].strip().lower(): match["value"] for match in _PAIRS.finditer(value)}
    if not any(_PART_OF.get(key) == "host" and at in database.hosts for key, at in pairs.items()):
        return None
    known = _CREATED.get(database.kind, ("host", "port", "password"))

    def part(match: re.Match[str]) -> str:
        attribute = _PART_OF.get(match["key"].strip().lower())
        if attribute not in known:
            return escape(match[0])
        return f"{match['key']}=${{{database.name}.{attribute}}}"

    return _PAIRS.sub(part, value)


def _host(database: Service, value: str) -> str | None:
    host, colon, port = value.partition(":")
    if host not in database.hosts or not (not colon or port.isdigit()):
        return None
    return f"${{{database.name}.host}}" + (f":${{{database.name}.port}}" if colon else "")


def _likely(state: State, service: Service, entry: Entry) -> Iterable[Service]:
    """The databases, first those that a variable of the same beginning or depends_on names."""
    prefix = entry.name.partition("_")[0]
    beside = {e.value for e in service.entries if e.name.startswith(prefix) and e.name != entry.name}
    depends = service.node.get("depends_on")
    named = {item.text for item in depends.items} | set(depends.map) if depends else set()

    def rank(database: Service) -> int:
        return 0 if database.hosts & beside else 1 if database.old in named else 2

    return sorted(state.managed, key=rank)


def _credential(database: Service, entry: Entry) -> str | None:
    """A password, user or database name that is the one given to the database."""
    words = set(entry.name.lower().split("_")) | {entry.name.lower()}
    wanted = (
        ("password", {"password", "passwd", "pass", "pwd", "pgpassword", "auth"}),
        ("user", {"user", "username", "pguser"}),
        ("database", {"database", "db", "name", "dbname", "pgdatabase"}),
    )
    for attribute, names in wanted:
        own = _given(database, attribute)
        same = own is not None and (
            (bool(own.value) and own.value == entry.value and not own.is_open)
            or (bool(own.raw) and own.raw == entry.raw and bool(entry.node.names))
        )
        if same and words & names and (database.kind == "postgres" or attribute == "password"):
            return f"${{{database.name}.{attribute}}}"
    return None


def _given(database: Service, attribute: str) -> Entry | None:
    if database.kind == "redis":
        return database.entry("REDIS_PASSWORD", "VALKEY_PASSWORD") if attribute == "password" else None
    names = {
        "password": ("POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"),
        "user": ("POSTGRES_USER", "POSTGRESQL_USERNAME"),
        "database": ("POSTGRES_DB", "POSTGRESQL_DATABASE"),
    }
    return database.entry(*names[attribute])


def _add_passwords(state: State, service: Service, env: dict[str, object]) -> None:
    """A cache that asked for no password does so now: give it to who names the cache's host alone."""
    for cache in state.managed:
        if cache.kind != "redis":
            continue
        reference = f"${{{cache.name}.password}}"
        host = next(
            (k for k, v in env.items() if v == f"${{{cache.name}.host}}" and k.endswith("HOST")), None
        )
        if host and not any(reference in str(value) for value in env.values()):
            name = host.removesuffix("HOST") + "PASSWORD"
            if name not in env:
                env[name] = reference
                state.warnings.append(
                    f"{service.name}: {name} was added, since Havre's {cache.name} asks for a password; "
                    "see that the program reads it"
                )
