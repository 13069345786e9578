"""Variables and secrets: what people set. A secret's value goes in and never comes out."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from havre.adapters import sealing
from havre.adapters.git import deploy_keys
from havre.config import config
from havre.domain.access import Action
from havre.domain.copying import Outcome
from havre.errors import ConflictError, UsageError
from havre.interfaces.api import lookup, schemas
from havre.interfaces.api.access import caller_of
from havre.interfaces.api.operations import require_consent
from havre.interfaces.api.permissions import permit, permit_new
from havre.interfaces.api.problems import NotFoundError
from havre.manifest.values import Name
from havre.records import configuration, models, queries

router = Router(tags=["configuration"])

_ENVIRONMENT = "/environments/{project}/{environment}"


@router.get(_ENVIRONMENT + "/variables", response=list[schemas.Variable], summary="List variables")
def variables(request: HttpRequest, project: Name, environment: Name) -> list[models.Variable]:  # noqa: ARG001 - ninja passes it
    """What ``havre env`` set; what the manifest sets is not among them."""
    return list(configuration.variables_of(lookup.environment(project, environment)))


@router.put(_ENVIRONMENT + "/variables", response=list[schemas.Variable], summary="Set variables")
def set_variables(
    request: HttpRequest,
    project: Name,
    environment: Name,
    wanted: schemas.SetVariables,
) -> list[models.Variable]:
    """Set variables for the next release; project and environment are made if they are new."""
    permit_new(caller_of(request), Action.SET_VARIABLES, project)
    row = queries.ensure_environment(project, environment, source="")
    configuration.set_variables(row, wanted.service, wanted.values)
    return list(configuration.variables_of(row))


@router.delete(_ENVIRONMENT + "/variables", response=list[schemas.Variable], summary="Unset variables")
def unset_variables(
    request: HttpRequest,  # noqa: ARG001 - ninja passes it
    project: Name,
    environment: Name,
    wanted: schemas.UnsetVariables,
) -> list[models.Variable]:
    """Forget variables; those that are not set are no error, unless it is all of them."""
    row = lookup.environment(project, environment)
    if not configuration.unset_variables(row, wanted.service, wanted.names):
        place = wanted.service or "every app"
        raise NotFoundError(f"{', '.join(wanted.names)}: not set for {place} in {project}/{environment}")
    return list(configuration.variables_of(row))


@router.post(
    _ENVIRONMENT + "/copy", response=list[schemas.CopiedSetting], summary="Copy settings from another"
)
def copy_settings(
    request: HttpRequest, project: Name, environment: Name, wanted: schemas.CopySettings
) -> list[dict[str, str]]:
    """Copy variables, and if asked for secrets, of another environment of the project into this one.

    This one is made if it is new. Passwords of databases and data are never copied.
    """
    source = lookup.environment(project, wanted.source)
    if wanted.source == environment:
        raise UsageError(f"{project}/{environment} cannot be copied into itself")
    target = models.Environment.objects.filter(project=source.project, name=environment).first()
    planned = configuration.planned_copy(source, target, secrets=wanted.secrets)
    if wanted.secrets:
        permit(caller_of(request), Action.SET_SECRETS, project)
    if not wanted.dry_run:
        unknown = models.Environment(project=source.project, name=environment)
        require_consent("copy", target or unknown, wanted.confirm)
        others = [each.name for each in planned if each.outcome is Outcome.OVERWRITE]
        if others and not wanted.overwrite:
            raise ConflictError(
                f"{project}/{environment} has another value for {', '.join(others)}",
                hint="allow it by `overwrite`, or unset them there first",
                retryable=False,
            )
        target = queries.ensure_environment(project, environment, source="")
        configuration.copy_settings(source, target, secrets=wanted.secrets, actor=caller_of(request).actor)
    return [
        {"kind": each.kind, "service": each.service, "name": each.name, "outcome": str(each.outcome)}
        for each in planned
    ]


@router.get(_ENVIRONMENT + "/secrets", response=list[schemas.Secret], summary="List secrets")
def secrets(request: HttpRequest, project: Name, environment: Name) -> list[models.Secret]:  # noqa: ARG001 - ninja passes it
    """Names and newest versions, never values."""
    return configuration.newest_secrets(lookup.environment(project, environment))


@router.put(_ENVIRONMENT + "/secrets/{name}", response=schemas.SecretVersion, summary="Set a secret")
def set_secret(
    request: HttpRequest, project: Name, environment: Name, name: Name, wanted: schemas.SetSecret
) -> models.Secret:
    """Seal a value at once, for the next release; project and environment are made if they are new."""
    permit_new(caller_of(request), Action.SET_SECRETS, project)
    sealed = sealing.seal(config().paths.public_key, wanted.value.encode())
    row = queries.ensure_environment(project, environment, source="")
    return queries.add_secret(row, name, sealed, actor=caller_of(request).actor)


@router.delete(_ENVIRONMENT + "/secrets/{name}", response={204: None}, summary="Unset a secret")
def unset_secret(request: HttpRequest, project: Name, environment: Name, name: Name) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """Hide a secret from the next release; earlier ones keep the versions that they name."""
    if not configuration.unset_secret(lookup.environment(project, environment), name):
        raise NotFoundError(f"the secret {name} is not set in {project}/{environment}")
    return Status(204, None)


@router.put("/projects/{project}/deploy-key", response={204: None}, summary="Set a deploy key")
def set_deploy_key(request: HttpRequest, project: Name, wanted: schemas.SetSecret) -> Status[None]:
    """Seal the private SSH key by which the project's repository is read."""
    permit_new(caller_of(request), Action.SET_DEPLOY_KEY, project)
    key = wanted.value.strip() + "\n"
    if not key.startswith("-----BEGIN ") or "PRIVATE KEY-----" not in key:
        raise UsageError(
            "this is not a private SSH key", hint="give the file without .pub, in PEM or OpenSSH form"
        )
    sealed = sealing.seal(config().paths.public_key, key.encode())
    configuration.set_deploy_key(project, sealed, public=deploy_keys.public_of(key))
    return Status(204, None)


@router.delete("/projects/{project}/deploy-key", response={204: None}, summary="Forget a deploy key")
def unset_deploy_key(request: HttpRequest, project: Name) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """The repository is read without a key from now on."""
    if not configuration.set_deploy_key(project, None):
        raise NotFoundError(f"there is no project {project}")
    return Status(204, None)
