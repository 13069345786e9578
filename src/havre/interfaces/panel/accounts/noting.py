"""Notes in the audit log what allauth tells of sign-ins and second factors."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth import signals as auth
from django.http import HttpRequest

from havre.interfaces.api.access import address_of
from havre.records import audit_log
from havre.records.audit_log import By
from havre.records.models import User


def listen() -> None:
    """Connect to the signals; again does no harm."""
    for signal, receiver in (
        (account.user_logged_in, _came),
        (auth.user_logged_out, _left),
        (auth.user_login_failed, _failed),
        (account.password_changed, _changed_password),
        (mfa.authenticator_added, _added),
        (mfa.authenticator_removed, _removed),
        (mfa.authenticator_reset, _reset),
        (mfa.authentication_failed, _wrong_factor),
    ):
        signal.connect(receiver, dispatch_uid=f"havre.{receiver.__name__}")


def _note(request: HttpRequest | None, user: object, action: str, **more: Any) -> None:
    address = address_of(request) if request else ""
    if isinstance(user, User):
        by = By(user.username, "session", address, user.pk)
    else:
        by = By("somebody", "session", address)
    audit_log.record(by, action, **more)


def _came(request: HttpRequest, user: User, **_more: Any) -> None:
    _note(request, user, "sign in")


def _left(request: HttpRequest, user: User | None, **_more: Any) -> None:
    if user is not None:
        _note(request, user, "sign out")


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    # The name that was tried may be a password typed into the wrong field: only a known one is noted.
    name = str(credentials.get("username") or "")
    user = User.objects.filter(username=name).first()
    _note(request, user, "sign in", outcome=audit_log.REFUSED, details={"why": "wrong name or password"})


def _changed_password(request: HttpRequest, user: User, **_more: Any) -> None:
    _note(request, user, "change password")


def _added(request: HttpRequest, user: User, authenticator: Any, **_more: Any) -> None:
    _note(request, user, "add second factor", details={"type": str(authenticator.type)})


def _removed(request: HttpRequest, user: User, authenticator: Any, **_more: Any) -> None:
    _note(request, user, "remove second factor", details={"type": str(authenticator.type)})


def _reset(request: HttpRequest, user: User, authenticator: Any, **_more: Any) -> None:
    _note(request, user, "reset second factor", details={"type": str(authenticator.type)})


def _wrong_factor(request: HttpRequest, user: User | None, **_more: Any) -> None:
    _note(request, user, "sign in", outcome=audit_log.REFUSED, details={"why": "wrong second factor"})
