"""The off-site storage and its kit on the panel, and the first steps."""

from __future__ import annotations

import base64
import re

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from havre.domain.access import Grants, Role
from havre.domain.continuity import kit as kits
from havre.errors import BackupError
from havre.records import continuity, queries
from havre.records.models import AuditEntry, BackupStorage
from support import panel_harbour
from support.panel_people import browser_of

PATH = "/settings/storage/"
WANTED = {
    "endpoint": "https://s3.example.org",
    "bucket": "backups",
    "region": "eu-1",
    "style": "path",
    "key": "AKIDEXAMPLE",
    "secret": "hush-hush-hush",
}


@pytest.fixture
def ada(transactional_db, state):
    """An owner of the server who proved a moment ago that it is her."""
    return browser_of("ada", Grants(Role.OWNER), is_proven=True)


def test_a_storage_is_set_and_its_kit_shown_this_once(ada):
    assert "There is no off-site storage." in ada("GET", PATH).text
    answer = ada.send(f"{PATH}change/", WANTED)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
    text = re.search(r'<pre class="code scroll" tabindex="0">(.*?)</pre>', answer.text, re.DOTALL)[1]
    kit = kits.parse(text)
    assert (kit.keys.key, kit.keys.secret) == (WANTED["key"], WANTED["secret"])
    assert kit.place.bucket == "backups"
    pdf = re.search(r"data:application/pdf;base64,([A-Za-z0-9+/=]+)", answer.text)[1]
    assert base64.b64decode(pdf).startswith(b"%PDF")

    queries.ensure_environment("shop", "production", source="")
    assert "/settings/storage/#kit" in ada("GET", "/").text
    assert "/settings/storage/#kit" not in browser_of("vic", Grants(Role.MAINTAINER))("GET", "/").text
    page = ada("GET", PATH).text
    assert "is not kept elsewhere yet" in page
    for secret in (WANTED["secret"], kit.keys.passphrase):
        assert secret not in page
        assert secret not in str(list(AuditEntry.objects.values()))
    told = [each.details["what"] for each in AuditEntry.objects.order_by("id")]
    assert told == ["read", "set", "read the recovery kit", "read"]
    assert ada.send(f"{PATH}kept", {}).status_code == 302
    assert continuity.is_kit_stored(continuity.newest_storage())
    assert "is kept elsewhere." in ada("GET", PATH).text
    assert "/settings/storage/#kit" not in ada("GET", "/").text
    again = ada.send(f"{PATH}change/", {**WANTED, "secret": "another-one-now"})
    assert again.status_code == 302  # the passphrase of before is not known here
    assert "is not kept elsewhere yet" in ada("GET", PATH).text


def test_keys_of_who_has_to_prove_themselves_first_are_kept_nowhere(transactional_db, state):
    late = browser_of("ada", Grants(Role.OWNER))
    assert late("GET", f"{PATH}change/").headers["location"].startswith("/account/reauthenticate/")
    answer = late.send(f"{PATH}change/", WANTED)
    assert answer.headers["location"] == f"{PATH}change/"
    assert not BackupStorage.objects.exists()
    for row in Session.objects.all():
        assert WANTED["secret"] not in str(row.get_decoded())


@pytest.mark.parametrize(
    ("form", "label"),
    [
        ({"endpoint": "http://s3.example.org"}, "Endpoint"),
        ({"endpoint": "https://s3.example.org/$(id)"}, "Endpoint"),
        ({"bucket": "../x"}, "Bucket"),
        ({"bucket": "<script>alert(1)</script>"}, "Bucket"),
        ({"prefix": "../x"}, "Folder"),
        ({"secret": "two words"}, "one word of printable ASCII"),
        ({"style": "odd"}, "Addresses"),
        ({"ca": "no certificate"}, "not a certificate"),
        ({"key": ""}, "keys of the storage are missing"),
    ],
)
def test_what_is_wrong_is_told_and_no_key_repeated(ada, form, label):
    answer = ada.send(f"{PATH}change/", {**WANTED, **form})
    assert answer.status_code == 422, answer.text
    assert label in answer.text
    assert "<script>alert" not in answer.text
    for secret in ("hush-hush-hush", "two words"):
        assert secret not in answer.text
    assert not BackupStorage.objects.exists()


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        (
            {"place": "s3/backups", "steps": ["list", "write"], "deletes": "kept", "survives": True},
            200,
            "all good",
        ),
        (BackupError("cannot write to s3/backups", hint="check the key"), 422, "check the key"),
    ],
)
def test_it_is_tested(ada, monkeypatch, told, status, words):
    ada.send(f"{PATH}change/", WANTED)

    async def ask(_paths, question):
        assert question == {"query": "storage"}
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr("havre.interfaces.worker_client.ask", ask)
    answer = ada.send(f"{PATH}test", {})
    assert (answer.status_code, words in answer.text) == (status, True)


def test_what_cannot_be_taken_back_wants_the_name_of_the_bucket(ada, monkeypatch):
    ada.send(f"{PATH}change/", WANTED)
    asked = []

    async def ask(_paths, question):
        asked.append(question)
        return {"place": "s3/backups", "deletes": "locked", "survives": True}

    monkeypatch.setattr("havre.interfaces.worker_client.ask", ask)
    for form in (
        {"days": "30", "mode": "compliance"},
        {"days": "0", "mode": "governance"},
        {"days": "x", "mode": "y"},
    ):
        assert ada.send(f"{PATH}lock", form).status_code == 422
    assert asked == []
    confirmed = {"days": "30", "mode": "compliance", "confirm": "backups"}
    assert ada.send(f"{PATH}lock", confirmed).status_code == 200
    assert asked == [{"query": "lock-storage", "days": 30, "mode": "compliance"}]
    assert ada.send(f"{PATH}forget", {"confirm": "other"}).status_code == 422
    assert continuity.newest_storage() is not None
    assert ada.send(f"{PATH}forget", {"confirm": "backups"}).status_code == 302
    assert continuity.newest_storage() is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.DEVELOPER, Role.MAINTAINER])
def test_only_owners_of_the_server_come_near_it(transactional_db, state, role):
    browser = browser_of("sam", Grants(role, {}), is_proven=True)
    for path in ("", "change/"):
        assert browser("GET", PATH + path).status_code == 403
    for path in ("change/", "test", "lock", "forget", "kept"):
        assert browser.send(PATH + path, WANTED).status_code == 403
    assert not BackupStorage.objects.exists()


def test_the_first_steps_are_ticked_as_they_are_done(ada):
    def done():
        return ada("GET", "/first-steps/").text.count("icon-ok")

    assert 'href="/first-steps/"' in ada("GET", "/").text
    assert done() == 0
    queries.ensure_environment("shop", "production", source="https://git.example/you/shop")
    assert done() == 1
    assert "/environments/shop/production/begin/" in ada("GET", "/first-steps/").text
    ada.send(f"{PATH}change/", WANTED)
    assert done() == 2
    ada.send(f"{PATH}kept", {})
    assert done() == 3


def test_they_end_with_an_application_that_serves(ada):
    panel_harbour.fill(timezone.now())
    text = ada("GET", "/first-steps/").text
    assert "serves." in text
    assert text.count("icon-ok") == 4  # the panel has no domain here
