"""Who may ask: accounts and tokens, their roles, and the audit log of what was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, Final

from asgiref.sync import sync_to_async
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import reverse
from ninja import Query, Router, Schema, Status
from pydantic import AwareDatetime, Field, StrictBool, StrictInt, StringConstraints, model_validator

from havre.config import config
from havre.domain import audit_export
from havre.domain.access import Action, Grants, Role
from havre.errors import UsageError
from havre.interfaces.api.access import Caller, caller_of
from havre.interfaces.api.permissions import permit
from havre.interfaces.api.problems import ForbiddenError, NotFoundError
from havre.interfaces.api.schemas import Wanted
from havre.manifest.values import Name
from havre.records import accounts, audit_log, tokens
from havre.records.models import AuditEntry, Project, Token, User

router = Router()

TokenName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._@ -]{0,98}[A-Za-z0-9])?$")]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9._-]{0,58}[a-z0-9])?$")]
_DAYS: Final = 365
_PAGE: Final = 500


Names = Annotated[list[Name], Field(max_length=100)]


class Roles(Wanted):
    """One role, in these projects, or on the whole server if none is named."""

    role: Role
    projects: Names = Field(default_factory=list)

    def grants(self) -> Grants:
        """The same as grants."""
        if self.projects:
            return Grants(None, dict.fromkeys(self.projects, self.role))
        return Grants(self.role)


class NewToken(Roles):
    """A token to make, and for how many days; without a role it may only look."""

    name: TokenName
    days: Annotated[StrictInt, Field(ge=1, le=_DAYS)] = 90
    role: Role = Role.VIEWER


class ShownGrant(Schema):
    """A role in a project; ``project`` is empty for the whole server."""

    project: str
    role: str


class ShownToken(Schema):
    """A token, never its text. ``owner`` is whose it is, empty for one that was made on the server."""

    name: str
    owner: str
    grants: list[ShownGrant]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_from: str


class CreatedToken(Schema):
    """A new token; its text is shown this once."""

    name: str
    token: str
    expires_at: datetime | None


class NewUser(Roles):
    """An account to make, with its role."""

    name: UserName
    email: Annotated[str, StringConstraints(pattern=r"^([^@\s]+@[^@\s]+)?$", max_length=254)] = ""


class ChangedUser(Wanted):
    """What becomes of an account: other roles, or shut out and let in again."""

    role: Role | None = None
    projects: Names = Field(default_factory=list)
    active: StrictBool | None = None

    @model_validator(mode="after")
    def _something(self) -> ChangedUser:
        if self.role is None and self.active is None:
            raise ValueError("either `role` or `active`")
        return self


class WantedLink(Wanted):
    """A link to set a password; ``forget_factors``: second factors of before go when it is used."""

    forget_factors: StrictBool = False


class ShownUser(Schema):
    """An account. ``has_password`` is false until its link was used."""

    name: str
    email: str
    active: bool
    has_password: bool
    has_second_factor: bool
    grants: list[ShownGrant]
    created_at: datetime
    last_sign_in: datetime | None


class SignInLink(Schema):
    """A link that sets a password, once; shown this once. ``url`` is a path where Havre has no domain."""

    name: str
    url: str
    expires_at: datetime


class Entry(Schema):
    """Something that was done or refused: who, how they came in, from where, what."""

    id: int
    at: datetime
    actor: str
    via: str
    address: str
    action: str
    outcome: str
    project: str
    environment: str
    details: dict[str, Any]


@router.get("/tokens", response=list[ShownToken], summary="List tokens", tags=["tokens"])
def list_tokens(request: HttpRequest) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Every token with what it may and when it was used."""
    rows = Token.objects.select_related("owner").prefetch_related("grants__project").order_by("name")
    return [
        {
            **{name: getattr(row, name) for name in _TOKEN_FIELDS},
            "owner": row.owner.username if row.owner else "",
            "grants": _grants(row),
        }
        for row in rows
    ]


