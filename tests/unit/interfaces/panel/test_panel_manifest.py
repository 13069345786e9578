"""The manifest in the browser: shown, checked with lines and remedies, planned, carried out."""

from __future__ import annotations

import pytest

from havre.domain.access import Grants, Role
from havre.manifest import load
from havre.manifest.place import spec_for, text_of
from havre.records import manifests
from havre.records.models import AuditEntry, Environment, ManifestText, Operation
from support.panel_people import browser_of

PATH = "/environments/dropit/production/manifest/"
TEXT = """\
project: dropit
environments:
  production: {}
services:
  api:
    kind: app
    build: .
    port: 3000
    health: /health
    env: {GREETING: "<b>hallo</b>"}
"""


def newest():
    return Operation.objects.latest("id")


def test_a_text_is_planned_and_then_carried_out_as_it_was_planned(send, harbour):
    answer = send(PATH, {"manifest": TEXT.replace("\n", "\r\n"), "ref": "main"})
    assert answer.status_code == 302, answer.text
    plan = newest()
    assert answer.headers["location"] == f"/operations/{plan.pk}/"
    assert (plan.kind, plan.params["ref"]) == ("plan", "main")
    assert manifests.given(plan) == TEXT
    assert AuditEntry.objects.get(action="plan").details["number"] == str(plan.pk)
    page = harbour("GET", f"/operations/{plan.pk}/").text
    assert f"{PATH}?of={plan.pk}" in page

    made = Operation.objects.exclude(pk=plan.pk).get(kind="plan").result
    Operation.objects.filter(pk=plan.pk).update(state="succeeded", result=made)
    form = {"plan": str(plan.pk), "confirm": "dropit-production"}
    assert send("/environments/dropit/production/do/apply", form).status_code == 302
    assert newest().kind == "apply"
    assert manifests.given(newest()) == TEXT


def test_its_values_are_not_among_what_an_operation_shows(send, harbour):
    send(PATH, {"manifest": TEXT, "ref": ""})
    plan = newest()
    assert "hallo" not in str((plan.params, plan.result))
    viewer = browser_of("vic", Grants(None, {"dropit": Role.VIEWER}))
    for path in (f"/operations/{plan.pk}/", f"/api/v1/operations/{plan.pk}"):
        answer = viewer("GET", path)
        assert answer.status_code == 200
        assert "hallo" not in answer.text
    assert "/manifest/" not in viewer("GET", f"/operations/{plan.pk}/").text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace("port: 3000", "prot: 3000"), ("Line 8", "is not a known key", "did you mean port?")),
        (TEXT.replace("port: 3000", "port: 70000"), ("Line 8", "services.api.port")),
        (TEXT.replace("project: dropit", "project: shop"), ("describes the project shop, not dropit",)),
        (TEXT.replace("production: {}", "staging: {}"), ("no environment",)),
        ("", ("is empty",)),
        ("a: [", ("Line 1",)),
        ("<script>alert(1)</script>", ("Line 1",)),
        ("&a [*a]" * 50, ("Line 1",)),
    ],
)
def test_what_is_wrong_is_told_by_line_with_its_remedy_and_queues_nothing(send, text, told):
    before = newest().pk
    for path in (PATH, f"{PATH}check"):
        answer = send(path, {"manifest": text}, **{"HX-Request": "true"})
        for each in told:
            assert each in answer.text, answer.text
        assert "<script>alert" not in answer.text
    assert send(PATH, {"manifest": text}).status_code == 422
    assert newest().pk == before
    assert not ManifestText.objects.exists()


def test_a_valid_text_is_said_to_be_valid(send):
    answer = send(f"{PATH}check", {"manifest": TEXT})
    assert (answer.status_code, "This is a valid manifest." in answer.text) == (200, True)
    assert "<html" not in answer.text


def test_the_page_shows_the_file_of_the_live_release_and_what_runs(harbour):
    row = Environment.objects.get(project__name="dropit", name="production")
    assert "This is the sample to begin with" in harbour("GET", PATH).text
    manifests.remember(row.current_release.operation, TEXT)
    page = harbour("GET", PATH).text
    assert "&lt;b&gt;hallo&lt;/b&gt;" in page
    assert "As the repository has it" in page
    assert "domains:" in page  # of the live release
    manifests.give(row.current_release.operation, TEXT)
    assert "was made of a manifest that was edited here" in harbour("GET", PATH).text


def test_the_text_of_another_environment_is_not_shown(harbour):
    other = Operation.objects.filter(environment__project__name="atelier").first()
    manifests.give(other, "of-atelier: 1")
    for number in (other.pk, "9" * 400, "x"):
        answer = harbour("GET", f"{PATH}?of={number}")
        assert answer.status_code == 200
        assert "of-atelier" not in answer.text


def test_a_viewer_sees_no_values(harbour):
    viewer = browser_of("vic", Grants(None, {"dropit": Role.VIEWER}))
    assert viewer("GET", PATH).status_code == 403
    assert viewer.send(f"{PATH}check", {"manifest": TEXT}).status_code == 403
    assert PATH not in viewer("GET", "/environments/dropit/production/").text


def test_a_huge_text_is_refused(send):
    answer = send(PATH, {"manifest": "a: b\n" * 100_000})
    assert answer.status_code in {400, 413, 422}
    assert not ManifestText.objects.exists()


def test_what_runs_is_yaml_that_a_manifest_could_say():
    spec = spec_for(load(TEXT), "dropit", "production")
    told = text_of(spec)
    assert "kind: app" in told
    assert "null" not in told
    assert "{}" not in told
