"""Which values look like secrets, by the name of their variable or by themselves."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

from havre.domain.compose.tree import Node

_WORDS: Final = frozenset(
    {"password", "passwd", "passphrase", "pass", "pwd", "secret", "secrets", "token", "credential"}
    | {"credentials", "apikey", "dsn", "salt", "pepper", "key", "auth", "jwt", "pat"}
)
_STRONG: Final = frozenset({"password", "passwd", "passphrase", "secret", "token", "apikey"})
_PUBLIC: Final = re.compile(
    r"(?:^|_)(?:public|vite|react_app|publishable|key_?file|file|path|dir|url_prefix|name|type|alg|algorithm|allow_empty|random_root)(?:_|$)",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(
    r"(?:true|false|yes|no|on|off|none|[0-9]{1,6}|[0-9.]+\s?(?:ms|s|m|h|d))", re.IGNORECASE
)
_PREFIXES: Final = re.compile(
    r"(?:sk|pk|rk)_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA[0-9A-Z]{12}|AIza|eyJ[A-Za-z0-9_-]{10}"
    r"|-----BEGIN |SG\.|key-[0-9a-f]{20}"
)
_URL_WITH_PASSWORD: Final = re.compile(r"[a-z][a-z0-9+.:-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
_ASSIGNED: Final = re.compile(
    r"(?i)(?:password|passwd|pwd|secret|token|api[_-]?key)[\"']?\s*[:=]\s*[\"']?[^\s\"',;}]{2,}"
)
_IN_A_COMMAND: Final = re.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|secret|token|api-?key|requirepass)(?:[= ]|\s+)\S|(?:^|\s)-p\S{4,}|^-a$"
)
_RANDOM_LENGTH: Final = 24
_RANDOM_BITS: Final = 3.6
_HEX_LENGTH: Final = 32
_HEX_BITS: Final = 3.0


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name usually holds a secret."""
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    if not words or _PUBLIC.search(name):
        return False
    return bool(_STRONG & set(words)) or words[-1] in _WORDS or any(w.endswith("password") for w in words)


def is_secret(name: str, value: str) -> bool:
    """Whether a variable's value looks like a secret."""
    if not value:
        return False
    if _PREFIXES.match(value) or _URL_WITH_PASSWORD.search(value) or holds_password(value):
        return True
    if is_secret_name(name):
        last = re.split(r"[^a-z0-9]+", name.lower())[-1]
        return last in _WORDS or not _HARMLESS.fullmatch(value)
    return not _PUBLIC.search(name) and _is_random(value)


def holds_password(text: str) -> bool:
    """Whether a text such as a connection string or JSON gives a password among other things."""
    return bool(_ASSIGNED.search(text))


def is_secret_command(words: list[str]) -> bool:
    """Whether a command's words seem to hold a secret."""
    text = " ".join(words)
    return bool(_IN_A_COMMAND.search(text) or _URL_WITH_PASSWORD.search(text)) or any(
        _PREFIXES.match(word) for word in words
    )


def holds_secret(node: Node, words: list[str]) -> bool:
    """Whether a command seems to hold a secret, by its words or by the variables that it takes up."""
    return is_secret_command(words) or any(is_secret_name(n) for leaf in node.leaves() for n in leaf.names)


def _is_random(value: str) -> bool:
    """Long text of letters and digits in no order: keys look so."""
    is_hex = len(value) >= _HEX_LENGTH and re.fullmatch(r"[0-9a-f]+", value)
    is_base64 = re.fullmatch(r"[A-Za-z0-9+/_][A-Za-z0-9+/_-]*={0,2}", value) and all(
        re.search(sign, value) for sign in ("[0-9]", "[A-Z]", "[a-z]")
    )
    if len(value) < _RANDOM_LENGTH or not (is_hex or is_base64):
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= (_HEX_BITS if is_hex else _RANDOM_BITS)
