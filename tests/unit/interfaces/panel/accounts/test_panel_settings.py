"""What the settings say where Havre has a domain, and that the warm-up knows all templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from django.template import loader
from django.utils import formats, translation
from django.utils.translation import gettext

from havre.domain.router_proof import HEADER, proof_of
from havre.interfaces.panel import assets
from havre.interfaces.server import warm_up
from support.api_process import client_of

_ASK = """
import json
from havre import settings
names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "DEBUG", "ALLOWED_HOSTS")
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


def settings_with(**environment):
    known = {name: value for name, value in os.environ.items() if not name.startswith("HAVRE_")}
    done = subprocess.run(
        [sys.executable, "-c", _ASK], env=known | environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("domain", ["", "havre.example.org"])
def test_cookies_are_secure_and_https_is_kept_where_there_is_a_domain(tmp_path, domain):
    found = settings_with(HAVRE_STATE=str(tmp_path), HAVRE_DOMAIN=domain)
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is bool(domain)
    assert (found["SECURE_HSTS_SECONDS"] >= 31_536_000) is bool(domain)
    assert found["DEBUG"] is False
    assert "*" not in found["ALLOWED_HOSTS"]


def test_https_is_kept_only_by_those_who_came_by_it(transactional_db, state, settings):
    settings.SECURE_HSTS_SECONDS = 100
    name, proven = "strict-transport-security", {HEADER: proof_of(settings.SECRET_KEY)}
    assert client_of(None)("GET", "/account/login/", headers=proven).headers[name] == "max-age=100"
    assert name not in client_of(None, "panel")("GET", "/account/login/", headers=proven).headers


def test_every_template_is_read_before_the_rights_are_dropped(transactional_db, monkeypatch):
    warm_up._read_templates()
    monkeypatch.setattr("django.template.loaders.filesystem.Loader.get_contents", _closed)
    for name in ("account/login.html", "mfa/totp/activate_form.html", "panel/accounts/tokens.html"):
        loader.get_template(name)


def test_every_text_and_static_file_is_read_before_the_rights_are_dropped(monkeypatch):
    assets.catalogue.cache_clear()
    warm_up._read_texts()
    monkeypatch.setattr("django.contrib.staticfiles.finders.get_finders", _closed)
    monkeypatch.setattr("gettext.find", _closed)
    monkeypatch.setattr("django.utils.formats.import_module", _closed)
    assert "panel/havre.css" in assets.catalogue()
    with translation.override("fr"):
        assert gettext("Overview") == "Aperçu"
        assert formats.date_format(datetime(2026, 11, 30, tzinfo=UTC), "DATE_FORMAT") == "30 novembre 2026"


def _closed(*_args):
    raise PermissionError


def test_the_worker_does_without_the_pages(tmp_path):
    ask = """
import sys, django
django.setup()
from havre.controllers import worker
from havre.records.models import Grant, Project, User
print(sorted({name.partition(".")[0] for name in sys.modules} & {"allauth", "fido2", "ninja"}))
"""
    known = {name: value for name, value in os.environ.items() if not name.startswith("HAVRE_")}
    environment = {"HAVRE_STATE": str(tmp_path), "DJANGO_SETTINGS_MODULE": "havre.worker_settings"}
    done = subprocess.run(
        [sys.executable, "-c", ask], env=known | environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
