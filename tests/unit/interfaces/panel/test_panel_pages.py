from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from havre.records.models import Backup, Environment, Operation, SavedDatabase

PAGES = (
    "/",
    "/overview/part",
    "/data/",
    "/activity/",
    "/activity/?environment=dropit/production&kind=deploy&state=succeeded",
    "/environments/dropit/production/",
    "/environments/dropit/production/services",
    "/environments/dropit/production/data/",
    "/environments/dropit/production/data/measured",
    "/environments/dropit/preview-214/",
    "/environments/dropit/preview-214/data/",
    *(
        f"/environments/dropit/production/do/{kind}"
        for kind in ("deploy", "apply", "rollback", "restart", "scale", "run", "backup", "drill", "restore")
    ),
    "/environments/dropit/production/manifest/",
    "/environments/dropit/preview-214/manifest/",
    "/environments/dropit/production/settings/",
    "/environments/dropit/preview-214/settings/",
    "/environments/dropit/production/domains/",
    "/environments/dropit/preview-214/domains/",
    "/first-steps/",
    "/settings/storage/",
    "/projects/new",
    "/projects/dropit/",
    "/environments/dropit/preview-214/begin/",
    "/environments/dropit/preview-214/do/deploy",
    "/environments/dropit/preview-214/do/rollback",
)


class Reader(HTMLParser):
    """What a strict policy forbids, and what a page has to have."""

    def __init__(self):
        super().__init__()
        self.forbidden, self.tags, self.links, self.unlabelled = [], [], [], []
        self.in_label = 0
        self.script = False

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.tags.append(tag)
        self.forbidden += [(tag, key) for key in named if key == "style" or key.startswith(("on", "hx-on"))]
        if tag == "style" or (tag == "script" and "src" not in named):
            self.forbidden.append((tag, "inline"))
        self.links += [named[key] for key in ("href", "src", "action", "hx-get") if named.get(key)]
        self.in_label += tag == "label"
        is_field = tag in {"input", "select", "textarea"} and named.get("type") != "hidden"
        if is_field and not self.in_label and "aria-label" not in named:
            self.unlabelled.append(named)

    def handle_endtag(self, tag):
        self.in_label -= tag == "label"


def read(answer):
    reader = Reader()
    reader.feed(answer.text)
    return reader


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_shown_with_a_strict_policy_and_nothing_inline(harbour, language):
    operations = [f"/operations/{number}/" for number in Operation.objects.values_list("id", flat=True)[:3]]
    newest = [f"/operations/{Operation.objects.filter(state=s).last().pk}/" for s in ("running", "failed")]
    plan = f"/operations/{Operation.objects.get(kind='plan').pk}/"
    for path in (*PAGES, *operations, *newest, plan):
        answer = harbour("GET", path, headers={"Cookie": f"havre_language={language}"})
        assert answer.status_code == 200, (path, answer.text)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        reader = read(answer)
        assert reader.forbidden == [], path
        assert reader.unlabelled == [], path
        if "html" in reader.tags:
            assert f'<html lang="{language}"' in answer.text
            assert reader.tags.count("h1") == 1, path


def test_every_link_of_a_page_leads_somewhere(harbour):
    seen = {"/"}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        answer = harbour("GET", path)
        is_own_proof = "reauthenticate/" in answer.headers.get("location", "")
        assert answer.status_code in {200, 204, 405} or is_own_proof, path
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in read(answer).links:
            own = link.split("#")[0]
            kind = re.sub(r"\d+", "N", own)  # one of each kind of operation's page is enough
            if own.startswith("/") and kind not in seen and "/live" not in own:
                seen.add(kind)
                waiting.append(own)
    assert "/environments/dropit/production/data/" in seen


def test_a_stranger_sees_no_page_but_static_files(ask_remotely):
    for path in PAGES:
        answer = ask_remotely("GET", path)
        assert answer.status_code == 302, path
        assert answer.headers["location"].startswith("/account/login/"), path
        part = ask_remotely("GET", path, headers={"HX-Request": "true"})
        assert (part.status_code, part.headers["hx-refresh"]) == (401, "true")
        assert "dropit" not in answer.text
    assert ask_remotely("GET", "/static/panel/nothing.css").status_code == 404