@router.post("/tokens", response={201: CreatedToken}, summary="Make a token", tags=["tokens"])
def create_token(request: HttpRequest, wanted: NewToken) -> Status[dict[str, Any]]:
    """The text of the token is in this answer and nowhere else. It may at most what its maker may."""
    caller = caller_of(request)
    within(caller, wanted.grants())
    row, text = tokens.create_token(wanted.name, days=wanted.days, grants=wanted.grants(), actor=caller.actor)
    return Status(201, {"name": row.name, "token": text, "expires_at": row.expires_at})


@router.delete("/tokens/{name}", response={204: None}, summary="Revoke a token", tags=["tokens"])
def revoke_token(request: HttpRequest, name: TokenName) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """It is refused from the next request on."""
    if not tokens.revoke_token(name):
        raise NotFoundError(f"there is no token {name}")
    return Status(204, None)


@router.get("/users", response=list[ShownUser], summary="List accounts", tags=["accounts"])
def list_users(request: HttpRequest) -> list[dict[str, Any]]:  # noqa: ARG001 - ninja passes it
    """Everybody with an account, and their roles."""
    return [_user(row) for row in User.objects.prefetch_related("grants__project").order_by("username")]


@router.post("/users", response={201: SignInLink}, summary="Make an account", tags=["accounts"])
def create_user(request: HttpRequest, wanted: NewUser) -> Status[dict[str, Any]]:
    """Nobody comes in by it before the link in this answer was used, which sets its password."""
    caller = caller_of(request)
    within(caller, wanted.grants())
    row = accounts.create_user(wanted.name, wanted.grants(), email=wanted.email)
    return Status(201, link_for(row, caller))


@router.put("/users/{name}", response=ShownUser, summary="Change an account", tags=["accounts"])
def change_user(request: HttpRequest, name: UserName, wanted: ChangedUser) -> dict[str, Any]:
    """Give other roles, or shut an account out: its sessions and tokens end with the next request."""
    row = named(name)
    if wanted.role is not None:
        give(caller_of(request), row, Roles(role=wanted.role, projects=wanted.projects).grants())
    if wanted.active is not None:
        let_in(row, active=wanted.active)
    return _user(named(name))


@router.delete("/users/{name}", response={204: None}, summary="Remove an account", tags=["accounts"])
def remove_user(request: HttpRequest, name: UserName) -> Status[None]:  # noqa: ARG001 - ninja passes it
    """Its sessions and tokens end with the next request; what it did stays in the audit log."""
    accounts.remove_user(named(name))
    return Status(204, None)


@router.post(
    "/users/{name}/link", response={201: SignInLink}, summary="Make a sign-in link", tags=["accounts"]
)
def make_link(request: HttpRequest, name: UserName, wanted: WantedLink) -> Status[dict[str, Any]]:
    """For who forgot a password; with ``forget_factors`` also for who lost the second factor."""
    return Status(201, link_for(named(name), caller_of(request), forgets_factors=wanted.forget_factors))


