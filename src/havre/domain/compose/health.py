"""Health checks: a URL becomes ``health`` of an app with a port, any other check ``ready`` of one without."""

from __future__ import annotations

import re
import shlex
from typing import Final

from havre.domain.compose.state import Service, State
from havre.domain.compose.suspicion import holds_secret
from havre.domain.compose.tree import Node
from havre.domain.compose.words import command_of, duration, seconds_of

_CHECK_URL: Final = re.compile(
    r"(https?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]|[A-Za-z0-9_.-]+)(?::([0-9]+|\$\{?\w+\}?))?"
    r"(?![A-Za-z0-9_.:-])(/[^\s\"'|;)&]*)?"
)
_ANY_URL: Final = re.compile(r"https?://")
_HEALTH: Final = re.compile(r"/[A-Za-z0-9._~@%+,:=/-]*(?:\?[A-Za-z0-9._~@%+,:=/&-]*)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PATIENCE: Final = 60.0
_MOST_RETRIES: Final = 100
_FROM_VARIABLE: Final = re.compile(r"[\w-]*[= ]?\"?\$\{?\w+\}?\"?")
"""An option that takes its value from a variable of the container: it gives nothing away."""
_NAME_A_PATH: Final = "name a path that answers 200 when the program can take requests"
_UNKNOWN: Final = "it is no part of a health check that Havre knows"

# Only its words say that a command needs no shell: nothing that one expands, joins or quotes in its way.
_PLAIN: Final = re.compile(r"[\w\s./:@%+,=-]+")
_OR_FAIL: Final = re.compile(r"\s*\|\|\s*(?:exit\s+[1-9][0-9]*|false|kill\s+(?:-[A-Z0-9]+\s+)?1)\s*;?\s*$")
_BUILTINS: Final = frozenset({".", ":", "cd", "command", "eval", "exec", "exit", "set", "source", "type"})

_SELF: Final = r"localhost|127\.0\.0\.1|0\.0\.0\.0|::1|\[::1\]|\$\(hostname\)|\$\{?HOSTNAME\}?"
_TIMED: Final = r"(?:timeout (?:-t )?[0-9.]+s? )?"
_BY_SHELL: Final = r"(?:(?:cat|echo|:|true|exec [0-9]?) ?)?(?:< ?/dev/null ?)?[0-9]?(?:<>|[<>]) ?"
_QUIETLY: Final = r"(?: ?(?:&>|>|2>) ?/dev/null)?(?: ?2>&1)?"
_PORT_TESTS: Final = (
    _TIMED + r"(?:nc|ncat|netcat) (?P<flags>(?:-[a-z0-9]+ (?:[0-9]+ )?)+)(?P<host>{hosts}) (?P<port>[0-9]+)",
    _TIMED + rf"\(?{_BY_SHELL}/dev/tcp/(?P<host>{{hosts}})/(?P<port>[0-9]+)\)?{_QUIETLY}",
)


def asked_url(service: Service) -> tuple[int | None, str] | None:
    """Port and path of the URL that the health check asks for, None if it asks for none."""
    test = service.node.get("healthcheck", "test")
    words = command_of(test) or [] if test else []
    text = " ".join(words)
    match = _CHECK_URL.search(text)
    if not match:
        return (None, "/") if _ANY_URL.search(text) else None
    path = (match[3] or "/").rstrip("\\")
    port = match[2] or str(_DEFAULT_PORTS[match[1]])
    return (int(port) if port.isdecimal() else None, path if _HEALTH.fullmatch(path) else "/")


def has_other_check(service: Service) -> bool:
    """Whether it has a health check, which asks for no URL."""
    check = service.node.get("healthcheck")
    return check is not None and _has_test(check) and asked_url(service) is None


def convert_health(state: State, service: Service, main: int | None) -> None:
    """Fill in ``health`` of an app that listens on ``main``, or ``ready`` of one that takes no requests."""
    ledger, check = state.ledger, service.node.get("healthcheck")
    if check is None:
        if main is not None:
            _guess(state, service, "no health check is told")
        return
    if main is None:
        _ready(state, service, check)
        return
    test, disabled, url = check.get("test"), check.get("disable"), asked_url(service)
    if not _has_test(check):
        for node in filter(None, (disabled, test)):
            ledger.dropped(node, "Havre asks every app with a port whether it is healthy, here at /")
        is_off = test is not None or (disabled is not None and disabled.is_true)
        _guess(state, service, "its health check is switched off" if is_off else "no health check is told")
    elif test is not None and url is not None:
        service.body["health"] = url[1]
        told = f"Havre asks for {url[1]} from outside, without a tool in the image"
        if url[0] not in {None, main}:
            told += f", at port {main} instead of {url[0]}"
        ledger.changed(test, f"{service.target}.health", told)
    elif test is not None:
        reason = "it is no request: Havre asks a path of HTTP, and / is a guess"
        ledger.dropped(test, reason, _NAME_A_PATH)
        _guess(state, service, "its health check asks for no URL")
    _times_of_health(state, service, check)


def _guess(state: State, service: Service, why: str) -> None:
    """Tell that nothing says which path to ask."""
    service.notes.append(f"health: a guess; {_NAME_A_PATH}")
    state.warnings.append(f"{service.name}: {why}, so health: / is a guess")


def _has_test(check: Node) -> bool:
    """Whether it checks anything: ``disable: true`` and ``test: [NONE]`` do not."""
    test, disabled = check.get("test"), check.get("disable")
    if test is None or (disabled is not None and disabled.is_true):
        return False
    first = test.items[0].text if test.items else test.text
    return first.strip().upper() not in {"", "NONE"}


def _times_of_health(state: State, service: Service, check: Node) -> None:
    """Timeout and retries are kept; the beginning gets the time that Compose gave it."""
    ledger, target = state.ledger, f"{service.target}.health"
    health: dict[str, object] = {"path": service.body["health"]}
    _timeout_and_retries(state, check, target, health)
    begin, interval = check.get("start_period"), check.get("interval")
    began = (seconds_of(begin.text) if begin else None) or 0.0
    every = (seconds_of(interval.text) if interval else None) or 30.0
    count = health.get("retries")
    patience = began + every * (count if isinstance(count, int) else 3)
    if begin is not None:
        if patience > _PATIENCE:
            health["start_period"] = duration(round(patience))
        ledger.changed(
            begin, f"{target}.start_period", "a release has as long to become healthy as it had before"
        )
    if interval is not None:
        reason = "Havre asks every second, so that a release serves as soon as it can"
        ledger.changed(interval, target, reason, "write health.interval to ask less often")
    if len(health) > 1:
        service.body["health"] = health
    ledger.dropped(check, _UNKNOWN)


def _timeout_and_retries(state: State, check: Node, target: str, into: dict[str, object]) -> None:
    timeout, retries, disabled = check.get("timeout"), check.get("retries"), check.get("disable")
    if disabled is not None and not disabled.is_true:
        state.ledger.carried(disabled, target)
    seconds = seconds_of(timeout.text) if timeout else None
    if timeout is not None and seconds:
        into["timeout"] = duration(seconds)
        state.ledger.carried(timeout, f"{target}.timeout")
    count = int(retries.text) if retries and retries.text.isdecimal() else 0
    if retries is not None and 1 <= count <= _MOST_RETRIES:
        into["retries"] = count
        state.ledger.carried(retries, f"{target}.retries")


# Programs that take no requests


def _ready(state: State, service: Service, check: Node) -> None:
    ledger, target, test = state.ledger, f"{service.target}.ready", check.get("test")
    if test is None or not _has_test(check):
        reason = "it takes no HTTP requests: a task that runs for three seconds counts as ready"
        ledger.dropped(check, reason, "write ready: {command: …} to have it checked")
        return
    lost = _cannot_run(test)
    if lost:
        ledger.dropped(test, *lost)
        ledger.dropped(check, "the check itself is not carried over")
        state.warnings.append(f"{service.name}: write its health check as ready: {{command: …}} yourself")
        return
    words, is_shell = _command(test)
    port = _tested_port(" ".join(words[2:] if is_shell else words), service)
    ready: dict[str, object] = {"tcp": port} if port else {"command": words}
    if port:
        reason = f"Havre connects to port {port} itself, without a tool in the image"
        ledger.changed(
            test, f"{target}.tcp", reason, "let the program listen on all addresses, not on localhost only"
        )
    elif is_shell:
        ledger.changed(test, f"{target}.command", "a shell of the image runs it")
    elif test.items and test.items[0].text == "CMD":
        ledger.carried(test, f"{target}.command")
    else:
        ledger.changed(test, f"{target}.command", "the engine runs it without a shell, as it needs none")
    _times_of_ready(state, check, target, ready)
    service.body["ready"] = ready


def _cannot_run(test: Node) -> tuple[str, str] | None:
    """Reason and remedy, if the check cannot be written into a manifest."""
    by_hand = "write ready: {command: …} by hand"
    unset = sorted({name for leaf in test.leaves() for name in leaf.unset})
    if unset:
        return f"{', '.join(unset)} has no value in .env", by_hand
    words = [item.text for item in test.items]
    if words and (words[0] not in {"CMD", "CMD-SHELL"} or not any(words[1:2])):
        return "it begins with neither CMD nor CMD-SHELL and a command", by_hand
    if not words and not test.text.strip():
        return "it is no command", by_hand
    if holds_secret(test, [_FROM_VARIABLE.sub("", word) for word in _command(test)[0]]):
        remedy = "let it read the secret from a variable: $$NAME in a Compose file"
        return "it seems to hold a secret, and arguments are seen by everybody", remedy
    return None


def _command(test: Node) -> tuple[list[str], bool]:
    """The words that the engine runs, and whether a shell runs them: a text that needs none gets none."""
    words = [item.text for item in test.items]
    if words and words[0] == "CMD":
        return words[1:], False
    text = (words[1] if words else test.text).strip()
    plain = _OR_FAIL.sub("", text)
    split = shlex.split(plain) if _PLAIN.fullmatch(plain) and "\n" not in plain else []
    if split and split[0] not in _BUILTINS and "=" not in split[0]:
        return split, False
    return ["sh", "-c", text], True


def _tested_port(text: str, service: Service) -> int | None:
    """The port, if all that a check does is to connect to one of its own container."""
    text = " ".join(_OR_FAIL.sub("", text).split())
    inner = re.fullmatch(rf"({_TIMED})(?:/bin/|/usr/bin/)?(?:ba)?sh -c (['\"]?)(.*)\2", text)
    if inner:
        text = inner[1] + _OR_FAIL.sub("", inner[3].strip())
    hosts = "|".join([_SELF, *map(re.escape, sorted(service.hosts))])
    for pattern in _PORT_TESTS:
        match = re.fullmatch(pattern.replace("{hosts}", hosts), text.strip())
        if match and 0 < int(match["port"]) < 65536:  # noqa: PLR2004 - ports there are
            flags = match.groupdict().get("flags")
            if flags is None or ("z" in flags and "u" not in flags):
                return int(match["port"])
    return None


def _times_of_ready(state: State, check: Node, target: str, ready: dict[str, object]) -> None:
    """All times have their like; a port is asked as often as Havre does, which costs nothing."""
    ledger = state.ledger
    _timeout_and_retries(state, check, target, ready)
    begin, interval = check.get("start_period"), check.get("interval")
    every = seconds_of(interval.text) if interval else None
    if interval is not None and "tcp" in ready:
        reason = "Havre asks every two seconds, so that a release is ready as soon as it can"
        ledger.changed(interval, target, reason, "write ready.interval to ask less often")
    elif interval is not None and every:
        ready["interval"] = duration(every)
        ledger.carried(interval, f"{target}.interval")
    began = seconds_of(begin.text) if begin else None
    if begin is not None and began is not None:
        ready["start_period"] = duration(began) if began else "0s"
        ledger.carried(begin, f"{target}.start_period")
    ledger.dropped(check, _UNKNOWN)
