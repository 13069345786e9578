"""What people set: variables and secrets. Every function is one short transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from havre.domain.copying import Copied, Outcome, copied
from havre.records import queries
from havre.records.models import Environment, Project, Secret, Variable


def variables_of(environment: Environment) -> QuerySet[Variable]:
    """The variables of an environment, those of every app first."""
    return Variable.objects.filter(environment=environment).order_by("service", "name")


def set_deploy_key(project: str, sealed: bytes | None, *, public: str = "") -> bool:
    """Store a project's sealed deploy key, or with None forget it; False if there is no such project.

    Setting one makes the project if it is new, so that its first deployment can already use it. ``public``
    is the line of the public key, which is shown again; empty if it is not known.
    """
    fields = {"sealed_deploy_key": sealed, "deploy_key_public": public if sealed else ""}
    if sealed is None:
        return bool(Project.objects.filter(name=project).update(**fields))
    Project.objects.update_or_create(name=project, defaults=fields)
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
