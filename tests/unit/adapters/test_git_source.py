from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes

from havre.adapters.git.source import Source, local_path, redact
from havre.errors import SourceError

TOKEN = "s3cr3t-t0k3n"


@pytest.mark.parametrize(
    "location",
    [
        "/srv/repo",
        "/srv/a folder/ñ",
        "file:///srv/repo",
        "https://example.org/team/app.git",
        "https://example.org:8443/team/app.git",
        f"https://oauth2:{TOKEN}@example.org/app",
        "ssh://git@example.org:2222/app.git",
        "ssh://git@[::1]:22/app.git",
        "git@example.org:team/app.git",
        "example.org:app.git",
        "git@example.org:/srv/app.git",
    ],
)
def test_locations_that_git_reads(location):
    assert Source(location).location == location


@pytest.mark.parametrize(
    "location",
    [
        "",
        "relative/path",
        "./here",
        "~/here",
        "--upload-pack=touch /tmp/x",
        "-x",
        "ext::sh -c 'touch /tmp/x'",
        "fd::17",
        "transport::https://example.org/x",
        "http://example.org/app.git",
        "git://example.org/app.git",
        "ftp://example.org/app.git",
        "ssh://-oProxyCommand=touch/app.git",
        "ssh://-l@example.org/app.git",
        "ssh://%2doProxyCommand=x@example.org/app.git",
        "ssh://git:password@example.org/app.git",
        "ssh://git@example.org/-x",
        "git@-oProxyCommand=x:app.git",
        "git@example.org:-x",
        "-git@example.org:app",
        "https://example.org",
        "https:///app",
        "https://exa mple.org/app",
        "https://example.org:99999999/app",
        "file://other/srv/repo",
        "https://example.org/a\nb",
        "/srv/repo\n",
        "/srv/\0repo",
        "https://a%0ab:c@example.org/app",
        "C:\\repo",
    ],
)
def test_locations_that_are_refused(location):
    with pytest.raises(SourceError) as caught:
        Source(location)
    assert caught.value.hint


@pytest.mark.parametrize(
    "ref", ["main", "v1.0", "feature/é-#1+$x;y'z", "refs/pull/1/head", "a" * 40, "0abc", "a-b"]
)
def test_refs_that_git_allows(ref):
    assert Source("/srv/repo", ref).ref == ref


@pytest.mark.parametrize(
    "ref",
    ["", "--upload-pack=x", "-x", "a..b", "..", "a b", "a\nb", "a\0b", "main^", "main~1", "a:b", "a?", "a*",
     "[a]", "a\\b", "@{-1}", "@", "/a", "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b"],
)  # fmt: skip
def test_refs_that_are_refused(ref):
    with pytest.raises(SourceError):
        Source("/srv/repo", ref)


@given(st.text(max_size=40))
def test_no_text_gets_through_as_an_option(text):
    for make in (lambda: Source(text), lambda: Source("/srv/repo", text), lambda: Source("/r", None, text)):
        try:
            source = make()
        except SourceError:
            continue
        assert not source.location.startswith("-")
        assert not (source.ref or "").startswith("-")
        assert "\n" not in source.location + (source.ref or "") + (source.subfolder or "")
        assert ".." not in (source.subfolder or "").split("/")


@pytest.mark.parametrize("subfolder", ["/etc", "..", "a/../../b", ".git", "a/.git/hooks", "a\nb"])
def test_subfolders_that_lead_out_are_refused(subfolder):
    with pytest.raises(SourceError):
        Source("/srv/repo", None, subfolder)


def test_nothing_secret_is_printed():
    source = Source(f"https://me:{TOKEN}@example.org/app", deploy_key=SecretBytes(TOKEN.encode()))
    for text in (repr(source), str(source), f"{source}", source.shown, repr([source])):
        assert TOKEN not in text
    assert "example.org/app" in repr(source)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"fatal: https://{TOKEN}@example.org/x failed", "fatal: https://***@example.org/x failed"),
        (f"https://a:{TOKEN}@example.org/x", "https://***@example.org/x"),
        (f"HTTPS://a:pa/{TOKEN}@example.org/x", "HTTPS://***@example.org/x"),
        (f"ssh://a:{TOKEN}@example.org/x", "ssh://***@example.org/x"),
        ("ssh://git@example.org/x", "ssh://git@example.org/x"),
        ("https://example.org/x@v1", "https://example.org/x@v1"),
        ("git@example.org:x", "git@example.org:x"),
    ],
)
def test_credentials_in_a_url_are_redacted(text, shown):
    assert redact(text) == shown


def test_credentials_are_split_from_the_url():
    clean, stored = Source(f"https://me:{TOKEN}@example.org:8443/app?x").without_credentials()
    assert clean == "https://example.org:8443/app?x"
    assert stored == f"https://me:{TOKEN}@example.org:8443"
    assert Source("https://example.org/app").without_credentials() == ("https://example.org/app", None)


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/srv/repo", "/srv/repo"),
        ("file:///srv/a%20b", "/srv/a b"),
        ("FILE:///etc", "/etc"),
        ("https://example.org/x", None),
        ("host:/srv/repo", None),
    ],
)
def test_local_paths_are_told_apart(location, path):
    assert local_path(location) == (Path(path) if path else None)
