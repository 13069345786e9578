"""Somebody who signed in with both factors, and their browser."""

from __future__ import annotations

import time
from typing import Any

import httpx
from allauth.mfa.totp.internal import auth as totp
from django.test import Client

from havre.domain.access import Grants
from havre.records import accounts
from support.api_process import client_of

PASSWORD = "a long walk by the sea"


class Browser:
    """Asks the panel through its own socket, with the cookies of somebody who is in.

    Args:
        cookies: their values by name.
    """

    def __init__(self, cookies: dict[str, str]) -> None:
        self._ask = client_of(None, "panel")
        self._cookies = cookies

    def __call__(
        self, method: str, path: str, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Ask; a header ``Cookie`` comes beside those of the session."""
        named = dict(headers or {})
        cookies = [f"{name}={value}" for name, value in self._cookies.items()]
        named["Cookie"] = "; ".join([*cookies, *filter(None, (named.get("Cookie"),))])
        return self._ask(method, path, headers=named, **more)

    def send(self, path: str, form: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a form with the token of a page."""
        page = self("GET", "/")
        token = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        cookie = {"Cookie": f"havre_csrf={page.cookies['havre_csrf']}"}
        data = {**form, "csrfmiddlewaretoken": token}
        return self("POST", path, headers={**cookie, **(headers or {})}, data=data)


def browser_of(name: str, grants: Grants, *, is_proven: bool = False) -> Browser:
    """A new account with these roles and an authenticator app, and its browser.

    Args:
        name: of the account.
        grants: its roles.
        is_proven: whether who sits there gave their password a moment ago.
    """
    user = accounts.create_user(name, grants)
    user.set_password(PASSWORD)
    user.save()
    totp.TOTP.activate(user, totp.generate_totp_secret())
    client = Client()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    if is_proven:
        session = client.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": time.time(), "reauthenticated": True, "username": name}
        ]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
    return Browser({"havre_session": client.cookies["havre_session"].value})
