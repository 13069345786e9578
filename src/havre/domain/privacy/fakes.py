"""What becomes of a single value: a function of the key, the kind of rule and the value, of nothing else.

So the same person stays the same person in every row and table, joins find what they found, and nobody
without the key can compute which value became which.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from havre.domain.privacy import forms
from havre.domain.privacy.pools import Pools
from havre.domain.privacy.rules import Rule
from havre.domain.privacy.tables import Column

KEY_BYTES: Final = 32
_SUFFIX: Final = 14
"""Hexadecimal digits: two of a million values are alike once in a hundred thousand runs."""
_DOMAIN: Final = b"@example.org"
_NOT_IBAN: Final = bytes(c for c in range(256) if not chr(c).isalnum() or c > 127)  # noqa: PLR2004 - ASCII
_FEWEST_DIGITS: Final = 10
_LONGEST_LINE: Final = 2000  # words

Change = Callable[[bytes], bytes | None]
"""Turns a value (UTF-8, not null) into its replacement; None is null."""

Draw = Callable[[bytes], bytes]
"""16 bytes that depend on the key, a kind and a value."""


def draw(key: bytes, kind: str) -> Draw:
    """The keyed hash for one kind of rule."""
    begun = blake2b(key=key, person=kind.encode()[:16], digest_size=16)

    def drawn(value: bytes) -> bytes:
        hashed = begun.copy()
        hashed.update(value)
        return hashed.digest()

    return drawn


def change(rule: Rule, column: Column, key: bytes, pools: Pools) -> Change:
    """The function that replaces a column's values, or those at a path in its JSON.

    Shifts, noise and JSON are in ``perturb`` and ``documents``.
    """
    drawn = draw(key, rule.kind)
    constant = rule.constant.encode()
    match rule.kind:
        case "null":
            made: Change = lambda _value: None  # noqa: E731 - one of many
        case "constant":
            made = lambda _value: constant  # noqa: E731
        case "hash":
            made = _hash(column, drawn)
        case "scrub":
            made = _scrub(drawn, pools, column.limit)
        case "email":
            made = _email(drawn, pools, column.limit)
        case "username":
            made = _username(drawn, pools, column.limit)
        case "iban":
            made = _iban(drawn, pools)
        case "ip":
            made = _ip(drawn, pools, unique=rule.unique)
        case _:
            made = (_unique if rule.unique else _pooled)(rule.kind, drawn, pools, column.limit)
    return made


def _same(value: bytes) -> bytes:
    """What makes two spellings the same person."""
    return forms.compact(value) or value


def _same_number(value: bytes) -> bytes:
    form = _same(value)
    return forms.telephone(form) or form


def _suffix(digest: bytes) -> bytes:
    return digest.hex()[:_SUFFIX].encode()


def _pooled(kind: str, drawn: Draw, pools: Pools, limit: int | None) -> Change:
    pool = pools.of(kind, limit)
    size = len(pool)
    same = _same_number if kind == "phone" else _same

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        return pool[int.from_bytes(drawn(same(value))[:8]) % size]

    return changed


def _unique(kind: str, drawn: Draw, pools: Pools, limit: int | None) -> Change:
    if kind == "phone":

        def numbered(value: bytes) -> bytes:
            # +999 is no country's: nobody is called.
            return b"+999%016d" % (int.from_bytes(drawn(value)[:8]) % 10**16) if value else value

        return numbered
    pool = pools.of(kind, None if limit is None else limit - _SUFFIX - 1)

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        digest = drawn(value)
        return pool[int.from_bytes(digest[8:]) % len(pool)] + b" " + _suffix(digest[:8])

    return changed


def _email(drawn: Draw, pools: Pools, limit: int | None) -> Change:
    heads = tuple(dict.fromkeys(forms.compact(name) for name in pools.of("first_name")))
    room = None if limit is None else max(1, limit - _SUFFIX - 1 - len(_DOMAIN))

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        digest = drawn(value.strip().decode(errors="replace").casefold().encode())
        head = heads[int.from_bytes(digest[8:]) % len(heads)] if room is None or room > 1 else b"x"
        head = head if head.isascii() else b"user"
        dot = b"." if room is None or room > 1 else b""
        return head[: None if room is None else room] + dot + _suffix(digest[:8]) + _DOMAIN

    return changed


def _username(drawn: Draw, pools: Pools, limit: int | None) -> Change:
    heads = tuple(dict.fromkeys(forms.compact(name) for name in pools.of("first_name")))
    room = 20 if limit is None else max(1, limit - _SUFFIX - 1)

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        digest = drawn(value)
        head = heads[int.from_bytes(digest[8:]) % len(heads)]
        return (head if head.isascii() else b"user")[:room] + b"_" + _suffix(digest[:8])

    return changed


def _hash(column: Column, drawn: Draw) -> Change:
    if column.type == "uuid":
        return lambda value: str(uuid.UUID(bytes=drawn(value), version=8)).encode()
    if column.type == "bytea":
        return lambda value: rb"\x" + drawn(value).hex().encode()
    length = min(column.limit or 32, 32)
    return lambda value: drawn(value).hex().encode()[:length] if value else value


def _iban(drawn: Draw, pools: Pools) -> Change:
    """An account number that is well formed (ISO 13616) and, by chance alone, nobody's."""
    models = tuple(map(_model, pools.of("iban")))

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        digest = drawn(value.translate(None, _NOT_IBAN).upper())
        country, bank, length, before, behind = models[digest[0] % len(models)]
        digits = f"{int.from_bytes(digest[1:]) % 10**length:0{length}}"
        return f"{country}{98 - int(before + digits + behind) % 97:02}{bank}{digits}".encode()

    return changed


def _model(iban: bytes) -> tuple[str, str, int, str, str]:
    """What stays of a number: country, bank, how many digits follow; and both as they count in the check."""
    text = iban.decode()
    country, account = text[:2], text[4:]
    bank = account.rstrip("0123456789")
    if len(account) - len(bank) < _FEWEST_DIGITS:  # letters to the end: digits are as good
        bank = ""
    before, behind = ("".join(str(int(sign, 36)) for sign in part) for part in (bank, country))
    return country, bank, len(account) - len(bank), before, f"{behind}00"


def _ip(drawn: Draw, pools: Pools, *, unique: bool) -> Change:
    """Version 6 stays version 6; addresses of documentation and tests (RFC 3849, RFC 2544)."""
    pool = pools.of("ip")

    def changed(value: bytes) -> bytes:
        if not value:
            return value
        digest = drawn(value.lower())
        if unique or b":" in value:
            groups = digest[:12].hex()
            return b"2001:db8:" + ":".join(groups[i : i + 4] for i in range(0, 24, 4)).encode()
        return pool[int.from_bytes(digest[:8]) % len(pool)]

    return changed


def _scrub(drawn: Draw, pools: Pools, limit: int | None) -> Change:
    """Words that mean nothing, as many in each line as there were: nothing of the text goes into it."""
    words = pools.of("words")
    size = len(words)
    ring = words * (_LONGEST_LINE // size + 2)

    def line(written: bytes, start: int) -> bytes:
        return b" ".join(ring[start : start + min(len(written.split()), _LONGEST_LINE)])

    def changed(value: bytes) -> bytes:
        if not value.strip():
            return value
        start = int.from_bytes(drawn(value)[:8]) % size
        if b"\n" not in value:
            text = line(value, start)
        else:
            lines = enumerate(value.split(b"\n"))
            text = b"\n".join(line(written, (start + number) % size) for number, written in lines)
        return text if limit is None else text[:limit].rstrip()

    return changed
