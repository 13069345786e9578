"""The words a manifest is written in: names, paths, durations, sizes, commands.

Units. A duration is text such as ``500ms``, ``10s`` or ``1m30s`` and is kept as **seconds** (float,
whole milliseconds). A size is text such as ``256M`` and is kept as **bytes** (int); ``K``, ``M``,
``G`` and ``T`` count in 1024, with or without ``B`` or ``iB``, as Docker, nginx and PostgreSQL do
(pydantic's ByteSize counts in 1000 and knows bits, so it is not used). Both are written back as
text, so that what is stored is what a manifest could say.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StrictInt, WithJsonSchema

from havre.domain.build import CA_SECRET, SECRET_ID
from havre.domain.images import IMAGE_PATTERN, LONGEST_NAME
from havre.manifest.wording import fail, show

NAME_PATTERN: Final = r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?"
ENV_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
DURATION_PATTERN: Final = r"(?:[0-9]{1,16}(?:ms|s|m|h|d))+"
SIZE_PATTERN: Final = r"[0-9]{1,16}(?:[KMGT](?:i?B)?|B)"
_HOST_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
HOST_PATTERN: Final = rf"(?:{_HOST_LABEL}\.)+{_HOST_LABEL}|localhost"
ROUTE_PATTERN: Final = r"/[A-Za-z0-9._~@%+,:=/-]*"
HEALTH_PATTERN: Final = ROUTE_PATTERN + r"(?:\?[A-Za-z0-9._~@%+,:=/&-]*)?"
TIME_PATTERN: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
BRANCH_PATTERN: Final = r"[A-Za-z0-9_][A-Za-z0-9._/@+#=-]{0,199}"
IDENTIFIER_PATTERN: Final = r"[a-z_][a-z0-9_]{0,62}"
USER_PATTERN: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?"

_HOST_LONGEST: Final = 253
_PATTERN_LONGEST: Final = 200
_MILLISECONDS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_LONGEST_DURATION_S: Final = 10 * 365 * 86_400
_BYTES: Final = {"B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_LARGEST_SIZE: Final = 1024**5
_SHELL_TOKENS: Final = frozenset({"&&", "||", "|", ";", "&", ">", ">>", "<", "<<", "2>", "2>&1"})
_SYSTEM_FOLDERS: Final = ("/proc", "/sys", "/dev", "/run/secrets")
LOCAL_SUFFIXES: Final = ("localhost", "test", "local", "internal")
"""Top-level names that are never public, so that no certificate can be had for them."""


def _text_schema(pattern: str, **more: object) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern})$", **more})


def is_local(host: str) -> bool:
    """Whether a host name is one that only this machine or network knows."""
    return host.rpartition(".")[2] in LOCAL_SUFFIXES


def is_name(text: str) -> bool:
    """Whether a text can be the name of a project, an environment, a service and the like."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def _name(text: str) -> str:
    if not is_name(text):
        raise fail(
            f"{show(text)} is not a name",
            "use 1 to 30 lower-case letters, digits and hyphens; begin with a letter, end with no hyphen",
        )
    return text


def _env_name(text: str) -> str:
    if not re.fullmatch(ENV_PATTERN, text):
        raise fail(
            f"{show(text)} is not the name of a variable",
            "use letters, digits and underscores, and do not begin with a digit",
        )
    return text


def _build_secret(text: str) -> str:
    if not re.fullmatch(SECRET_ID, text):
        raise fail(f"{show(text)} is not the id of a build secret", "use letters, digits, dots and hyphens")
    if text == CA_SECRET:
        raise fail(f"is {show(text)}, which Havre gives to every build itself", "choose another id")
    return text


def _identifier(text: str) -> str:
    if not re.fullmatch(IDENTIFIER_PATTERN, text) or text.startswith("pg_"):
        raise fail(
            f"got {show(text)}, which PostgreSQL does not take as a plain name",
            "use lower-case letters, digits and underscores, and do not begin with a digit or pg_",
        )
    return text


def _host(text: str) -> str:
    if re.fullmatch(HOST_PATTERN, text) and len(text) <= _HOST_LONGEST:
        if text.rpartition(".")[2].isdigit():
            raise fail(f"got the address {show(text)}", "a domain is a name, such as app.example.org")
        return text
    raise fail(f"got {show(text)}, which is not a host name", _host_remedy(text))


_HOST_REMEDIES: Final = {
    "://": "leave out the scheme: example.org, not https://example.org",
    "*": "wildcards are not possible; list the hosts under domains",
    "/": "write domains: [{host: example.org, paths: [/path]}] for a path",
    ":": "leave out the port; the server decides on which ports it listens",
}


def _host_remedy(text: str) -> str:
    for sign, remedy in _HOST_REMEDIES.items():
        if sign in text:
            return remedy
    if not text.isascii():
        return "write its ASCII form, which begins with xn--"
    if text != text.lower() and re.fullmatch(HOST_PATTERN, text.lower()):
        return f"write it in lower case: {text.lower()[:80]}"
    return "write a full name such as app.example.org (at most 253 characters)"


