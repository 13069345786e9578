"""A project from a Git address, its environments, its deploy key, and its beginning."""

from __future__ import annotations

import pytest

from havre.adapters import sealing
from havre.adapters.git import deploy_keys
from havre.config import config
from havre.domain.access import Grants, Role
from havre.records.models import AuditEntry, Environment, Operation, Project
from support.panel_people import browser_of

SHOP = {"source": "git@github.com:you/shop.git", "environment": "production"}
BEGIN = "/environments/shop/production/begin/"


def made(send, **more):
    return send("/projects/new", {**SHOP, **more})


def test_a_project_is_made_of_an_address_and_leads_to_its_first_deployment(send, harbour):
    answer = made(send, ref="next", subfolder="apps/shop")
    assert (answer.status_code, answer.headers["location"]) == (302, f"{BEGIN}?ref=next"), answer.text
    row = Project.objects.get(name="shop")
    assert (row.source, row.subfolder) == (SHOP["source"], "apps/shop")
    assert [each.name for each in row.environments.all()] == ["production"]
    entry = AuditEntry.objects.get(action="create projects")
    assert (entry.actor, entry.project, entry.details["source"]) == ("root", "shop", SHOP["source"])
    page = harbour("GET", answer.headers["location"]).text
    assert 'value="next"' in page
    assert not Operation.objects.filter(environment__project=row).exists()

    answer = send("/environments/shop/production/do/deploy", {"ref": "next", "dry": "1"})
    assert answer.status_code == 302, answer.text
    operation = Operation.objects.get(environment__project=row)
    assert (operation.kind, operation.params["ref"], operation.params["source"]) == ("plan", "next", None)


def test_its_key_is_made_and_shown_and_the_private_half_is_sealed(send, harbour):
    made(send)
    assert "Make a key" in harbour("GET", BEGIN).text
    answer = send("/projects/shop/key", {"then": "production", "ref": "next"})
    assert answer.headers["location"] == f"{BEGIN}?ref=next"
    row = Project.objects.get(name="shop")
    private = sealing.unseal(config().paths.private_key, bytes(row.sealed_deploy_key)).decode()
    public = deploy_keys.public_of(private)
    assert row.deploy_key_public == f"{public} havre-shop"
    for path in (BEGIN, "/projects/shop/"):
        page = harbour("GET", path).text
        assert public.replace("+", "&#x2B;") in page or public in page
        assert "https://github.com/you/shop/settings/keys/new" in page
        assert "PRIVATE" not in page
    assert private.splitlines()[1] not in str(list(AuditEntry.objects.values()))
    assert send("/projects/shop/key", {"forget": "1"}).headers["location"] == "/projects/shop/"
    row.refresh_from_db()
    assert (row.sealed_deploy_key, row.deploy_key_public) == (None, "")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"source": ""}, "This is not a Git address"),
        ({"source": "/srv/shop"}, "by its administrator only"),
        ({"source": "ext::sh -c id"}, "not a Git address"),
        ({"source": "--upload-pack=id"}, "not a Git address"),
        ({"source": "https://me:hunter2@git.example/shop"}, "holds a password"),
        ({"name": "Shop!"}, "lower-case letters"),
        ({"name": "dropit"}, "There is a project dropit already."),
        ({"name": "dropit-production"}, "would share its names with"),
        ({"environment": "../x"}, "is not a name"),
        ({"environment": "<script>alert(1)</script>"}, "&lt;script&gt;"),
        ({"ref": "--x"}, "is not the name of a branch"),
        ({"subfolder": "../../etc"}, "write a path inside the repository"),
        ({"subfolder": "a" * 5000}, "at most 300"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_makes_nothing(send, form, told):
    before = (Project.objects.count(), Environment.objects.count())
    answer = made(send, **form)
    assert answer.status_code == 422, answer.text
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "<script>alert" not in answer.text
    assert (Project.objects.count(), Environment.objects.count()) == before
    assert not AuditEntry.objects.filter(action="create projects").exists()


def test_an_environment_is_added_and_the_repository_moved(send, harbour):
    answer = send("/projects/dropit/environments", {"environment": "demo", "ref": "next"})
    assert answer.headers["location"] == "/environments/dropit/demo/begin/?ref=next"
    again = send("/projects/dropit/environments", {"environment": "demo"})
    assert again.status_code == 422
    assert "There is an environment demo already." in again.text
    moved = send("/projects/dropit/source", {"source": "https://git.example/new/dropit", "subfolder": ""})
    assert moved.headers["location"] == "/projects/dropit/"
    assert Project.objects.get(name="dropit").source == "https://git.example/new/dropit"
    assert send("/projects/dropit/source", {"source": "/etc"}).status_code == 422
    assert Project.objects.get(name="dropit").source == "https://git.example/new/dropit"
    assert "git@git.example:new/dropit.git" in harbour("GET", "/projects/dropit/").text


def test_what_serves_already_has_no_beginning(harbour):
    answer = harbour("GET", "/environments/dropit/production/begin/")
    assert answer.headers["location"] == "/environments/dropit/production/"


@pytest.mark.parametrize("role", list(Role))
def test_who_makes_projects_keys_and_environments(harbour, role):
    """A server's maintainer makes projects, a project's maintainer keys, its developer environments."""
    server, own = browser_of("sam", Grants(role)), browser_of("lea", Grants(None, {"dropit": role}))
    may = role.covers(Role.MAINTAINER)
    assert server("GET", "/projects/new").status_code == (200 if may else 403)
    assert ("/projects/new" in server("GET", "/").text) is may
    assert server.send("/projects/new", SHOP).status_code == (302 if may else 403)
    assert Project.objects.filter(name="shop").exists() is may
    assert own("GET", "/projects/new").status_code == 403
    assert own.send("/projects/new", {**SHOP, "name": "other"}).status_code == 403
    assert own.send("/projects/dropit/key", {}).status_code == (302 if may else 403)
    assert (Project.objects.get(name="dropit").sealed_deploy_key is not None) is may
    develops = role.covers(Role.DEVELOPER)
    for path, form in (("environments", {"environment": "demo"}), ("source", SHOP)):
        answer = own.send(f"/projects/dropit/{path}", form)
        assert answer.status_code == (302 if develops else 403), path
    page = own("GET", "/projects/dropit/").text
    assert ("/projects/dropit/key" in page) is may
    assert ("/projects/dropit/environments" in page) is develops


def test_the_empty_harbour_offers_the_first_project(ask):
    assert 'href="/projects/new"' in ask("GET", "/").text
