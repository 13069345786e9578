"""What each page takes, and that nothing of another project is found or changed through the panel."""

from __future__ import annotations

import pytest
from django.urls import URLResolver, get_resolver

from havre.domain.access import OPERATIONS, RULES, Action, Grants, Role
from havre.interfaces.panel.forms import FORMS
from havre.interfaces.panel.guard import PAGES, Need, need_of
from havre.records.models import AuditEntry, Operation, Project
from support import panel_harbour
from support.panel_people import browser_of

ENVIRONMENT = "environments/<name:project>/<name:environment>/"
NEEDS = {
    "static/<path:path>": Need.NOTHING,
    "preferences": Need.NOTHING,
    "": Need.SIGNED_IN,
    "overview/part": Need.SIGNED_IN,
    "activity/": Need.SIGNED_IN,
    "data/": Need.SIGNED_IN,
    "operations/<int:number>/": Need.LATER,
    "operations/<int:number>/cancel": Need.LATER,
    "operations/<int:number>/live": Need.LATER,
    ENVIRONMENT: Action.SEE,
    f"{ENVIRONMENT}services": Action.SEE,
    f"{ENVIRONMENT}data/": Action.SEE,
    f"{ENVIRONMENT}data/measured": Action.SEE,
    "first-steps/": Action.CREATE_PROJECT,
    "settings/storage/": Action.MANAGE_STORAGE,
    "settings/storage/change/": Action.MANAGE_STORAGE,
    "settings/storage/test": Action.MANAGE_STORAGE,
    "settings/storage/lock": Action.MANAGE_STORAGE,
    "settings/storage/forget": Action.MANAGE_STORAGE,
    "settings/storage/kept": Action.MANAGE_STORAGE,
    "projects/new": Action.CREATE_PROJECT,
    "projects/<name:project>/": Action.SEE,
    "projects/<name:project>/source": Action.DEPLOY,
    "projects/<name:project>/environments": Action.DEPLOY,
    "projects/<name:project>/key": Action.SET_DEPLOY_KEY,
    f"{ENVIRONMENT}begin/": Action.SEE,
    f"{ENVIRONMENT}domains/": Action.SEE,
    f"{ENVIRONMENT}settings/": Action.READ_VARIABLES,
    f"{ENVIRONMENT}settings/variable": Action.SET_VARIABLES,
    f"{ENVIRONMENT}settings/variable/unset": Action.SET_VARIABLES,
    f"{ENVIRONMENT}settings/secret": Action.SET_SECRETS,
    f"{ENVIRONMENT}settings/secret/unset": Action.SET_SECRETS,
    f"{ENVIRONMENT}manifest/": Action.READ_VARIABLES,
    f"{ENVIRONMENT}manifest/check": Action.READ_VARIABLES,
    f"{ENVIRONMENT}do/<slug:kind>": Action.SEE,  # and what the kind takes, see below
    "settings/people/": Action.MANAGE_USERS,
    "settings/people/new/": Action.MANAGE_USERS,
    "settings/people/named/<str:name>/": Action.MANAGE_USERS,
    "settings/people/named/<str:name>/link": Action.MANAGE_USERS,
    "settings/people/named/<str:name>/change": Action.MANAGE_USERS,
    "settings/tokens/": Action.MANAGE_TOKENS,
    "settings/tokens/<int:number>/revoke": Action.MANAGE_TOKENS,
    "settings/audit/": Need.LATER,
    "account/welcome/<str:text>/": Need.NOTHING,
    "account/sessions/": Need.SIGNED_IN,
    "account/sessions/<int:number>/end/": Need.SIGNED_IN,
    "account/sessions/end-others/": Need.SIGNED_IN,
    "account/tokens/": Need.SIGNED_IN,
    "account/tokens/new/": Need.SIGNED_IN,
    "account/tokens/<int:number>/revoke/": Need.SIGNED_IN,
}
"""Every page of Havre's own."""


def pages(patterns=None, prefix=""):
    for each in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(each, URLResolver):
            yield from pages(each.url_patterns, prefix + str(each.pattern))
        elif not (address := prefix + str(each.pattern)).startswith(("api/", "metrics")):
            yield pytest.param(address, each, id=address or "/")


@pytest.mark.parametrize(("address", "page"), list(pages()))
def test_every_page_declares_what_it_takes(address, page):
    need = need_of(page.callback, page.name)
    assert need is not None
    assert need == NEEDS.get(address, PAGES.get(page.name))


def test_what_is_declared_is_there():
    addresses = {each.values[0] for each in pages()}
    assert set(NEEDS) <= addresses
    assert set(PAGES) <= {each.values[1].name for each in pages()}


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_a_form_takes_what_its_operation_takes(kind):
    assert FORMS[kind].needs is OPERATIONS[kind]


@pytest.fixture
def filled(transactional_db, state):
    from django.utils import timezone  # noqa: PLC0415 - beside its use

    panel_harbour.fill(timezone.now())


def of(kind):
    return f"/environments/dropit/staging/do/{kind}"


PARTS = ("services", "data/", "data/measured", "begin/", "manifest/", "settings/", "domains/")
"""Pages of an environment, below it."""
FORMS_OF_PROJECTS = {
    "/projects/dropit/source": {"source": "https://evil.example/dropit"},
    "/projects/dropit/environments": {"environment": "mine"},
    "/projects/dropit/key": {},
    "/environments/dropit/production/settings/variable": {"name": "X", "value": "1"},
    "/environments/dropit/production/settings/variable/unset": {"name": "X"},
    "/environments/dropit/production/settings/secret": {"name": "x", "value": "1"},
    "/environments/dropit/production/settings/secret/unset": {"name": "x"},
    "/environments/dropit/production/manifest/": {"manifest": "project: dropit"},
    "/environments/dropit/production/manifest/check": {"manifest": "project: dropit"},
}
"""Forms that change something of a project."""
VALUES = {
    "scale": {"replicas.api": "3", "was.api": "1"},
    "run": {"service": "api", "command": "true"},
}


