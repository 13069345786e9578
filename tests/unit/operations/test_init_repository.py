"""Writing what is proposed: nothing is lost, nothing leaves the repository, a second time changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from havre.errors import ConflictError, UsageError
from havre.operations.init_repository import draft, write
from support.blueprints import package
from support.proposed import REPOSITORIES, prepared


def repository(root: Path) -> Path:
    root.mkdir()
    (root / "package.json").write_text(json.dumps(package({"start": "node server.js"}, "express")))
    (root / "package-lock.json").write_text("{}")
    (root / "server.js").write_text('app.get("/health", ok); app.listen(3000)')
    return root


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    assert write(draft(root)) == ["havre.yaml", "Dockerfile", ".dockerignore"]
    before = {path: path.read_text() for path in root.iterdir()}
    again = draft(root, force=True)
    assert {file.state for file in again.files} == {"same"}
    assert write(again, force=True) == []
    assert {path: path.read_text() for path in root.iterdir()} == before


def test_a_dockerfile_of_init_is_the_repositorys_own_from_then_on(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    write(draft(root))
    proposed = {file.path: file for file in draft(root).files}
    assert set(proposed) == {"havre.yaml"}, "no Dockerfile is to be written"


def test_where_nothing_is_found_the_file_that_could_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_bytes(b"\0\1")
    with pytest.raises(UsageError) as caught:
        draft(tmp_path)
    assert caught.value.detail.startswith("package.json could not be read: it is no text")


def test_what_stands_there_is_kept_unless_forced(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    (root / "havre.yaml").write_text("project: mine\n")
    with pytest.raises(ConflictError) as caught:
        write(draft(root))
    assert "-project: mine" in caught.value.detail
    assert not (root / "Dockerfile").exists(), "all or nothing"
    write(draft(root, force=True), force=True)
    assert (root / "havre.yaml.bak").read_text() == "project: mine\n"
    assert (root / "havre.yaml").read_text().startswith("# Written by `havre init`")


def test_an_edited_dockerfile_of_init_is_made_anew_on_demand_only(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    write(draft(root))
    mine = (root / "Dockerfile").read_text() + "# mine\n"
    (root / "Dockerfile").write_text(mine)
    write(draft(root, force=True), force=True)
    assert "# mine" not in (root / "Dockerfile").read_text()
    assert (root / "Dockerfile.bak").read_text() == mine


@pytest.mark.parametrize("name", ["havre.yaml", "Dockerfile"])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    root = repository(tmp_path / "shop")
    outside = tmp_path / "outside"
    outside.write_text("mine\n")
    (root / name).symlink_to(outside)
    with pytest.raises(UsageError, match="symbolic link"):
        write(draft(root, force=True), force=True)
    assert outside.read_text() == "mine\n"


def test_a_folder_without_an_application(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing\n")
    with pytest.raises(UsageError, match="looks like an application"):
        draft(tmp_path)


@pytest.mark.parametrize("options", [{"domain": "https://example.org"}, {"project": "My Shop"}])
def test_an_option_that_makes_no_manifest(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="options") as caught:
        draft(repository(tmp_path / "shop"), **options)
    assert caught.value.detail


@pytest.mark.parametrize("name", sorted(path.name for path in REPOSITORIES.iterdir()))
def test_every_repository_of_the_tests_gets_a_manifest_that_loads(tmp_path: Path, name: str) -> None:
    _, drafts, manifest = prepared(name, tmp_path)
    assert manifest.services
    assert {gap.about for gap in drafts.blocking} <= {"environments.production.branch"}


def test_names_that_a_repository_chose_cannot_end_an_instruction(tmp_path: Path) -> None:
    root = repository(tmp_path / "shop")
    odd = root / "apps" / "a b'; RUN evil #$(x)"
    odd.mkdir(parents=True)
    (root / "package.json").write_text('{"name": "x\\nRUN evil", "workspaces": ["apps/*"]}')
    (odd / "package.json").write_text(
        '{"name": "y; evil", "scripts": {"build": "tsc", "start": "node dist/a.js"},'
        ' "dependencies": {"express": "5"}}'
    )
    drafts = draft(root)
    file = next(file for file in drafts.files if file.path.endswith("/Dockerfile"))
    instructions = {line.split(" ")[0] for line in file.text.splitlines() if line and line[0] not in " #"}
    assert instructions == {"FROM", "WORKDIR", "ENV", "COPY", "RUN", "USER", "EXPOSE", "CMD"}
    assert "'apps/a b'\"'\"'; RUN evil #$(x)'" in file.text, "a shell reads one word"
    assert "y; evil" not in file.text
