"""What people set: variables, secrets and tokens. Every function is one short transaction."""

from __future__ import annotations

import hashlib
import hmac
import secrets as random
from collections.abc import Collection, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from havre.domain.copying import Copied, Outcome, copied
from havre.errors import ConflictError
from havre.records import queries
from havre.records.models import Environment, Project, Secret, Token, Variable

TOKEN_PREFIX = "havre_"  # noqa: S105 - tells scanners of leaked secrets what they found
_TOKEN_BYTES = 32
_LAST_USE_PRECISION = timedelta(minutes=1)


def variables_of(environment: Environment) -> QuerySet[Variable]:
    """The variables of an environment, those of every app first."""
    return Variable.objects.filter(environment=environment).order_by("service", "name")


def set_deploy_key(project: str, sealed: bytes | None) -> bool:
    """Store a project's sealed deploy key, or with None forget it; False if there is no such project.

    Setting one makes the project if it is new, so that its first deployment can already use it.
    """
    if sealed is None:
        return bool(Project.objects.filter(name=project).update(sealed_deploy_key=None))
    Project.objects.update_or_create(name=project, defaults={"sealed_deploy_key": sealed})
    return True


@transaction.atomic
def set_variables(environment: Environment, service: str, values: Mapping[str, str]) -> None:
    """Set variables of a service, or with an empty service of every app; all of them or none."""
    for name, value in values.items():
        Variable.objects.update_or_create(
            environment=environment, service=service, name=name, defaults={"value": value}
        )


def unset_variables(environment: Environment, service: str, names: Collection[str]) -> int:
    """Forget variables; how many there were."""
    return Variable.objects.filter(environment=environment, service=service, name__in=names).delete()[0]


def newest_secrets(environment: Environment) -> list[Secret]:
    """The newest version of each secret, by name, without its sealed value; unset ones too."""
    newest: dict[str, Secret] = {}
    for secret in Secret.objects.filter(environment=environment).defer("sealed").order_by("name", "version"):
        newest[secret.name] = secret
    return list(newest.values())


@transaction.atomic
def unset_secret(environment: Environment, name: str) -> bool:
    """Hide a secret from new releases (earlier ones keep their versions); whether it was set."""
    newest = Secret.objects.filter(environment=environment, name=name).order_by("-version").first()
    if newest is None or newest.unset_at is not None:
        return False
    newest.unset_at = timezone.now()
    newest.save(update_fields=["unset_at"])
    return True


def planned_copy(source: Environment, target: Environment | None, *, secrets: bool) -> tuple[Copied, ...]:
    """What copying the settings of an environment into another of the same server would make of each.

    Args:
        source: where from.
        target: where to; None for one that is to be made.
        secrets: whether the secrets that people set are copied too.
    """
    done = copied("variable", _variables(source), _variables(target) if target else {})
    if secrets:
        done += copied("secret", _sealed(source), _sealed(target) if target else {})
    return done


@transaction.atomic
def copy_settings(source: Environment, target: Environment, *, secrets: bool, actor: str) -> None:
    """Copy the variables of an environment into another, and if asked for its secrets; all or none.

    Secrets are copied sealed, as new versions: one key pair opens all of a server. Passwords that
    Havre made for databases are never copied, for each database has its own.
    """
    values, sealed = _variables(source), _sealed(source)
    for each in planned_copy(source, target, secrets=secrets):
        if each.outcome is Outcome.SAME:
            continue
        if each.kind == "variable":
            set_variables(target, each.service, {each.name: values[each.service, each.name]})
        else:
            queries.add_secret(target, each.name, sealed["", each.name], actor=actor)


def _variables(environment: Environment) -> dict[tuple[str, str], str]:
    return {(row.service, row.name): row.value for row in variables_of(environment)}


def _sealed(environment: Environment) -> dict[tuple[str, str], bytes]:
    return {
        ("", name): bytes(row.sealed)
        for name, row in queries.current_secrets(environment).items()
        if not row.generated
    }


def create_token(name: str, *, days: int | None) -> tuple[Token, str]:
    """A new token and its text, which is not stored and cannot be had again.

    Raises:
        ConflictError: the name is taken.
    """
    text = TOKEN_PREFIX + random.token_urlsafe(_TOKEN_BYTES)
    expires = timezone.now() + timedelta(days=days) if days is not None else None
    row, is_new = Token.objects.get_or_create(
        name=name, defaults={"digest": _digest(text), "expires_at": expires}
    )
    if not is_new:
        raise ConflictError(
            f"there is a token {name} already",
            hint="revoke it first, or choose another name",
            retryable=False,
        )
    return row, text


def token_of(text: str) -> Token | None:
    """The token of this text if it is known and not expired; its use is noted, to the minute.

    The text has 256 random bits, so one round of SHA-256 is enough and the look-up by digest tells
    nothing by its time.
    """
    digest = _digest(text)
    row = Token.objects.filter(digest=digest).first()
    now = timezone.now()
    if row is None or not hmac.compare_digest(row.digest, digest):
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    if row.last_used_at is None or now - row.last_used_at > _LAST_USE_PRECISION:
        Token.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def revoke_token(name: str) -> bool:
    """Forget a token; whether there was one."""
    return bool(Token.objects.filter(name=name).delete()[0])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
