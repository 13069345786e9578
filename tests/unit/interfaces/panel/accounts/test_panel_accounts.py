"""Signing in, the second factor, sessions and tokens, as a browser meets them."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from havre.domain.access import Action, Grants, Role
from havre.operations.access import may
from havre.records import accounts
from havre.records.models import AuditEntry, Project, SignInLink, Token, User
from havre.records.tokens import create_token

PASSWORD = "a long walk by the sea"


@pytest.fixture(autouse=True)
def _no_counts():
    cache.clear()


@pytest.fixture
def browser(transactional_db):
    return Client(enforce_csrf_checks=False, headers={"host": "localhost"})


def another(*, address="127.0.0.1", **more):
    return Client(headers={"host": "localhost"}, REMOTE_ADDR=address, **more)


def person(name="ada", grants=None):
    user = accounts.create_user(name, grants or Grants(Role.OWNER))
    user.set_password(PASSWORD)
    user.save()
    return user


def with_app(user):
    """The user with an authenticator app; its secret."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(user, secret)
    return secret


def code(secret):
    """Of this half minute: that of the one before would be too old after the next stroke."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30))


def sign_in(client, user, secret, next_page=""):
    page = "/account/login/" + (f"?next={next_page}" if next_page else "")
    answer = client.post(page, {"login": user.username, "password": PASSWORD})
    assert answer["Location"].startswith("/account/two-factor/authenticate/"), answer.content
    return client.post(answer["Location"], {"code": code(secret)})


@pytest.fixture
def ada(browser):
    user = person()
    sign_in(browser, user, with_app(user))
    return user


def test_a_page_that_declares_nothing_answers_nobody(ada, browser, monkeypatch):
    monkeypatch.delattr("havre.interfaces.panel.accounts.sessions.listing.havre_needs")
    assert browser.get("/account/sessions/").status_code == 403


def test_there_is_no_registration_and_no_default_account(browser):
    assert not User.objects.exists()
    for path in ("signup", "password/reset", "email", "confirm-email", "login/code"):
        assert browser.get(f"/account/{path}/").status_code == 404
    page = browser.get("/account/login/").content.decode()
    assert "signup" not in page
    assert "havre admin link" in page


def test_the_first_administrator_comes_in_by_a_link_and_sets_up_both_factors(browser):
    user = accounts.create_user("ada", Grants(Role.OWNER))
    _, text = accounts.make_link(user, actor="root")
    assert text not in str(list(SignInLink.objects.values()))
    path = reverse("account_welcome", args=(text,))
    assert browser.get(path).status_code == browser.get(path).status_code == 200  # looking takes nothing
    short = browser.post(path, {"new_password1": "short", "new_password2": "short"})
    assert short.status_code == 200
    assert SignInLink.objects.get().used_at is None

    answer = browser.post(path, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert answer["Location"] == "/account/two-factor/"
    user.refresh_from_db()
    assert user.password.startswith("argon2$argon2id$")
    # Nothing but setting up a second factor is open yet.
    assert browser.get("/account/tokens/")["Location"] == "/account/two-factor/"
    page = browser.get("/account/two-factor/app/add/")
    assert page.status_code == 200
    secret = browser.session["mfa.totp.secret"]
    answer = browser.post("/account/two-factor/app/add/", {"code": code(secret)})
    assert answer["Location"] == "/account/two-factor/codes/"
    codes = browser.get("/account/two-factor/codes/").content.decode()
    assert len(re.findall(r"^\d{8}|\d{4}-\d{4}|>\d{8}", codes, re.MULTILINE)) >= 1
    assert browser.get("/account/tokens/").status_code == 200
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    # Once.
    assert another().get(path).status_code == 404
    assert another().post(path, {"new_password1": PASSWORD, "new_password2": PASSWORD}).status_code == 404
    noted = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"set password", "sign in", "add second factor"} <= noted


@pytest.mark.parametrize("change", ["expired", "newer", "shut out"])
def test_a_link_ends(browser, change):
    user = accounts.create_user("ada", Grants())
    _, text = accounts.make_link(user, actor="root")
    if change == "expired":
        SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif change == "newer":
        accounts.make_link(user, actor="root")
    else:
        User.objects.update(is_active=False)
    assert browser.get(reverse("account_welcome", args=(text,))).status_code == 404


def test_a_link_does_not_pass_the_second_factor_unless_it_was_made_to(browser):
    user = person()
    with_app(user)
    _, text = accounts.make_link(user, actor="root")
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    answer = browser.post(reverse("account_welcome", args=(text,)), new)
    assert answer["Location"].startswith("/account/two-factor/authenticate/")
    assert browser.get("/account/tokens/").status_code == 302
    _, text = accounts.make_link(user, actor="root", forgets_factors=True)
    assert another().post(reverse("account_welcome", args=(text,)), new)["Location"] == "/account/two-factor/"
    assert not Authenticator.objects.exists()


def test_a_password_alone_opens_nothing(browser):
    user = person()
    with_app(user)
    browser.post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert browser.get("/account/tokens/")["Location"].startswith("/account/login/")
    assert browser.get("/api/v1/environments").status_code == 401
    wrong = browser.post("/account/two-factor/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert AuditEntry.objects.filter(outcome="refused", details__why="wrong second factor").exists()


def test_one_comes_back_to_the_page_that_was_wanted(browser):
    user = person()
    assert browser.get("/account/sessions/")["Location"] == "/account/login/?next=%2Faccount%2Fsessions%2F"
    assert sign_in(browser, user, with_app(user), "/account/sessions/")["Location"] == "/account/sessions/"


@pytest.mark.parametrize("hostile", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_nobody_is_sent_elsewhere(browser, hostile):
    user = person()
    assert sign_in(browser, user, with_app(user), hostile)["Location"] == "/"


def test_failures_lock_a_name_out_wherever_they_come_from(browser):
    user = person()
    with_app(user)
    for number in range(5):
        client = another(address=f"192.0.2.{number}")
        assert client.post("/account/login/", {"login": "ada", "password": "wrong"}).status_code == 200
    answer = another(address="192.0.2.99").post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert answer.status_code == 200  # not let in, although it is right
    assert b"Too many failed" in answer.content
    entry = AuditEntry.objects.filter(outcome="refused").order_by("-pk").first()
    assert (entry.actor, entry.address) == ("ada", "192.0.2.4")


def test_what_somebody_typed_into_the_wrong_field_is_not_noted(browser):
    browser.post("/account/login/", {"login": PASSWORD, "password": "x"})
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.outcome) == ("somebody", "refused")
    assert PASSWORD not in str(list(AuditEntry.objects.values()))


def test_who_is_shut_out_is_out_at_once(ada, browser):
    assert browser.get("/account/tokens/").status_code == 200
    User.objects.update(is_active=False)
    assert browser.get("/account/tokens/").status_code == 302


def test_sessions_are_listed_and_ended(ada, browser):
    elsewhere = another(address="192.0.2.7")
    cache.clear()
    sign_in(elsewhere, ada, totp.decrypt(Authenticator.objects.get(type="totp").data["secret"]))
    page = browser.get("/account/sessions/").content.decode()
    assert "192.0.2.7" in page
    (number,) = re.findall(r"/sessions/(\d+)/end/", page)
    eve = person("eve", Grants(Role.OWNER))
    stranger = another()
    sign_in(stranger, eve, with_app(eve))
    assert stranger.post(f"/account/sessions/{number}/end/").status_code == 404
    assert browser.get(f"/account/sessions/{number}/end/").status_code == 405
    assert elsewhere.get("/account/tokens/").status_code == 200
    assert browser.post(f"/account/sessions/{number}/end/").status_code == 302
    assert elsewhere.get("/account/tokens/").status_code == 302
    assert browser.get("/account/tokens/").status_code == 200


def test_a_token_is_made_within_ones_own_role_and_revoked(browser):
    Project.objects.create(name="shop", source="")
    Project.objects.create(name="blog", source="")
    user = person("dev", Grants(None, {"shop": Role.DEVELOPER}))
    sign_in(browser, user, with_app(user))
    asked = browser.get("/account/tokens/new/")
    assert asked["Location"] == "/account/reauthenticate/?next=%2Faccount%2Ftokens%2Fnew%2F"
    answer = browser.post(asked["Location"], {"password": PASSWORD, "next": "/account/tokens/new/"})
    assert answer["Location"] == "/account/tokens/new/"
    page = browser.get("/account/tokens/new/").content.decode()
    assert "shop" in page
    assert "blog" not in page
    assert "the whole server" not in page
    wanted = {"name": "laptop", "days": "30", "role": "owner", "projects": ["shop"]}
    assert b"higher role" in browser.post("/account/tokens/new/", wanted).content
    for projects in (["everywhere"], ["blog"]):
        browser.post("/account/tokens/new/", {**wanted, "role": "viewer", "projects": projects})
    assert not Token.objects.exists()
    made = browser.post("/account/tokens/new/", {**wanted, "role": "developer"}).content.decode()
    (text,) = re.findall(r'value="(havre_[^"]+)"', made)
    assert text not in browser.get("/account/tokens/").content.decode()
    row = Token.objects.get()
    assert (row.owner, row.expires_at.date()) == (user, (timezone.now() + timedelta(days=30)).date())

    other, _ = create_token("theirs", days=1, grants=Grants(Role.VIEWER))
    assert browser.post(f"/account/tokens/{other.pk}/revoke/").status_code == 404
    assert browser.post(f"/account/tokens/{row.pk}/revoke/").status_code == 302
    assert list(Token.objects.all()) == [other]


def test_a_session_reads_the_api_and_changes_nothing_through_it(browser):
    Project.objects.create(name="shop", source="")
    user = person("viewer", Grants(None, {"shop": Role.VIEWER}))
    assert browser.get("/api/v1/projects").status_code == 401
    sign_in(browser, user, with_app(user))
    assert [row["name"] for row in browser.get("/api/v1/projects").json()] == ["shop"]
    body = {"kind": "backup", "project": "shop", "environment": "production"}
    assert browser.post("/api/v1/operations", body, content_type="application/json").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/account/login/", "/account/two-factor/", "/account/two-factor/keys/add/", "/account/sessions/",
        "/account/tokens/", "/account/tokens/new/", "/account/password/", "/account/two-factor/codes/",
        "/account/two-factor/keys/", "/account/logout/", "/account/two-factor/codes/new/", "/account/no/",
    ],
)  # fmt: skip
def test_pages_need_nothing_inline_and_nothing_from_elsewhere(ada, browser, path):
    client = another() if path.endswith("login/") else browser
    answer = client.get(path)
    page = answer.content.decode()
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["Cache-Control"].startswith(("no-store", "max-age=0", "private, no-cache"))
    assert answer["X-Content-Type-Options"] == "nosniff"
    for script in re.findall(r"<script([^>]*)>", page):
        assert "src=" in script or 'type="application/json"' in script
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", page)
    for source in re.findall(r'<script src="([^"]+)"', page):
        assert client.get(source).status_code == 200


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(ada, browser):
    page = another()
    page.get("/account/login/")
    for cookie in (browser.cookies["havre_session"], page.cookies["havre_csrf"]):
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


def test_a_form_of_another_site_is_refused(ada, browser):
    strict = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    strict.cookies = browser.cookies
    answer = strict.post("/account/sessions/end-others/")
    assert answer.status_code == 403
    assert b"Nothing was changed" in answer.content


def test_a_passkey_is_asked_for_at_the_sign_in_and_made_for_this_host(ada, browser):
    asked = another().get("/account/two-factor/keys/login/", headers={"accept": "application/json"})
    assert asked.json()["request_options"]["publicKey"]["rpId"] == "localhost"
    assert b'id="passkey_login"' in another().get("/account/login/").content
    page = browser.get("/account/two-factor/keys/add/").content.decode()
    assert '"rp": {"name": "localhost", "id": "localhost"}' in page
    forged = another().post("/account/two-factor/keys/login/", {"credential": "{}"})
    assert forged.status_code == 302
    assert forged["Location"] == "/account/login/"


def test_a_code_lets_in_once(browser):
    user = person()
    secret = with_app(user)
    used = code(secret)
    browser.post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert browser.post("/account/two-factor/authenticate/", {"code": used}).status_code == 302
    again = another()
    again.post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert again.post("/account/two-factor/authenticate/", {"code": used}).status_code == 200
    assert again.get("/account/tokens/").status_code == 302


def test_a_recovery_code_lets_in_once(browser):
    user = person()
    with_app(user)
    codes = RecoveryCodes.activate(user).get_unused_codes()
    for status in (302, 200):
        client = another()
        client.post("/account/login/", {"login": "ada", "password": PASSWORD})
        answer = client.post("/account/two-factor/authenticate/", {"code": codes[0]})
        assert answer.status_code == status


def test_may_asks_the_records(transactional_db):
    shop = Project.objects.create(name="shop", source="")
    user = person("dev", Grants(None, {"shop": Role.DEVELOPER}))
    assert may(user, Action.DEPLOY, shop)
    assert may(user, Action.DEPLOY, "shop")
    assert not may(user, Action.DESTROY, shop)
    assert not may(user, Action.SEE_SERVER)
    assert not may(None, Action.SEE, shop)
    user.is_active = False
    assert not may(user, Action.SEE, shop)
