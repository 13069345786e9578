"""Tokens of the API: what they are made of, whom they belong to, when they were used."""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from havre.domain.access import Grants
from havre.errors import ConflictError
from havre.records.accounts import set_grants
from havre.records.models import Token, User

TOKEN_PREFIX: Final = "havre_"  # noqa: S105 - tells scanners of leaked secrets what they found
_TOKEN_BYTES: Final = 32
_LAST_USE_PRECISION: Final = timedelta(minutes=1)


@transaction.atomic
def create_token(
    name: str, *, days: int, grants: Grants, owner: User | None = None, actor: str = ""
) -> tuple[Token, str]:
    """A new token and its text, which is not stored and cannot be had again.

    Args:
        name: what it is called.
        days: how long it is good.
        grants: what it may.
        owner: whose it is; it may never more than they may. None: the server's.
        actor: who made it.

    Raises:
        ConflictError: the name is taken.
        UsageError: a project of the grants is not known.
    """
    text = TOKEN_PREFIX + random.token_urlsafe(_TOKEN_BYTES)
    row, is_new = Token.objects.get_or_create(
        name=name,
        defaults={
            "digest": _digest(text),
            "expires_at": timezone.now() + timedelta(days=days),
            "owner": owner,
            "actor": actor,
        },
    )
    if not is_new:
        raise ConflictError(
            f"there is a token {name} already",
            hint="revoke it first, or choose another name",
            retryable=False,
        )
    set_grants(row, grants)
    return row, text


def token_of(text: str, *, address: str = "") -> Token | None:
    """The token of this text if it is known and not expired; its use is noted, to the minute.

    The text has 256 random bits, so one round of SHA-256 is enough and the look-up by digest tells
    nothing by its time.
    """
    digest = _digest(text)
    row = Token.objects.select_related("owner").filter(digest=digest).first()
    now = timezone.now()
    if row is None or not hmac.compare_digest(row.digest, digest):
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    is_noted = row.last_used_at is not None and now - row.last_used_at <= _LAST_USE_PRECISION
    if not is_noted or row.last_used_from != address:
        Token.objects.filter(pk=row.pk).update(last_used_at=now, last_used_from=address)
    return row


def revoke_token(name: str, *, owner: User | None = None) -> bool:
    """Forget a token, of that owner if one is given; whether there was one."""
    rows = Token.objects.filter(name=name)
    return bool((rows.filter(owner=owner) if owner else rows).delete()[0])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
