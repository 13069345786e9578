"""Hostile names never reach a shell and never leave their directory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from havre.adapters import traefik
from havre.adapters.git.checkout import checkout
from havre.adapters.git.source import Source
from havre.adapters.traefik.rules import checked_host
from havre.errors import HavreError, ServerError, SourceError
from havre.manifest import load
from support.git_repositories import commit, new_repository

CANARY = "havre-canary"
HOSTILE = [
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY} #",
    f"| touch {CANARY}",
    f"&& touch {CANARY}",
    f"a\ntouch {CANARY}",
    f"--upload-pack=touch {CANARY}",
    f"-c core.sshCommand=touch\\ {CANARY}",
    f"--output={CANARY}",
    f"ext::sh -c touch% {CANARY}",
    f"../../{CANARY}",
    f"/etc/{CANARY}",
    f"a/../../../{CANARY}",
    "..",
    "~root",
    "a\x00b",
    "\u202egnp.exe",
    "{{ env `PATH` }}",
    "${HOME}",
    "'\"\\",
    "a" * 5000,
    "",
    " ",
]


@pytest.fixture
def untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a shell that was reached would leave the canary; it must stay as it is."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def files_below(folder: Path) -> set[Path]:
    return {Path(root) / name for root, _, names in os.walk(folder) for name in names}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["location", "ref", "subfolder"])
def test_git_is_given_words_not_commands(tmp_path: Path, untouched: Path, name: str, place: str) -> None:
    repository = new_repository(tmp_path / "repo")
    commit(repository, {"README": "one"})
    before = files_below(tmp_path)
    given: dict[str, Any] = {"location": str(repository), "ref": None, "subfolder": None, place: name}
    out = tmp_path / "out"
    try:
        source = Source(**given)
        found = checkout(source, out, known_hosts=tmp_path / "hosts", time_limit=20)
    except (SourceError, ValueError):
        pass  # refused with words of ours
    else:
        assert found.path.resolve().is_relative_to(out.resolve())
    new = files_below(tmp_path) - before
    assert all(path.is_relative_to(out) or path.name == "hosts" for path in new), new
    assert list(untouched.iterdir()) == []


MANIFEST: dict[str, Any] = {
    "project": "shop",
    "services": {
        "api": {
            "kind": "app",
            "build": {"context": "."},
            "port": 3000,
            "health": "/up",
            "domain": "a.example.org",
        }
    },
}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("place", ["project", "service", "domain", "volume", "environment", "path"])
def test_names_that_become_names_are_refused(name: str, place: str) -> None:
    written = json.loads(json.dumps(MANIFEST))
    api = written["services"]["api"]
    if place == "project":
        written["project"] = name
    elif place == "service":
        written["services"] = {name: api}
    elif place == "domain":
        api["domain"] = name
    elif place == "volume":
        api |= {"volumes": [f"{name}:/data"], "strategy": "recreate"}
    elif place == "environment":
        written["environments"] = {name: {}}
    else:
        api["domain"] = {"host": "a.example.org", "paths": [name]}
    with pytest.raises(HavreError) as caught:
        load(json.dumps(written))
    assert caught.value.message


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_values_of_variables_stay_what_they_are(name: str) -> None:
    written = json.loads(json.dumps(MANIFEST))
    written["services"]["api"]["env"] = {"A": name.replace("$", "$$")}
    try:
        service = load(json.dumps(written)).for_environment("production").services["api"]
    except HavreError:
        assert not name.isprintable()  # what no variable can hold
    else:
        assert service.env["A"] in {name, name.replace("$", "$$")}


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_routes_are_files_of_their_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "dynamic"
    folder.mkdir()
    with pytest.raises((ValueError, ServerError)):
        traefik.publish(folder, name, {})
    assert files_below(tmp_path) == set()
    with pytest.raises(ValueError):
        checked_host(name)
