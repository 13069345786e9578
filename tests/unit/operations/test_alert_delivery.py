"""Channels with real servers behind them: SMTP, a webhook, and a heartbeat."""

import socket
from email import message_from_bytes
from email.policy import default
from typing import ClassVar

import pytest
from aiosmtpd.controller import Controller
from django.utils import timezone

from havre.adapters import sealing
from havre.config import Config
from havre.errors import UsageError
from havre.operations.alerting.channel_options import checked
from havre.operations.alerting.deliver import Heart, deliver
from havre.records import alerting
from havre.records.models import Channel, Delivery, Incident
from support.taker import taking

pytestmark = pytest.mark.django_db


@pytest.fixture
def config(tmp_path):
    config = Config(state=tmp_path, domain="havre.example.org")
    config.paths.keys.mkdir()
    sealing.make_keys(config.paths.private_key, config.paths.public_key)
    return config


@pytest.fixture
def web():
    with taking() as found:
        yield found


@pytest.fixture
def smtp():
    class Box:
        envelopes: ClassVar = []

        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
            self.envelopes.append(envelope)
            return "250 taken"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        Box.port = free.getsockname()[1]
    controller = Controller(Box(), hostname="127.0.0.1", port=Box.port)
    controller.start()
    yield Box
    controller.stop()


def channel(config, name, kind, secret="", **options):
    sealed = sealing.seal(config.paths.public_key, secret.encode()) if secret else None
    return Channel.objects.create(name=name, kind=kind, options=options, sealed=sealed, language="fr")


def incident():
    return Incident.objects.create(
        place="server", kind="disk", subject="state", severity="warning", facts={"percent": 91}
    )


def test_an_incident_gets_to_a_mailbox_in_the_channels_language(config, smtp):
    channel(
        config, "ops", "email", host="127.0.0.1", port=smtp.port, security="none",
        sender="havre@example.org", recipients=["ops@example.org"],
    )  # fmt: skip
    number = incident().pk
    alerting.tell(timezone.now())
    assert deliver(config) == 1
    assert deliver(config) == 0
    read = message_from_bytes(smtp.envelopes[0].content, policy=default)
    assert read["Subject"] == "[Alerte] server : le disque de state est plein à 91 %"
    assert f"https://havre.example.org/alerts/{number}" in read.get_content()
    row = Delivery.objects.get()
    assert (row.attempts, row.error, row.next_at) == (1, "", None)
    assert row.taken_at is not None


def test_a_webhook_gets_a_document_and_a_refusal_is_seen(config, web):
    channel(config, "hook", "webhook", f"{web.url}/token-abc")
    incident()
    alerting.tell(timezone.now())
    web.status = 404
    assert deliver(config) == 0
    row = Delivery.objects.get()
    assert (row.attempts, row.error, row.next_at) == (1, "the alert was refused: status 404", None)
    assert "token-abc" not in row.error
    Delivery.objects.update(next_at=timezone.now())
    web.status = 200
    assert deliver(config) == 1
    assert web.got[-1]["event"] == "began"
    assert web.got[-1]["facts"] == {"percent": 91}


def test_a_test_message_goes_through(config, web):
    hook = channel(config, "hook", "webhook", f"{web.url}/token-abc")
    Delivery.objects.create(channel=hook, word="test")
    assert deliver(config) == 1
    assert web.got[0]["text"] == "Ceci est un test du canal hook. Les alertes arrivent par ce chemin."


def test_a_secret_that_cannot_be_opened_costs_no_other_channel(config, web):
    broken = channel(config, "broken", "webhook", f"{web.url}/token-abc")
    Channel.objects.filter(pk=broken.pk).update(sealed=b"nonsense")
    channel(config, "hook", "webhook", f"{web.url}/token-abc")
    incident()
    alerting.tell(timezone.now())
    assert deliver(config) == 1
    assert Delivery.objects.get(channel=broken).error


def test_the_heartbeat_is_pinged_once_a_minute_and_failures_are_seen(config, web):
    channel(config, "dead-man", "heartbeat", f"{web.url}/token-abc")
    heart = Heart(config)
    heart.beat()
    heart.beat()
    assert web.got == ["/token-abc"]
    assert Delivery.objects.get().error == ""
    web.status = 500
    Heart(config).beat()
    row = Delivery.objects.get()
    assert row.error == "the heartbeat was answered with status 500"
    assert row.taken_at is not None  # the last one that was taken


@pytest.mark.parametrize(
    ("kind", "options", "secret", "told"),
    [
        ("email", {"host": "x", "sender": "a@b", "recipients": []}, "", "recipients"),
        ("email", {"host": "x", "sender": "a@b\nBcc: c@d", "recipients": ["a@b"]}, "", "sender"),
        ("email", {"host": "x y", "sender": "a@b", "recipients": ["a@b"]}, "", "host"),
        ("webhook", {}, "file:///etc/passwd", "address"),
        ("webhook", {"url": "https://x"}, "https://secret-place", "url"),
        ("heartbeat", {}, "", "address"),
        ("apprise", {}, "secret-thing", "apprise"),
        ("pigeon", {}, "", "kind"),
    ],
)
def test_options_that_do_not_fit_are_told_without_the_secret(kind, options, secret, told):
    with pytest.raises(UsageError, match=told) as caught:
        checked(kind, options, secret)
    assert "secret-" not in f"{caught.value.message} {caught.value.hint}"