def _image(text: str) -> str:
    if re.fullmatch(IMAGE_PATTERN, text) and len(text) <= LONGEST_NAME:
        return text
    remedy = "write it as `docker pull` takes it, such as registry.example.org/team/api:1.4"
    if "://" in text:
        remedy = "leave out the scheme: registry.example.org/team/api:1.4"
    elif text != text.lower() and re.fullmatch(IMAGE_PATTERN, text.lower()):
        remedy = "write the part before the tag in lower case"
    raise fail(f"got {show(text)}, which is not the name of an image", remedy)


def _user(text: str) -> str:
    if not re.fullmatch(USER_PATTERN, text):
        raise fail(f"got {show(text)}", 'write a user or user:group, by names or numbers, in quotes: "1000"')
    return text


def _clean_path(text: str, pattern: str) -> str:
    path = text.partition("?")[0]
    if not re.fullmatch(pattern, text):
        remedy = "begin with a slash and use letters, digits and . _ ~ - @ % + , : ="
        raise fail(f"got {show(text)}, which is not a path of a URL", remedy)
    if "//" in path or {"..", "."} & set(path.split("/")):
        raise fail(f"got {show(text)}", "write the path without //, /./ and /../")
    return text


def _repository_path(text: str) -> str:
    remedy = "write a path inside the repository, such as apps/api"
    if not text or "\\" in text or ":" in text or re.search(r"[\x00-\x1f\x7f]", text):
        raise fail(f"got {show(text)}, which is not a path of the repository", remedy)
    if text.startswith(("/", "~", "-")):
        raise fail(f"got {show(text)}, which is not relative", remedy)
    clean = posixpath.normpath(text)
    if clean.split("/")[0] == "..":
        raise fail(f"got {show(text)}, which leaves the repository", remedy)
    return clean


def _container_path(text: str) -> str:
    clean = posixpath.normpath(text)
    if not text.startswith("/") or text.startswith("//") or re.search(r"[\x00-\x1f\x7f:,\\]", text):
        raise fail(f"got {show(text)}", "write an absolute path in the container, such as /data")
    if ".." in text.split("/"):
        raise fail(f"got {show(text)}", "write the path without ..")
    if clean == "/" or any(clean == f or clean.startswith(f + "/") for f in _SYSTEM_FOLDERS):
        raise fail(f"got {show(text)}, which belongs to the system", "mount a folder such as /data")
    return clean


def _branch(text: str) -> str:
    # The rules of git-check-ref-format, and no leading hyphen, which git would take for an option.
    bad = ".." in text or "//" in text or "@{" in text or text.endswith(("/", ".", ".lock"))
    if bad or not re.fullmatch(BRANCH_PATTERN, text):
        raise fail(f"got {show(text)}, which is not the name of a branch", "write it as `git branch` does")
    return text


def parse_duration(value: object) -> float:
    """Seconds of a duration's text: ``500ms``, ``10s``, ``1m30s``, ``7d``."""
    remedy = "write a number and a unit, such as 500ms, 10s, 5m, 1h or 7d"
    if not isinstance(value, str):
        if isinstance(value, int) and not isinstance(value, bool):
            raise fail(f"got {show(value)}, a duration without a unit", f"write {value}s for seconds")
        raise fail(f"got {show(value)}, expected a duration", remedy)
    if not re.fullmatch(DURATION_PATTERN, value):
        raise fail(f"got {show(value)}, expected a duration", remedy)
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", value)
    seconds = sum(int(number) * _MILLISECONDS[unit] for number, unit in parts) / 1000
    if seconds > _LONGEST_DURATION_S:
        raise fail(f"got {show(value)}, which is more than ten years", remedy)
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text of a duration with one unit: ``90s``, ``5m``, ``1500ms``."""
    milliseconds = round(seconds * 1000)
    if not milliseconds:
        return "0s"
    unit, factor = next((u, f) for u, f in reversed(_MILLISECONDS.items()) if milliseconds % f == 0)
    return f"{milliseconds // factor}{unit}"


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise fail("is zero", "write a longer duration, such as 1s")
    return seconds


def parse_size(value: object) -> int:
    """Bytes of a size's text: ``256M`` and ``256MiB`` are 256 times 1024 times 1024."""
    remedy = "write a whole number and a unit, such as 512K, 256M or 1G (in steps of 1024)"
    if not isinstance(value, str):
        if isinstance(value, int) and not isinstance(value, bool):
            raise fail(f"got {show(value)}, a size without a unit", f"write {value}M, or {value}B for bytes")
        raise fail(f"got {show(value)}, expected a size", remedy)
    if not re.fullmatch(SIZE_PATTERN, value):
        raise fail(f"got {show(value)}, expected a size", remedy)
    number, unit = re.findall(r"([0-9]+)(.)", value)[0]
    size = int(number) * _BYTES[unit]
    if not 0 < size <= _LARGEST_SIZE:
        raise fail(f"got {show(value)}", "write a size from 1B to 1024T")
    return size


