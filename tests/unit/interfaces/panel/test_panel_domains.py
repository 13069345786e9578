"""Routes and certificates of an environment."""

from __future__ import annotations

import pytest

from havre.errors import ServerError
from havre.interfaces.panel import domains
from havre.manifest import EnvironmentSpec
from support import panel_harbour

PATH = "/environments/dropit/production/domains/"
SPEC = {
    "project": "shop",
    "environment": "production",
    "services": {
        "web": {
            "kind": "static",
            "build": {"command": "x", "output": "dist"},
            "domains": [
                {"host": "shop.example", "paths": ["/", "/b"], "redirect_from": ["www.shop.example"]}
            ],
        },
        "api": {"kind": "app", "port": 1, "health": "/", "build": ".", "domain": "shop.test"},
    },
}


@pytest.fixture
def worker(monkeypatch):
    async def ask(_paths, question):
        return panel_harbour.answer(question)

    monkeypatch.setattr("havre.interfaces.worker_client.ask", ask)


def test_routes_are_those_of_the_manifest():
    found = domains.routes(EnvironmentSpec.model_validate(SPEC))
    assert [(each.address, each.service, each.goes_to) for each in found] == [
        ("https://shop.example/", "web", ""),
        ("https://shop.example/b", "web", ""),
        ("http://shop.test/", "api", ""),
        ("https://www.shop.example/", "web", "https://shop.example"),
    ]


def test_routes_and_certificates_are_shown(harbour, worker):
    text = harbour("GET", PATH).text
    for each in ("https://api.dropit.example/", "Ends soon", "Valid", "61 days", "R12"):
        assert each in text, each


def test_a_silent_worker_takes_the_routes_from_nobody(harbour, monkeypatch):
    async def ask(_paths, _question):
        raise ServerError("the worker does not answer")

    monkeypatch.setattr("havre.interfaces.worker_client.ask", ask)
    text = harbour("GET", PATH).text
    assert "https://api.dropit.example/" in text
    assert "the worker does not answer" in text


def test_what_has_no_domain_teaches(harbour):
    assert "No domain leads here" in harbour("GET", "/environments/dropit/preview-214/domains/").text
