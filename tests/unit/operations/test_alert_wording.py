import string
import tomllib
from datetime import UTC, datetime
from importlib import resources

import pytest

from havre.domain.alerting.checks import KINDS
from havre.domain.alerting.telling import Word
from havre.operations.alerting.wording import LANGUAGES, Told, message, render

BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)
HTTP = Told(
    7,
    Word.BEGAN,
    "http",
    "shop/production",
    "shop.example.org",
    {"error": "status 502"},
    began=BEGAN,
    service="web",
    lines=("Traceback", "boom"),
    link="https://havre.example.org/alerts/7",
)


def words(language):
    text = resources.files("havre.operations.alerting").joinpath(f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


def fields(text):
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)


def test_every_kind_has_words_in_every_language_with_the_same_facts():
    english = words("en")
    assert set(english["kinds"]) == set(KINDS)
    for language in LANGUAGES:
        other = words(language)
        for section, known in english.items():
            assert list(other[section]) == list(known)
            for key, text in known.items():
                assert fields(other[section][key]) == fields(text), (language, key)


def test_a_message_says_cause_log_and_link():
    subject, text = render(HTTP, "en")
    assert subject == "[Alert] shop/production: shop.example.org does not answer: status 502"
    assert text == (
        "shop.example.org does not answer: status 502\n"
        "since 2026-11-30 12:00:00 UTC\n\n"
        "Last lines of the log of web:\n  Traceback\n  boom\n\n"
        "More: https://havre.example.org/alerts/7\n\n"
        "See havre alert list; havre alert ack 7 stops reminders."
    )


def test_in_french():
    subject, text = render(HTTP, "fr")
    assert subject == "[Alerte] shop/production : shop.example.org ne répond pas : status 502"
    assert "Dernières lignes du journal de web :" in text


def test_the_end_is_short():
    over = Told(7, Word.OVER, "disk", "server", "state", {"percent": 70}, BEGAN, BEGAN, lines=("x",))
    subject, text = render(over, "en")
    assert subject == "[Over] server: the disk of state is 70 % full"
    assert text.splitlines()[1:] == ["from 2026-11-30 12:00:00 UTC to 2026-11-30 12:00:00 UTC"]


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
def test_a_fact_that_lacks_is_no_error(language):
    assert "?" in message("disk", "state", {}, language)
    assert message("unheard-of", "state", {}, language) == "state"


def test_braces_in_what_others_wrote_are_plain_text():
    assert message("http", "{subject.__class__}", {"error": "{0}"}, "en") == (
        "{subject.__class__} does not answer: {0}"
    )
