"""What allauth asks Havre: who the client is, whether one may register, how secrets are kept."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import timedelta
from functools import lru_cache

import segno
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from havre.errors import SecretError
from havre.interfaces.api.access import address_of
from havre.records.models import User


class Accounts(DefaultAccountAdapter):  # type: ignore[misc] # allauth has no types
    """Accounts of people that an owner let in; mail is never sent from here."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - as allauth calls it
        """Never: `havre admin create` and an owner make accounts."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address of who asks, by which attempts are counted."""
        return address_of(request) or "127.0.0.1"

    def is_reauthentication_required(self, *, app: str, **_more: object) -> bool:
        """Whether one is asked for a factor again: not while one who just came in sets theirs up."""
        user = context.request.user
        if app != "allauth.mfa" or not isinstance(user, User):
            return True
        recent = timezone.now() - timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
        is_new = not Authenticator.objects.filter(user=user, created_at__lt=recent).exists()
        return not (is_new and user.last_login is not None and user.last_login > recent)

    def send_mail(self, *_arguments: object, **_named: object) -> None:
        """No mail: the audit log tells what happened."""


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc] # allauth has no types
    """Keys of authenticator apps are stored encrypted by a key that is not in the database."""

    def build_totp_svg(self, url: str) -> str:
        """The QR code of an authenticator app's address, as SVG."""
        text = io.BytesIO()
        segno.make(url, micro=False).save(text, kind="svg", scale=4, xmldecl=False)
        return text.getvalue().decode()

    def encrypt(self, text: str) -> str:
        """The text, for the database."""
        return _cipher().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The text, out of the database.

        Raises:
            SecretError: the key of this server is another one.
        """
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise SecretError(
                "a second factor cannot be read: keys/django.key is not the one it was stored with",
                hint="bring that file back, or let the account begin anew: havre admin link NAME --reset",
            ) from error


@lru_cache(maxsize=1)
def _cipher() -> Fernet:
    derived = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"second-factors")
    return Fernet(base64.urlsafe_b64encode(derived.digest()))
