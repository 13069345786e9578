"""E-mail by SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final, Literal

from havre.errors import HavreError

_TIMEOUT: Final = 20.0  # seconds, of each answer
_MOST_SUBJECT: Final = 200
Security = Literal["tls", "starttls", "none"]
_TEMPORARY: Final = range(400, 500)
"""Replies after which the same message may be taken later (RFC 5321, 4.2.1)."""


@dataclass(frozen=True)
class Server:
    """Where mail is given in.

    Attributes:
        host: its name.
        port: 465 is usual for ``tls``, 587 for ``starttls``.
        security: how the connection is encrypted; ``none`` sends no password.
        user: of an account there; empty: none.
        password: of it.
        ca: authorities in PEM that vouch for it; empty: those of this machine.
    """

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""


def send(
    server: Server, *, sender: str, recipients: Sequence[str], subject: str, text: str, thread: str = ""
) -> None:
    """Send a message of plain text.

    Args:
        server: that takes it.
        sender: its address.
        recipients: their addresses.
        subject: one line; what is no part of a line is left out.
        text: the message.
        thread: the same for all messages of one incident, so that programs show them together.

    Raises:
        HavreError: it was refused, or did not get there; ``retryable`` says whether it may be taken later.
    """
    message = _message(sender, recipients, subject, text, thread)
    try:
        with _connected(server) as connection:
            if server.user:
                connection.login(server.user, server.password)
            refused = connection.send_message(message, sender, list(recipients))
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        raise _refused("the recipients", codes) from None
    except smtplib.SMTPAuthenticationError as error:
        raise HavreError(
            f"the mail server refused the account: {error.smtp_code}", hint="are user and password right?"
        ) from None
    except smtplib.SMTPResponseException as error:
        raise _refused("the message", {error.smtp_code}) from None
    except (OSError, smtplib.SMTPException) as error:
        # Its own words may hold what the server said, and that the password.
        raise HavreError(
            f"the mail server {server.host}:{server.port} was not reached: {_why(error)}", retryable=True
        ) from None
    if refused:
        raise _refused(", ".join(sorted(refused)), {code for code, _ in refused.values()})


def _connected(server: Server) -> smtplib.SMTP:
    context = ssl.create_default_context(cadata=server.ca or None)
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT, context=context)
    connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
    except BaseException:
        connection.close()
        raise
    return connection


def _message(sender: str, recipients: Sequence[str], subject: str, text: str, thread: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(recipients)
    message["Subject"] = " ".join(subject.split())[:_MOST_SUBJECT]
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="havre.invalid")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    if thread:
        message["References"] = f"<{thread}@havre.invalid>"
    message.set_content(text)
    return message


def _refused(what: str, codes: set[int]) -> HavreError:
    told = ", ".join(str(code) for code in sorted(codes))
    may_be_later = all(code in _TEMPORARY for code in codes)
    return HavreError(f"the mail server refused {what}: {told}", retryable=may_be_later)


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return getattr(error, "strerror", None) or type(error).__name__