@router.get("/audit", response=list[Entry], summary="Read the audit log, the newest first", tags=["audit"])
def read_audit(  # noqa: PLR0917 - ninja calls it by keyword
    request: HttpRequest,
    project: Name | None = None,
    actor: Annotated[str, Query(max_length=100)] = "",
    since: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """``before`` is the ``id`` of an entry: the page after the one that ended with it.

    Without a role on the server, what is about projects whose audit log one may read.
    """
    found = readable(caller_of(request), project, actor, since, before)
    return list(audit_log.rows(found[:limit]))


@router.get("/audit/export", summary="Export the audit log", tags=["audit"])
def export_audit(
    request: HttpRequest,
    form: audit_export.Form = audit_export.Form.JSON,
    project: Name | None = None,
    since: AwareDatetime | None = None,
) -> StreamingHttpResponse:
    """All of it, the oldest first: JSON lines, or CSV."""
    found = readable(caller_of(request), project, "", since, None).order_by("pk")
    answer = StreamingHttpResponse(_exported(found, form), content_type=audit_export.MEDIA_TYPES[form])
    answer["Content-Disposition"] = f'attachment; filename="havre-audit.{form.value}"'
    return answer


_TOKEN_FIELDS: Final = ("name", "created_at", "expires_at", "last_used_at", "last_used_from")


async def _exported(found: Any, form: audit_export.Form) -> AsyncGenerator[bytes, None]:
    """Page by page, so that a log of any length takes little memory."""
    next_page = sync_to_async(lambda after: list(audit_log.rows(found.filter(pk__gt=after)[:_PAGE])))
    for line in audit_export.head(audit_log.FIELDS, form):
        yield line.encode()
    last = 0
    while page := await next_page(last):
        last = page[-1]["id"]
        yield "".join(audit_export.lines(page, audit_log.FIELDS, form)).encode()


def readable(
    caller: Caller, project: str | None, actor: str, since: datetime | None, before: int | None
) -> QuerySet[AuditEntry]:
    """Entries that somebody may read, the newest first.

    Raises:
        ForbiddenError: they may read none.
    """
    if project:
        permit(caller, Action.READ_AUDIT, project)
    seen: list[str] | None = None
    if not caller.may(Action.READ_SERVER_AUDIT):
        names = Project.objects.values_list("name", flat=True)
        seen = [name for name in names if caller.may(Action.READ_AUDIT, name)]
        if not seen:
            raise ForbiddenError("you may not read the audit log", hint="it takes the role maintainer")
    return audit_log.entries(projects=seen, project=project or "", actor=actor, since=since, before=before)


def give(caller: Caller, row: User, wanted: Grants) -> None:
    """Give an account these roles and no others.

    Raises:
        ForbiddenError: the caller has less themselves.
        ConflictError: it is the last owner, and would be one no more.
    """
    within(caller, wanted)
    if wanted.server is not Role.OWNER and accounts.is_last_owner(row):
        raise accounts.last_owner(row)
    accounts.set_grants(row, wanted)


def let_in(row: User, *, active: bool) -> None:
    """Let an account in, or shut it out: its sessions and tokens end with the next request.

    Raises:
        ConflictError: it is the last owner, and would be shut out.
    """
    if not active and accounts.is_last_owner(row):
        raise accounts.last_owner(row)
    User.objects.filter(pk=row.pk).update(is_active=active)


def within(caller: Caller, wanted: Grants) -> None:
    """Nothing, if a caller may give these roles.

    Raises:
        ForbiddenError: they have less themselves.
    """
    if not wanted.within(caller.grants):
        raise ForbiddenError("nobody can give more than they have", hint="ask an owner of the server")


def named(name: str) -> User:
    """Somebody's account.

    Raises:
        NotFoundError: there is none of that name.
    """
    try:
        return accounts.user_named(name)
    except UsageError as error:
        raise NotFoundError(error.message, hint=error.hint) from error


def link_for(row: User, caller: Caller, *, forgets_factors: bool = False) -> dict[str, Any]:
    """A new link to set a password, as the API answers it."""
    link, text = accounts.make_link(row, actor=caller.actor, forgets_factors=forgets_factors)
    path = reverse("account_welcome", args=(text,))
    domain, port = config().domain, config().public_https_port
    origin = f"https://{domain}{'' if port == 443 else f':{port}'}" if domain else ""  # noqa: PLR2004
    return {"name": row.username, "url": origin + path, "expires_at": link.expires_at}


def _grants(row: User | Token) -> list[dict[str, str]]:
    return [
        {"project": each.project.name if each.project else "", "role": each.role} for each in row.grants.all()
    ]


def _user(row: User) -> dict[str, Any]:
    from allauth.mfa.utils import is_mfa_enabled  # noqa: PLC0415 - needs the apps

    return {
        "name": row.username,
        "email": row.email,
        "active": row.is_active,
        "has_password": row.has_usable_password(),
        "has_second_factor": is_mfa_enabled(row),
        "grants": _grants(row),
        "created_at": row.created_at,
        "last_sign_in": row.last_login,
    }
