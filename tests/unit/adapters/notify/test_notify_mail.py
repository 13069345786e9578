"""Against a real SMTP server on this machine."""

import socket
from email import message_from_bytes
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from havre.adapters.notify.mail import Server, send
from havre.errors import HavreError

MESSAGE = {
    "sender": "havre@example.org",
    "recipients": ["ops@example.org", "on-call@example.org"],
    "subject": "Disque plein à 95 %\nBcc: someone@example.org",
    "text": "Le disque « state » est plein.\n.\nfin",
}


class Mailbox:
    """Takes what comes, but for a recipient whom it knows not, and one for whom it has no room now."""

    def __init__(self):
        self.envelopes = []

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("busy"):
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return "250 taken"


def authenticate(_server, _session, _envelope, _mechanism, given):
    is_right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"havre", b"right")
    return AuthResult(success=is_right, handled=False)


@pytest.fixture
def mailbox():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    box = Mailbox()
    controller = Controller(
        box, hostname="127.0.0.1", port=port, authenticator=authenticate, auth_require_tls=False
    )
    controller.start()
    box.server = Server("127.0.0.1", port, "none")
    yield box
    controller.stop()


def test_a_message_gets_there_whole(mailbox):
    send(mailbox.server, **MESSAGE, thread="incident-7")
    (envelope,) = mailbox.envelopes
    assert envelope.rcpt_tos == MESSAGE["recipients"]
    read = message_from_bytes(envelope.content, policy=default)
    assert read["Subject"] == "Disque plein à 95 % Bcc: someone@example.org"
    assert read["Bcc"] is None
    assert read["References"] == "<incident-7@havre.invalid>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content().replace("\r\n", "\n").rstrip("\n") == MESSAGE["text"]


def test_an_account_is_used(mailbox):
    known = Server("127.0.0.1", mailbox.server.port, "none", "havre", "right")
    send(known, **MESSAGE)
    assert len(mailbox.envelopes) == 1


def test_a_wrong_password_is_told_and_not_tried_again(mailbox):
    wrong = Server("127.0.0.1", mailbox.server.port, "none", "havre", "wrong-password")
    with pytest.raises(HavreError, match="refused the account: 535") as caught:
        send(wrong, **MESSAGE)
    assert not caught.value.retryable
    assert "wrong-password" not in repr(caught.value) + repr(wrong)
    assert mailbox.envelopes == []


@pytest.mark.parametrize(("recipient", "is_later"), [("nobody", False), ("busy", True)])
def test_who_is_refused_for_now_is_tried_again(mailbox, recipient, is_later):
    with pytest.raises(HavreError, match="refused") as caught:
        send(mailbox.server, **{**MESSAGE, "recipients": [f"{recipient}@example.org"]})
    assert caught.value.retryable is is_later


def test_one_of_two_refused_is_no_success(mailbox):
    with pytest.raises(HavreError, match=r"nobody@example\.org: 550"):
        send(mailbox.server, **{**MESSAGE, "recipients": ["ops@example.org", "nobody@example.org"]})


def test_a_server_without_encryption_gets_nothing_if_that_was_wanted(mailbox):
    with pytest.raises(HavreError):
        send(Server("127.0.0.1", mailbox.server.port, "starttls", "havre", "right"), **MESSAGE)
    assert mailbox.envelopes == []


def test_no_server_is_told(mailbox):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(HavreError, match="not reached: Connection refused") as caught:
            send(Server("127.0.0.1", closed.getsockname()[1], "none"), **MESSAGE)
    assert caught.value.retryable
