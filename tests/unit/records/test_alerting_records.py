"""From looks to messages, in the records."""

from datetime import UTC, datetime, timedelta

import pytest

from havre.domain.alerting.checks import Look
from havre.records import alerting, queries
from havre.records.models import Channel, Check, Delivery, Incident, Silence

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def channel():
    return Channel.objects.create(name="ops", kind="email", options={})


def watched(share, at):
    """Three minutes of looks at a disk that is so full."""
    for second in range(0, 420, 30):
        now = NOW + timedelta(minutes=at) + second * SECOND
        alerting.observe([Look("disk", "server", "state", value=share)], {"disk"}, now)
        alerting.tell(now)


def words():
    return list(Delivery.objects.order_by("pk").values_list("word", flat=True))


def test_one_message_for_an_incident_and_one_for_its_end(channel):
    watched(0.5, 0)
    assert not Check.objects.exists()
    watched(0.86, 10)
    watched(0.83, 20)  # between the two limits: it lasts
    assert words() == ["began"]
    incident = Incident.objects.get()
    assert (incident.over_at, incident.severity, incident.place) == (None, "warning", "server")
    assert incident.began_at == NOW + timedelta(minutes=10)  # when it was first seen
    watched(0.7, 30)
    assert words() == ["began", "over"]
    incident.refresh_from_db()
    assert incident.over_at is not None
    watched(0.7, 120)
    assert not Check.objects.exists()


def test_what_is_not_seen_any_more_is_over():
    watched(0.9, 0)
    assert Incident.objects.filter(over_at=None).count() == 1
    for minute in range(10, 20):
        alerting.observe([], {"disk"}, NOW + timedelta(minutes=minute))
    assert Incident.objects.filter(over_at=None).count() == 0
    # Others that were not looked at stay.
    watched(0.9, 200)
    alerting.observe([], {"memory"}, NOW + timedelta(minutes=300))
    assert Incident.objects.filter(over_at=None).count() == 1


def test_the_last_lines_are_asked_once_when_it_begins():
    queries.ensure_environment("shop", "production", source="x")
    asked = []

    def lines(seen):
        asked.append(seen.service)
        return ["Traceback", "boom"]

    for second in range(0, 300, 30):
        look = Look("http", "shop/production", "shop.example.org", is_bad=True, service="web")
        alerting.observe([look], {"http"}, NOW + second * SECOND, lines=lines)
    assert asked == ["web"]
    incident = Incident.objects.get()
    assert (incident.lines, str(incident.environment)) == (["Traceback", "boom"], "shop-production")
    incident.environment.delete()
    assert not Incident.objects.exists()
    assert not Check.objects.exists()


def test_a_silence_holds_back_and_an_acknowledgement_stops_reminders(channel):
    Silence.objects.create(check_kind="disk*", begins_at=NOW, ends_at=NOW + timedelta(hours=2))
    watched(0.9, 0)
    assert words() == []
    alerting.tell(NOW + timedelta(hours=3))
    assert words() == ["began"]
    alerting.tell(NOW + timedelta(hours=28))
    assert words() == ["began", "reminder"]
    alerting.acknowledge(Incident.objects.get(), "ada", NOW + timedelta(hours=29))
    alerting.acknowledge(Incident.objects.get(), "bob", NOW + timedelta(hours=30))
    alerting.tell(NOW + timedelta(hours=60))
    assert words() == ["began", "reminder"]
    assert Incident.objects.get().acknowledged_by == "ada"


def test_channels_hear_what_they_want(channel):
    Channel.objects.create(name="pager", kind="apprise", least="critical")
    Channel.objects.create(name="shop", kind="apprise", place="shop/*")
    Channel.objects.create(name="dead-man", kind="heartbeat")
    watched(0.9, 0)
    assert [each.channel.name for each in Delivery.objects.all()] == ["ops"]


def test_an_incident_without_a_channel_is_told_to_the_one_that_comes():
    watched(0.9, 0)
    Channel.objects.create(name="late", kind="email")
    alerting.tell(NOW + timedelta(minutes=10))
    assert words() == ["began"]


def test_a_message_that_fails_is_tried_again_and_the_next_one_waits_for_it(channel):
    watched(0.9, 0)
    watched(0.7, 30)
    (first,) = alerting.due(NOW + timedelta(hours=1))
    assert first.word == "began"
    now = NOW + timedelta(hours=1)
    alerting.failed(first, "no answer", now, may_pass=True)
    assert alerting.due(now) == []
    (again,) = alerting.due(now + 30 * SECOND)
    assert (again.pk, again.attempts, again.error) == (first.pk, 1, "no answer")
    alerting.delivered(again, now)
    (second,) = alerting.due(now)
    assert second.word == "over"
    alerting.failed(second, "no such user", now, may_pass=False)
    assert alerting.due(now + timedelta(days=1)) == []
    assert Delivery.objects.get(pk=second.pk).error == "no such user"


def test_a_test_is_tried_once(channel):
    test = Delivery.objects.create(channel=channel, word="test", next_at=NOW)
    alerting.failed(test, "no answer", NOW, may_pass=True)
    assert alerting.due(NOW + timedelta(days=1)) == []


def test_old_incidents_are_forgotten():
    Incident.objects.create(
        place="server", kind="disk", severity="warning", over_at=NOW - timedelta(days=500)
    )
    Incident.objects.create(place="server", kind="disk", severity="warning", over_at=NOW)
    alerting.forget_old(NOW)
    assert Incident.objects.count() == 1