def test_static_files_are_kept_for_long_and_compressed(harbour):
    links = [link for link in read(harbour("GET", "/")).links if link.startswith("/static/")]
    assert len({link for link in links if link.endswith((".css", ".js"))}) == 3
    for link in links:
        answer = harbour("GET", link.split("#")[0])
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert re.search(r"\.[0-9a-f]{10}\.\w+$", link.split("#")[0])
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in harbour("GET", links[1], headers={"Accept-Encoding": "gzip;q=0"}).headers
    assert harbour("GET", "/static/../settings.py").status_code == 404


def test_the_first_load_is_small(harbour):
    page = harbour("GET", "/environments/dropit/production/")
    sizes = [int(page.headers["content-length"])]
    links = {link.split("#")[0] for link in read(page).links if link.startswith("/static/")}
    sizes += [int(harbour("GET", link).headers["content-length"]) for link in links]
    assert sum(sizes) < 100_000


def test_a_page_that_is_the_same_is_not_sent_again(harbour):
    first = harbour("GET", "/data/")
    again = harbour("GET", "/data/", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    Operation.objects.filter(state="running").update(state="failed")
    part = harbour("GET", "/overview/part")
    seen = re.search(r"seen=([0-9a-f]{16})", part.text)[1]
    assert harbour("GET", f"/overview/part?seen={seen}").status_code == 204
    Environment.objects.get(name="staging").current_release.delete()
    assert harbour("GET", f"/overview/part?seen={seen}").status_code == 200


def test_the_overview_says_what_needs_somebody(harbour):
    text = harbour("GET", "/").text
    assert "1 thing needs you" in text
    assert "The last deployment failed" in text

    watch = {"problems": {"archive": "WAL is not archived: 3 segments wait"}}
    SavedDatabase.objects.filter(environment__project__name="dropit").update(watch=watch)
    text = harbour("GET", "/").text
    assert "3 things need you" in text
    assert 'class="verdict bad"' in text
    assert text.index("WAL is not archived") < text.index("The last deployment failed")


def test_a_failed_rollback_that_was_only_asked_for_dry_is_no_failed_deployment(harbour):
    Operation.objects.filter(state="failed", kind="deploy").delete()
    environment = Environment.objects.get(project__name="dropit", name="production")
    Operation.objects.create(
        kind="rollback",
        environment=environment,
        target="x",
        actor="lea",
        state="failed",
        params={"dry_run": True},
    )
    assert "All is well" in harbour("GET", "/").text


def test_an_empty_harbour_teaches(ask):
    text = ask("GET", "/").text
    assert "havre init" in text
    assert "An empty harbour" in text


def test_a_database_without_a_good_copy_says_so(harbour):
    Backup.objects.filter(environment__name="staging").update(problem="torn")
    assert "none yet" in harbour("GET", "/").text


@pytest.mark.parametrize(
    "path",
    [
        "/environments/dropit/nowhere/",
        "/environments/nobody/production/",
        "/environments/nobody/production/do/deploy",
        "/environments/dropit/production/do/destroy",
        "/operations/999999/",
    ],
)
def test_what_is_not_there_is_told_on_a_page(harbour, path):
    answer = harbour("GET", path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_activity_goes_on_from_page_to_page(harbour):
    first = harbour("GET", "/activity/").text
    older = re.search(r"before=(\d+)", first)[1]
    second = harbour("GET", f"/activity/?before={older}").text
    pages = [set(re.findall(r'href="(/operations/\d+/)"', text)) for text in (first, second)]
    assert len(pages[0]) == 50
    assert not pages[0] & pages[1]
    assert harbour("GET", "/activity/?before=9" + "9" * 400).status_code == 200


def test_times_are_those_of_the_reader(harbour):
    at = Operation.objects.latest("id").created_at
    Operation.objects.update(created_at=at.replace(hour=12, minute=34))
    texts = [
        harbour("GET", "/activity/", headers={"Cookie": f"havre_timezone={zone}"}).text
        for zone in ("Asia/Tokyo", "../../etc/passwd")
    ]
    assert ", 21:34</time>" in texts[0]
    assert "Times are in UTC" in texts[1]
    assert ", 12:34</time>" in texts[1]
