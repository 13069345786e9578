from __future__ import annotations

import pytest
from django.utils import timezone

from havre.records.models import Channel, Delivery, Incident

MAIL = {
    "kind": "email",
    "options": {"host": "smtp.example.org", "sender": "havre@example.org", "recipients": ["ops@example.org"]},
    "secret": "hush-hush",
    "language": "fr",
}
CHANNELS = "/api/v1/alert-channels"


@pytest.fixture
def incident(ask):
    return Incident.objects.create(
        place="server", kind="disk", subject="state", severity="warning", facts={"percent": 91}
    )


def test_alerts_are_told_in_both_languages_and_taken_on_once(ask, incident):
    (row,) = ask("GET", "/api/v1/alerts").json()
    assert row["message"] == "the disk of state is 91 % full"
    (row,) = ask("GET", "/api/v1/alerts?language=fr").json()
    assert row["message"] == "le disque de state est plein à 91 %"
    taken = ask("POST", f"/api/v1/alerts/{incident.pk}/acknowledge").json()
    assert taken["acknowledged_at"]
    again = ask("POST", f"/api/v1/alerts/{incident.pk}/acknowledge").json()
    assert again["acknowledged_at"] == taken["acknowledged_at"]
    assert ask("POST", "/api/v1/alerts/99999/acknowledge").status_code == 404
    Incident.objects.update(over_at=timezone.now())
    assert ask("GET", "/api/v1/alerts").json() == []
    assert len(ask("GET", "/api/v1/alerts?state=all").json()) == 1


def test_a_channels_secret_goes_in_sealed_and_never_comes_out(ask):
    made = ask("PUT", f"{CHANNELS}/ops", MAIL)
    assert made.status_code == 200, made.text
    assert made.json()["has_secret"]
    listed = ask("GET", CHANNELS)
    assert "hush-hush" not in made.text + listed.text
    assert b"hush-hush" not in bytes(Channel.objects.get().sealed)


def test_a_password_stays_for_its_host_and_for_no_other(ask):
    ask("PUT", f"{CHANNELS}/ops", MAIL)
    without = {key: value for key, value in MAIL.items() if key != "secret"}
    assert ask("PUT", f"{CHANNELS}/ops", {**without, "language": "en"}).json()["has_secret"]
    elsewhere = {**without, "options": {**MAIL["options"], "host": "evil.example.org"}}
    assert not ask("PUT", f"{CHANNELS}/ops", elsewhere).json()["has_secret"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"kind": "pigeon"},
        {**MAIL, "options": {}},
        {"kind": "webhook"},
        {"kind": "webhook", "secret": "file:///etc/passwd"},
        {**MAIL, "place": "$(id)"},
    ],
)
def test_a_channel_that_does_not_fit_is_refused(ask, wanted):
    answer = ask("PUT", f"{CHANNELS}/ops", wanted)
    assert answer.status_code in {400, 422}, answer.text
    assert not Channel.objects.exists()


def test_only_an_administrator_sets_channels(ask_remotely):
    assert ask_remotely("PUT", f"{CHANNELS}/ops", MAIL).status_code in {401, 403}


def test_a_test_is_a_delivery_that_the_worker_makes(ask):
    ask("PUT", f"{CHANNELS}/ops", MAIL)
    queued = ask("POST", f"{CHANNELS}/ops/test")
    assert queued.status_code == 202
    row = Delivery.objects.get()
    assert (row.word, row.incident) == ("test", None)
    Delivery.objects.update(attempts=1, error="no such user", next_at=None)
    assert ask("GET", f"/api/v1/alert-deliveries/{row.pk}").json()["error"] == "no such user"
    assert ask("GET", "/api/v1/alert-deliveries?failed=true").json()[0]["channel"] == "ops"
    assert ask("GET", CHANNELS).json()[0]["error"] == "no such user"
    assert ask("DELETE", f"{CHANNELS}/ops").status_code == 204
    assert ask("POST", f"{CHANNELS}/ops/test").status_code == 404


def test_silences_are_set_listed_and_ended(ask):
    made = ask("POST", "/api/v1/alert-silences", {"place": "shop/*", "seconds": 3600, "reason": "new disk"})
    assert made.status_code == 201, made.text
    later = {"seconds": 60, "begins_at": "2099-01-01T00:00:00Z"}
    assert ask("POST", "/api/v1/alert-silences", later).status_code == 201
    rows = ask("GET", "/api/v1/alert-silences").json()
    assert [(row["place"], row["reason"]) for row in rows] == [("shop/*", "new disk"), ("*", "")]
    assert ask("POST", "/api/v1/alert-silences", {"seconds": 5}).status_code == 422
    naive = {"seconds": 60, "begins_at": "2099-01-01T00:00:00"}
    assert ask("POST", "/api/v1/alert-silences", naive).status_code in {400, 422}
    assert ask("DELETE", f"/api/v1/alert-silences/{rows[0]['id']}").status_code == 204
    assert len(ask("GET", "/api/v1/alert-silences").json()) == 1
