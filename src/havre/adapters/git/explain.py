"""What Git and ssh say when they fail, told with cause and remedy.

Their messages are not an interface; the ones here are those of Git 2.39 to 2.47 and OpenSSH 9, in
English because the locale is set. What is not recognised is passed on as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from havre.adapters.git.source import Source, redact
from havre.errors import SourceError


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    message: str
    hint: str
    retryable: bool = False


def _rule(pattern: str, message: str, hint: str, *, retryable: bool = False) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), message, hint, retryable)


_RULES = (
    _rule(
        r"no space left on device",
        "The server's disk is full, {where} could not be read.",
        "Free space with “docker builder prune”, or enlarge the disk.",
    ),
    _rule(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|host key verification failed",
        "The SSH server of {where} shows another host key than before.",
        "If the server was really set up anew, remove its lines from Havre's keys/known_hosts; "
        "otherwise somebody is in between.",
    ),
    _rule(
        r"load key .*(invalid format|error in libcrypto|incorrect passphrase|bad permissions)",
        "The deploy key for {where} is not a usable private key.",
        "Give the private half (-----BEGIN …), without passphrase, as ssh-keygen writes it.",
    ),
    _rule(
        r"could not resolve host|name or service not known|temporary failure in name resolution|"
        r"connection refused|connection timed out|operation timed out|network is unreachable|"
        r"no route to host|connection reset|failed to connect|timeout was reached|connection closed by|"
        r"operation too slow|early eof|unexpected disconnect|returned error: 5\d\d",
        "The server of {where} could not be reached.",
        "Check the host's name and that this server may connect to it; then try again.",
        retryable=True,
    ),
    _rule(
        r"certificate (verification|problem)|ssl certificate|unable to get local issuer|"
        r"self.signed certificate",
        "The certificate of {where} is not trusted by this server.",
        "Add its authority: /usr/local/share/ca-certificates/NAME.crt, then update-ca-certificates.",
    ),
    _rule(
        r"permission denied \(|authentication failed|invalid (username|credentials)|returned error: 40[13]|"
        r"access denied",
        "{where} does not let this server in.",
        "Register the deploy key with the repository (reading is enough), or correct the credentials.",
    ),
    _rule(
        r"could not read (username|password)|terminal prompts disabled",
        "{where} does not exist, or needs credentials.",
        "Check the address; a private repository needs a deploy key (git@host:path) or a token in the URL.",
    ),
    _rule(
        r"repository .*not found|does not appear to be a git repository|returned error: 404|"
        r"project you were looking for could not be found|no such file or directory|does not exist|"
        r"not a git repository",
        "There is no Git repository at {where}.",
        "Check the address, and that the deploy key belongs to this repository.",
    ),
    _rule(
        r"transport '\w+' not allowed|protocol .* (is )?not (allowed|supported)",
        "A submodule of {where} uses a protocol that is not allowed.",
        "Give submodules https:// or ssh:// addresses, or relative ones.",
    ),
)


def explain(text: str, source: Source, *, doing: str = "read") -> SourceError:
    """The error to raise for what Git said.

    Args:
        text: Git's standard error.
        source: what was read.
        doing: the verb for a failure that is not recognised.
    """
    shown = redact(text)
    for rule in _RULES:
        if rule.pattern.search(text):
            message = rule.message.format(where=source.shown)
            return SourceError(message, hint=rule.hint, retryable=rule.retryable, detail=shown)
    last = next((line for line in reversed(shown.splitlines()) if line.strip()), "no reason given")
    return SourceError(f"{source.shown} could not be {doing}: {last}", detail=shown)
