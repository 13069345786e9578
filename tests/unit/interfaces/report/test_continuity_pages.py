"""The continuity report as a page and as a document, in both languages."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from havre.domain.continuity.report import Code, Report
from havre.interfaces.report import document, page
from havre.interfaces.report.gathering import KINDS, report
from havre.interfaces.report.texts import LANGUAGES, Texts, _words
from havre.interfaces.report.wording import Wording

NOON = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def ago(**span: float) -> str:
    return (NOON - timedelta(**span)).isoformat()


def saved(**database: Any) -> dict[str, Any]:
    rows = [
        {
            "service": "db",
            "repository": where,
            "stopped_at": ago(hours=8),
            "verified_at": ago(days=1),
            "problem": "",
        }
        for where in ("local", "offsite")
    ]
    about = {
        "service": "db",
        "problem": "",
        "repositories": [{"repository": where, "problem": ""} for where in ("local", "offsite")],
        "at_risk_seconds": 48.0,
        "objective_rpo": 3600.0,
        **database,
    }
    return {"databases": [about], "backups": rows}


def drill(days: float, **changes: Any) -> dict[str, Any]:
    return {
        "started_at": ago(days=days), "repository": "offsite", "is_good": True, "rto": 185.0, "rpo": 0.0,
        "objective_rto": 14_400.0, "objective_rpo": 3600.0, "problem": "",
        "data": {"checks": [{}], "databases": {"db": {"comparison": {"rows": 184_210}}}}, **changes,
    }  # fmt: skip


def operation(kind: str, **changes: Any) -> dict[str, Any]:
    return {"created_at": ago(hours=1), "actor": "anna", "kind": kind, "target": "club-production",
            "state": "succeeded", "params": {}, **changes}  # fmt: skip


def made(*drills: dict[str, Any], **database: Any) -> Report:
    return report(
        server="club-1",
        made_at=NOON,
        storage={"endpoint": "https://s3.example.org", "bucket": "b", "kit_stored": True},
        environments={"club-production": (saved(**database), list(drills) or [drill(2)])},
        operations=[
            operation("restore"),
            operation("deploy"),
            operation("restore", params={"dry_run": True}),
        ],
    )


def test_what_the_api_answers_becomes_a_report() -> None:
    found = made()
    assert found.findings == ()
    assert (found.databases[0].at_risk, found.drills[0].rows) == (48.0, 184_210)
    assert [(each.actor, each.kind) for each in found.events] == [("anna", "restore")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_one_whole_file_that_loads_nothing(language: str) -> None:
    text = page.render(made(drill(2), drill(9, rto=None, is_good=False, problem="<b>x</b>")), language)
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", text)
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
    (drawn,) = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    root = ET.fromstring(drawn)
    assert len(root.findall("rect")) == 1
    assert len(root.findall("g")) == 1
    assert f'lang="{language}"' in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("count", [0, 1, 60])
def test_the_document_is_made_of_few_and_of_many_drills(language: str, count: int) -> None:
    found = made(*(drill(7 * n, problem="é\u2019\u4e2d") for n in range(count)))
    content = document.render(found, language)
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert document.render(Report("h", NOON, "", (), (), ()), language).startswith(b"%PDF-")


def test_both_languages_have_the_same_words_with_the_same_places() -> None:
    english, french = (_words(language) for language in ("en", "fr"))
    assert english.keys() == french.keys()
    for key, text in english.items():
        if isinstance(text, str):
            fields = [
                {name for _, name, _, _ in string.Formatter().parse(t) if name} for t in (text, french[key])
            ]
            assert fields[0] == fields[1], key
    wanted = {f"find_{code}" for code in Code} | {f"kind_{kind}" for kind in KINDS}
    assert wanted <= english.keys()


def test_dates_spans_and_numbers_are_written_as_each_language_does() -> None:
    english, french = Texts("en"), Texts("fr")
    assert english.moment(NOON) == "1 March 2026, 12:05 UTC"
    assert french.moment(NOON) == "1er mars 2026 à 12\u202fh\u202f05 UTC"
    assert (english.span(187_200), french.span(187_200)) == ("2 d 4 h", "2 j 4 h")
    assert [english.span(each) for each in (0.4, 59.6, 125)] == ["0 s", "1 min", "2 min 5 s"]
    assert (english.number(184_210), french.number(184_210)) == ("184,210", "184\u202f210")


def test_the_figures_that_stand_out_are_the_worst_ones() -> None:
    rto, rpo, drills = Wording(made(drill(2, rto=15_000.0), drill(9)), "en").keys
    assert (rto.value, rto.objective, rto.is_bad) == ("4 h 10 min", "objective 4 h", True)
    assert (rpo.value, rpo.is_bad) == ("48 s", False)
    assert drills.value == "2 / 2"
    _, unknown, _ = Wording(made(at_risk_seconds=None), "en").keys
    assert (unknown.value, unknown.is_bad) == ("not known", True)
    _, unknown, _ = Wording(made(at_risk_seconds=None, repositories=[], problem="it does not run"), "en").keys
    assert unknown.value == "not known"
    _, unknown, _ = Wording(made(at_risk_seconds=None, repositories=[]), "en").keys
    assert unknown.value == "everything"
