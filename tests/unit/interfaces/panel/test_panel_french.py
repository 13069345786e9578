"""Every text of the panel is there in French, and what is compiled is what was written."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

from havre.domain.access import EVERYTHING
from support.api_process import client_of
from support.panel_people import browser_of

PANEL = Path(__file__).parents[4] / "src/havre/interfaces/panel"
FRENCH = PANEL / "locale/fr/LC_MESSAGES"


def _entries():
    """Each of the file: (context, text, translations, flags)."""
    for block in (FRENCH / "django.po").read_text().split("\n\n"):

        def read(key: str, block: str = block) -> str | None:
            found = re.search(rf'^{key} ((?:".*"\n?)+)', block, re.MULTILINE)
            return "".join(map(ast.literal_eval, found[1].strip().splitlines())) if found else None

        forms = [read(r"msgstr"), read(r"msgstr\[0\]"), read(r"msgstr\[1\]")]
        yield read("msgctxt"), read("msgid"), [form for form in forms if form is not None], "fuzzy" in block


def test_no_text_is_missing_or_fuzzy():
    entries = [each for each in _entries() if each[1]]
    assert len(entries) > 200
    assert [text for _, text, forms, is_fuzzy in entries if is_fuzzy or not all(forms)] == []


def test_placeholders_are_those_of_the_english():
    def named(text):
        return sorted(re.findall(r"%\(\w+\)s|%%", text))

    wrong = [text for _, text, forms, _ in _entries() if text and any(named(f) != named(text) for f in forms)]
    assert wrong == []


def test_every_text_of_the_templates_and_of_the_code_is_in_the_file(tmp_path):
    if not shutil.which("xgettext"):
        pytest.skip("needs gettext")
    sources = []
    for path in sorted(PANEL.rglob("*.html")):
        sources.append(tmp_path / f"{len(sources)}.py")
        sources[-1].write_text(templatize(path.read_text()))
    sources += sorted(PANEL.rglob("*.py"))
    words = ["gettext", "gettext_lazy", "_", "pgettext:1c,2", "pgettext_lazy:1c,2", "ngettext:1,2"]
    command = [
        "xgettext",
        "--language=Python",
        "--from-code=UTF-8",
        "-o",
        "-",
        *[f"--keyword={w}" for w in words],
    ]
    made = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=True).stdout
    marked = {
        "".join(map(ast.literal_eval, lines.strip().splitlines()))
        for lines in re.findall(r'^msgid ((?:".*"\n)+)', made, re.MULTILINE)
    }
    assert marked - {text for _, text, _, _ in _entries()} == set()


def test_what_is_compiled_is_what_was_written():
    with (FRENCH / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for context, text, forms, _ in _entries():
        if text and len(forms) == 1:
            told = compiled.pgettext(context, text) if context else compiled.gettext(text)
            assert told == forms[0]


def test_every_page_is_french_for_who_reads_french(harbour):
    text = harbour("GET", "/", headers={"Accept-Language": "fr-FR,fr;q=0.9"}).text
    assert "1 chose vous attend" in text
    assert "Needs attention" not in text


@pytest.mark.parametrize(
    ("path", "french", "english"),
    [
        ("/account/login/", "Mot de passe", "Password"),
        ("/account/two-factor/", "Application", "Authenticator"),
        ("/account/two-factor/keys/add/", "Nom", "Name"),
        ("/account/password/", "Nouveau mot de passe", "New"),
        ("/account/tokens/new/", "Jours", "Days"),
        ("/settings/people/new/", "aucun rôle", "no role"),
        ("/nothing/", "Introuvable", "Not found"),
    ],
)
def test_the_pages_of_accounts_are_french_too(harbour, path, french, english):
    """Also what allauth and Django say in them."""
    asking = (
        client_of(None, "panel") if path.endswith("login/") else browser_of("lea", EVERYTHING, is_proven=True)
    )
    text = asking("GET", path, headers={"Accept-Language": "fr-FR,fr;q=0.9"}).text
    words = re.sub(r"<script.*?</script>|<[^>]+>", " ", text, flags=re.DOTALL)
    assert '<html lang="fr"' in text
    assert french in words
    assert not re.search(rf"\b{english}\b", words)
