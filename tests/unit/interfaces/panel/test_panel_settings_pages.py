"""People, tokens and the audit log on the panel."""

from __future__ import annotations

import re

import pytest

from havre.domain.access import Grants, Role
from havre.records import accounts
from havre.records.models import AuditEntry, Project, SignInLink, Token, User
from havre.records.tokens import create_token
from support.panel_people import PASSWORD, browser_of

PEOPLE = "/settings/people/"


@pytest.fixture
def ada(transactional_db, state):
    """An owner who proved a moment ago that it is her."""
    Project.objects.create(name="shop", source="")
    Project.objects.create(name="blog", source="")
    return browser_of("ada", Grants(Role.OWNER), is_proven=True)


def test_somebody_is_invited_by_a_link_with_a_role_in_each_project(ada):
    assert "bob" not in ada("GET", PEOPLE).text
    form = {"name": "bob", "server": "", "project.shop": "developer", "project.blog": "viewer"}
    answer = ada.send(f"{PEOPLE}new/", form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    (url,) = re.findall(r"readonly>(http://localhost/account/welcome/[^<]+/)<", answer.text)
    bob = User.objects.get(username="bob")
    assert accounts.grants_of(bob) == Grants(None, {"shop": Role.DEVELOPER, "blog": Role.VIEWER})
    assert accounts.link_of(url.rstrip("/").rpartition("/")[2]).user == bob
    entry = AuditEntry.objects.get(action="manage users")
    assert (entry.actor, entry.details["name"], entry.details["did"]) == ("ada", "bob", "invite")
    assert entry.details["roles"] == {"shop": "developer", "blog": "viewer"}
    assert url.rstrip("/").rpartition("/")[2] not in str(list(AuditEntry.objects.values()))
    listing = ada("GET", PEOPLE).text
    assert "bob" in listing
    assert "Invited" in listing


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"name": "ada", "server": "viewer"}, "there is an account ada already"),
        ({"name": "Bob <script>", "server": "viewer"}, "Small letters"),
        ({"name": "bob", "server": "king"}, "king"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_told_and_makes_nothing(ada, form, told):
    answer = ada.send(f"{PEOPLE}new/", form)
    assert told in answer.text
    assert "<script>alert" not in answer.text
    assert list(User.objects.values_list("username", flat=True)) == ["ada"]
    assert not SignInLink.objects.exists()
    assert not AuditEntry.objects.exists()


def test_roles_are_changed_and_the_last_owner_stays_one(ada):
    bob = accounts.create_user("bob", Grants(None, {"shop": Role.VIEWER}))
    page = ada("GET", f"{PEOPLE}named/bob/").text
    assert re.search(r'name="project.shop".*?value="viewer" selected', page, re.DOTALL)
    assert ada.send(f"{PEOPLE}named/bob/", {"server": "", "project.shop": "owner"}).status_code == 302
    assert accounts.grants_of(bob) == Grants(None, {"shop": Role.OWNER})

    answer = ada.send(f"{PEOPLE}named/ada/", {"server": "viewer"})
    assert answer.status_code == 422
    assert "last owner" in answer.text
    for do in ("lock", "remove"):
        answer = ada.send(f"{PEOPLE}named/ada/change", {"do": do, "confirm": "ada"})
        assert (answer.status_code, "last owner" in answer.text) == (422, True)
    assert accounts.grants_of(User.objects.get(username="ada")).server is Role.OWNER
    assert AuditEntry.objects.filter(action="manage users").count() == 1


def test_who_is_shut_out_or_removed_is_out_at_once(ada):
    bob = browser_of("bob", Grants(None, {"shop": Role.VIEWER}))
    create_token(
        "bobs", days=1, grants=Grants(None, {"shop": Role.VIEWER}), owner=User.objects.get(username="bob")
    )
    assert bob("GET", "/activity/").status_code == 200
    ada.send(f"{PEOPLE}named/bob/change", {"do": "lock"})
    assert bob("GET", "/activity/").status_code == 302
    ada.send(f"{PEOPLE}named/bob/change", {"do": "unlock"})
    assert bob("GET", "/activity/").status_code == 200
    ada.send(f"{PEOPLE}named/bob/change", {"do": "remove", "confirm": "bo"})
    assert User.objects.filter(username="bob").exists()
    ada.send(f"{PEOPLE}named/bob/change", {"do": "remove", "confirm": "bob"})
    assert not User.objects.filter(username="bob").exists()
    assert not Token.objects.exists()
    assert bob("GET", "/activity/").status_code == 302
    did = [each["did"] for each in AuditEntry.objects.order_by("pk").values_list("details", flat=True)]
    assert did == ["lock", "unlock", "remove"]


def test_a_link_forgets_the_factors_only_if_that_was_asked(ada):
    accounts.create_user("bob", Grants())
    for form, forgets in (({}, False), ({"forget": "1"}, True)):
        assert "welcome" in ada.send(f"{PEOPLE}named/bob/link", form).text
        assert SignInLink.objects.latest("pk").forgets_factors is forgets
    assert ada.send(f"{PEOPLE}named/nobody/link", {}).status_code == 404


def test_people_are_decided_about_only_by_who_proved_to_be_there(ada):
    other = browser_of("max", Grants(Role.OWNER))
    accounts.create_user("bob", Grants())
    assert other("GET", PEOPLE).status_code == 200
    for path in (f"{PEOPLE}new/", f"{PEOPLE}named/bob/"):
        assert "reauthenticate" in other("GET", path).headers["location"]
    for path, form in ((f"{PEOPLE}named/bob/link", {}), (f"{PEOPLE}named/bob/change", {"do": "lock"})):
        assert "reauthenticate" in other.send(path, form).headers["location"]
    assert not SignInLink.objects.exists()
    assert User.objects.get(username="bob").is_active


@pytest.mark.parametrize("is_owner_still", [True, False])
def test_what_waited_for_the_proof_is_decided_once_more(ada, is_owner_still):
    """allauth does what was sent after the password was given, without the guard."""
    other = browser_of("max", Grants(Role.OWNER))
    bob = accounts.create_user("bob", Grants())
    asked = other.send(f"{PEOPLE}named/bob/change", {"do": "lock"}).headers["location"]
    if not is_owner_still:
        accounts.set_grants(User.objects.get(username="max"), Grants(Role.VIEWER))
    proof = {"password": PASSWORD, "next": f"{PEOPLE}named/bob/change"}
    answer = other.send(asked.partition("?")[0], proof)
    bob.refresh_from_db()
    assert (answer.status_code, bob.is_active) == ((302, False) if is_owner_still else (403, True))


@pytest.mark.parametrize("held", [Grants(Role.MAINTAINER), Grants(None, {"shop": Role.OWNER}), Grants()])
def test_only_owners_of_the_server_see_people_and_tokens(ada, held):
    other = browser_of("eve", held, is_proven=True)
    _, text = create_token("ci", days=1, grants=Grants(Role.VIEWER))
    assert text not in ada("GET", "/settings/tokens/").text
    number = Token.objects.get().pk
    for path in (PEOPLE, f"{PEOPLE}new/", f"{PEOPLE}named/ada/", "/settings/tokens/"):
        assert other("GET", path).status_code == 403
        assert path not in other("GET", "/").text
    for path in (f"{PEOPLE}new/", f"{PEOPLE}named/ada/", f"/settings/tokens/{number}/revoke"):
        assert other.send(path, {"name": "x", "server": "owner"}).status_code == 403
    assert Token.objects.exists()
    assert ada.send(f"/settings/tokens/{number}/revoke", {}).status_code == 302
    assert not Token.objects.exists()


def test_the_audit_log_is_read_as_far_as_ones_role_goes(ada):
    from havre.records import audit_log  # noqa: PLC0415 - beside its use

    by = audit_log.By("zoe", "token", "192.0.2.4")
    for project in ("shop", "blog", ""):
        audit_log.record(by, "deploy", project=project, details={"name": f"in-{project or 'server'}"})
    text = ada("GET", "/settings/audit/").text
    assert all(f"in-{place}" in text for place in ("shop", "blog", "server"))
    assert "192.0.2.4" in text
    assert "in-blog" not in ada("GET", "/settings/audit/?project=shop").text
    assert "in-shop" not in ada("GET", "/settings/audit/?actor=nobody").text
    mine = browser_of("mia", Grants(None, {"shop": Role.MAINTAINER}))
    text = mine("GET", "/settings/audit/?project=blog").text
    assert "in-shop" in text
    assert "in-blog" not in text
    assert "in-server" not in text
    assert 'href="/settings/audit/"' in mine("GET", "/").text
    assert "in-shop" in mine("GET", "/api/v1/audit/export?form=csv").text
    dev = browser_of("dev", Grants(None, {"shop": Role.DEVELOPER}))
    assert dev("GET", "/settings/audit/").status_code == 403
    assert "/settings/" not in dev("GET", "/").text


def test_the_audit_log_goes_on_from_page_to_page(ada):
    from havre.records import audit_log  # noqa: PLC0415 - beside its use

    for number in range(60):
        audit_log.record(audit_log.By("zoe", "socket"), "restore", details={"name": f"n{number}."})
    first = ada("GET", "/settings/audit/").text
    (older,) = re.findall(r"before=(\d+)", first)
    second = ada("GET", f"/settings/audit/?before={older}").text
    found = [set(re.findall(r"name: (n\d+)\.", text)) for text in (first, second)]
    assert [len(each) for each in found] == [50, 10]
    assert not found[0] & found[1]
    assert ada("GET", "/settings/audit/?before=" + "9" * 400).status_code == 200
