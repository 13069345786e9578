"""Accounts: people, their roles, and the links by which they set a password."""

from __future__ import annotations

import hashlib
import re
import secrets as random
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from havre.domain import access
from havre.domain.access import Grants, Role
from havre.errors import ConflictError, UsageError
from havre.records.models import Grant, Project, SignInLink, Token, User
from havre.records.models.accounts import USERNAME

LINK_LIFE: Final = timedelta(hours=24)
"""How long a link to set a password is good."""
_LINK_BYTES: Final = 32


def user_named(name: str) -> User:
    """Somebody's account.

    Raises:
        UsageError: there is none of that name.
    """
    row = User.objects.filter(username=name).first()
    if row is None:
        raise UsageError(f"there is no account {name}", hint="see who there is: havre admin list")
    return row


@transaction.atomic
def create_user(name: str, grants: Grants, *, email: str = "") -> User:
    """A new account without a password, so nobody comes in by it yet.

    Raises:
        UsageError: the name is not one, or a project is not known.
        ConflictError: the name is taken.
    """
    if not re.fullmatch(USERNAME, name):
        raise UsageError(
            f"{name!r} cannot be the name of an account",
            hint="60 small letters, digits, . _ and - at most, a letter or digit at both ends",
        )
    row = User(username=name, email=email)
    row.set_unusable_password()
    if User.objects.filter(username=name).exists():
        raise ConflictError(
            f"there is an account {name} already", hint="see havre admin list", retryable=False
        )
    row.save()
    set_grants(row, grants)
    return row


@transaction.atomic
def set_grants(holder: User | Token, grants: Grants) -> None:
    """Give a user or a token these roles and no others.

    Raises:
        UsageError: a project is not known.
    """
    named = dict(grants.projects or {})
    projects = {row.name: row for row in Project.objects.filter(name__in=named)}
    if unknown := sorted(named.keys() - projects.keys()):
        raise UsageError(f"there is no project {', '.join(unknown)}", hint="see havre projects")
    mine = {"user": holder} if isinstance(holder, User) else {"token": holder}
    Grant.objects.filter(**mine).delete()
    wanted: list[tuple[Project | None, Role]] = [(projects[name], role) for name, role in named.items()]
    if grants.server is not None:
        wanted.append((None, grants.server))
    Grant.objects.bulk_create(Grant(**mine, project=project, role=role.value) for project, role in wanted)


def grants_of(holder: User | Token) -> Grants:
    """The roles of a user; of a token, as far as its owner still has them. None for who was shut out."""
    if isinstance(holder, User):
        return access.grants(_rows(user=holder)) if holder.is_active else Grants()
    own = access.grants(_rows(token=holder))
    if holder.owner is None:
        return own
    return access.common(own, grants_of(holder.owner))


def all_grants() -> Mapping[int, Grants]:
    """The roles of every user, by key."""
    rows: dict[int, list[tuple[str | None, str]]] = {}
    found = Grant.objects.exclude(user=None).values_list("user_id", "project__name", "role")
    for user, project, role in found:
        rows.setdefault(user or 0, []).append((project, role))
    return {user: access.grants(pairs) for user, pairs in rows.items()}


def make_link(user: User, *, actor: str, forgets_factors: bool = False) -> tuple[SignInLink, str]:
    """A new link's row and the text that stands in it, which is not stored. Links of before end."""
    text = random.token_urlsafe(_LINK_BYTES)
    now = timezone.now()
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at=None).update(used_at=now)
        row = SignInLink.objects.create(
            user=user,
            digest=_digest(text),
            expires_at=now + LINK_LIFE,
            actor=actor,
            forgets_factors=forgets_factors,
        )
    return row, text


def link_of(text: str) -> SignInLink | None:
    """The link of this text, if it is neither used nor over, and its account not shut out."""
    return (
        SignInLink.objects.select_related("user")
        .filter(digest=_digest(text), used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
        .first()
    )


def use_link(link: SignInLink) -> bool:
    """Take a link; False if somebody else was faster."""
    return bool(SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now()))


def is_last_owner(user: User) -> bool:
    """Whether nobody else who is active owns the server."""
    owners = Grant.objects.filter(project=None, role=Role.OWNER.value, user__is_active=True)
    return owners.filter(user=user).exists() and not owners.exclude(user=user).exists()


def remove_user(user: User) -> None:
    """Take an account away, with its roles, links, tokens and second factors; its sessions end at once.

    What it did stays in the audit log, by its name.

    Raises:
        ConflictError: it is the last owner of the server.
    """
    if is_last_owner(user):
        raise last_owner(user)
    user.delete()


def last_owner(user: User) -> ConflictError:
    """Why somebody cannot be given less."""
    return ConflictError(
        f"{user.username} is the last owner of this server",
        hint="make somebody else an owner first",
        retryable=False,
    )


def _rows(**holder: User | Token) -> list[tuple[str | None, str]]:
    return list(Grant.objects.filter(**holder).values_list("project__name", "role"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