@pytest.mark.parametrize("role", list(Role))
def test_actions_are_offered_to_and_taken_from_the_roles_of_the_table(filled, role):
    browser = browser_of("lea", Grants(None, {"dropit": role}))
    before = Operation.objects.count()
    shown = browser("GET", "/environments/dropit/staging/").text
    shown += browser("GET", "/environments/dropit/staging/data/").text
    for kind, form in FORMS.items():
        may = role.covers(RULES[form.needs].least)
        assert (browser("GET", of(kind)).status_code == 200) is may, kind
        if kind == "apply":  # its button is on the page of a plan
            continue
        assert (f'href="{of(kind)}"' in shown) is may, kind
        answer = browser.send(of(kind), VALUES.get(kind, {}))
        assert answer.status_code == (302 if may else 403), (kind, answer.text)
        before += may
        assert Operation.objects.count() == before, kind
    noted = AuditEntry.objects.values_list("action", flat=True)
    wanted = [f.needs.value for k, f in FORMS.items() if k != "apply" and role.covers(RULES[f.needs].least)]
    assert sorted(noted) == sorted(wanted)


@pytest.mark.parametrize("role", list(Role))
def test_nothing_of_another_project_is_found_by_guessing(filled, role):
    """Neither by pages, nor by their parts, nor by event streams, nor by forms."""
    browser = browser_of("eve", Grants(None, {"atelier": role}))
    base = "/environments/dropit/production/"
    theirs = [row.pk for row in Operation.objects.filter(environment__project__name="dropit")]
    running = Operation.objects.get(state="running", environment__project__name="dropit").pk
    hidden = [base, *(base + part for part in PARTS), "/projects/dropit/"]
    hidden += [f"{base}do/{kind}" for kind in FORMS]
    hidden += [f"/operations/{number}/" for number in (theirs[0], theirs[-1], running)]
    hidden += [f"/operations/{running}/live", f"/operations/{running}/live?after=0"]
    for path in hidden:
        for headers in ({}, {"HX-Request": "true"}):
            answer = browser("GET", path, headers=headers)
            there = browser("GET", path.replace("dropit", "nobody").replace(f"s/{running}", "s/999999"))
            assert (answer.status_code, there.status_code) == (404, 404), path
            assert "courier" not in answer.text, path
    before = Operation.objects.count()
    for kind in FORMS:
        form = {**VALUES.get(kind, {}), "confirm": "dropit-production"}
        assert browser.send(f"{base}do/{kind}", form).status_code == 404
    assert browser.send(f"/operations/{running}/cancel", {}).status_code == 404
    for path, form in FORMS_OF_PROJECTS.items():
        there = browser.send(path.replace("dropit", "nobody"), form).status_code
        assert (browser.send(path, form).status_code, there) == (404, 404), path
    assert Operation.objects.count() == before
    assert not Operation.objects.get(pk=running).cancel_requested
    assert not AuditEntry.objects.exists()


def test_lists_show_only_what_one_may_see(filled):
    browser = browser_of("eve", Grants(None, {"atelier": Role.OWNER}))
    everything = browser_of("ada", Grants(Role.VIEWER))
    for path in ("/", "/overview/part", "/activity/", "/data/"):
        mine, all_of_it = browser("GET", path).text, everything("GET", path).text
        assert "atelier" in mine
        for other in ("dropit", "depot-map"):
            assert other not in mine.replace("dropit-harbour", "?"), path
        assert "dropit" in all_of_it
    assert "no operation" not in browser("GET", "/activity/?environment=dropit/production").text
    assert "/operations/" not in browser("GET", "/activity/?environment=dropit/production").text
    # Where the copies are is for those who manage the storage.
    assert "dropit-harbour" not in browser("GET", "/data/").text + everything("GET", "/data/").text
    assert "dropit-harbour" in browser_of("max", Grants(Role.OWNER))("GET", "/data/").text


def test_what_was_destroyed_is_still_in_the_activity_of_who_sees_everything(filled):
    Operation.objects.create(kind="destroy", target="old-production", actor="lea", state="succeeded")
    assert "old-production" in browser_of("ada", Grants(Role.VIEWER))("GET", "/activity/").text
    assert "old-" not in browser_of("eve", Grants(None, {"atelier": Role.OWNER}))("GET", "/activity/").text


def test_an_operation_is_stopped_only_by_who_might_have_started_it(filled):
    running = Operation.objects.get(state="running", kind="deploy")
    page = f"/operations/{running.pk}/"
    viewer = browser_of("vic", Grants(None, {"dropit": Role.VIEWER}))
    assert "Stop and undo" not in viewer("GET", page).text
    assert viewer.send(f"{page}cancel", {}).status_code == 403
    developer = browser_of("dev", Grants(None, {"dropit": Role.DEVELOPER}))
    assert "Stop and undo" in developer("GET", page).text
    Operation.objects.filter(pk=running.pk).update(kind="restore")  # which takes a maintainer
    assert "Stop and undo" not in developer("GET", page).text
    assert developer.send(f"{page}cancel", {}).status_code == 403
    assert not Operation.objects.get(pk=running.pk).cancel_requested


def test_who_has_no_role_sees_an_empty_harbour_and_nothing_of_the_others(filled):
    browser = browser_of("new", Grants())
    for path in ("/", "/activity/", "/data/"):
        answer = browser("GET", path)
        assert answer.status_code == 200
        assert not any(name in answer.text for name in Project.objects.values_list("name", flat=True)), path