def format_size(size: int) -> str:
    """The shortest text of a size without loss: ``256M``, ``1G``, ``1000B``."""
    unit, factor = next((u, f) for u, f in reversed(_BYTES.items()) if size % f == 0)
    return f"{size // factor}{unit}"


def parse_command(value: object) -> object:
    """Arguments of a command that is written as text, as a shell would split it.

    There is no shell: text that would need one is refused, rather than passed on as odd arguments.
    """
    if not isinstance(value, str):
        return value
    shell = 'write a list that starts the shell: [sh, -c, "…"]'
    try:
        arguments = shlex.split(value)
    except ValueError as error:
        raise fail(f"got {show(value)}, whose quotes do not match", "close the quote") from error
    if not arguments:
        raise fail("is empty", "write the command, or leave the key out")
    needs = next((a for a in arguments if a in _SHELL_TOKENS or a.endswith(";") or set(a) & {"$", "`"}), None)
    if needs is not None:
        raise fail(f"holds {show(needs)}, which only a shell understands", shell)
    return tuple(arguments)


def _arguments(arguments: tuple[str, ...]) -> tuple[str, ...]:
    if not arguments or not arguments[0]:
        raise fail("is empty", "write the command, or leave the key out")
    return arguments


def _time(text: str) -> str:
    if not re.fullmatch(TIME_PATTERN, text):
        raise fail(f"got {show(text)}, expected a time of day", 'write hours and minutes, such as "03:00"')
    return text


def _log_pattern(text: str) -> str:
    from havre.domain.readiness import LogPattern  # noqa: PLC0415 - see there

    if not text or len(text) > _PATTERN_LONGEST:
        raise fail("is not between 1 and 200 characters", "write a few words of the line")
    try:
        LogPattern(text)
    except ValueError as error:
        raise fail(
            f"got {show(text)}, which is not a regular expression: {error}",
            "put a backslash before signs that stand for themselves; there are no look-arounds",
        ) from error
    return text


def parse_text(value: object) -> object:
    """Text of an environment variable: whole numbers are taken as they stand, the rest must be text."""
    if isinstance(value, bool):
        word = str(value).lower()
        raise fail("got true or false, which programs read differently", f'put it in quotes: "{word}"')
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        raise fail("got a number with a decimal point", "put it in quotes, so that no digit is lost")
    return value


PATTERN_WORDS: Final = {
    f"^(?:{pattern})$": word
    for pattern, word in (
        (NAME_PATTERN, "name"),
        (HOST_PATTERN, "host name"),
        (ROUTE_PATTERN, "path"),
        (HEALTH_PATTERN, "path"),
        (DURATION_PATTERN, "duration"),
        (SIZE_PATTERN, "size"),
        (TIME_PATTERN, "time of day"),
        (IMAGE_PATTERN, "image"),
    )
}
"""What the reference page calls text of a pattern."""

Name = Annotated[str, AfterValidator(_name), _text_schema(NAME_PATTERN)]
EnvName = Annotated[str, AfterValidator(_env_name), _text_schema(ENV_PATTERN)]
BuildSecretId = Annotated[str, AfterValidator(_build_secret), _text_schema(SECRET_ID)]
PostgresName = Annotated[str, AfterValidator(_identifier), _text_schema(IDENTIFIER_PATTERN)]
HostName = Annotated[str, AfterValidator(_host), _text_schema(HOST_PATTERN, maxLength=_HOST_LONGEST)]
RoutePath = Annotated[
    str, AfterValidator(lambda t: _clean_path(t, ROUTE_PATTERN)), _text_schema(ROUTE_PATTERN)
]
HealthPath = Annotated[
    str, AfterValidator(lambda t: _clean_path(t, HEALTH_PATTERN)), _text_schema(HEALTH_PATTERN)
]
RepositoryPath = Annotated[str, AfterValidator(_repository_path)]
ContainerPath = Annotated[str, AfterValidator(_container_path), _text_schema("/.+")]
ImageReference = Annotated[str, AfterValidator(_image), _text_schema(IMAGE_PATTERN, maxLength=LONGEST_NAME)]
ContainerUser = Annotated[str, AfterValidator(_user), _text_schema(USER_PATTERN)]
Branch = Annotated[str, AfterValidator(_branch), _text_schema(BRANCH_PATTERN)]
TimeOfDay = Annotated[str, AfterValidator(_time), _text_schema(TIME_PATTERN)]
Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    _text_schema(DURATION_PATTERN),
]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str),
    _text_schema(SIZE_PATTERN),
]
Command = Annotated[
    tuple[str, ...],
    BeforeValidator(parse_command),
    AfterValidator(_arguments),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
LogPattern = Annotated[
    str,
    AfterValidator(_log_pattern),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _PATTERN_LONGEST}),
]
StopSignal = Literal["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]
Count = Annotated[StrictInt, Field(ge=1, le=100)]
PlainText = Annotated[
    str,
    BeforeValidator(parse_text),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
]
