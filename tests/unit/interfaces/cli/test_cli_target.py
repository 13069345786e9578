from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from havre.errors import ManifestError, SourceError, UsageError
from havre.interfaces.cli import target


def deployment(start: Path, **given: str) -> target.Deployment:
    return target.deployment(start, **{"project": "", "source": "", "subfolder": "", **given})


def test_the_repository_around_the_folder_is_deployed(repository: Path) -> None:
    (repository / "src" / "deep").mkdir(parents=True)
    for start in (repository, repository / "src" / "deep"):
        wanted = deployment(start)
        assert (wanted.project, wanted.source, wanted.subfolder) == ("shop", str(repository), "")


def test_a_manifest_in_a_subfolder_names_it(repository: Path) -> None:
    folder = repository / "apps" / "web"
    folder.mkdir(parents=True)
    (folder / "havre.yaml").write_text("project: other\n")
    wanted = deployment(folder)
    assert (wanted.project, wanted.source, wanted.subfolder) == ("other", str(repository), "apps/web")
    assert deployment(repository, subfolder="apps/web") == wanted
    assert deployment(repository.parent, source="repository", subfolder="apps/web") == wanted


def test_a_manifest_above_the_repository_does_not_count(repository: Path) -> None:
    (repository / "havre.yaml").rename(repository.parent / "havre.yaml")
    with pytest.raises(UsageError, match=r"no havre\.yaml"):
        deployment(repository)


def test_a_folder_without_git_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "havre.yaml").write_text("project: shop\n")
    with pytest.raises(UsageError, match="not in a Git repository") as caught:
        deployment(tmp_path)
    assert "git init" in caught.value.hint
    assert target.project_around(tmp_path) == "shop"


def test_a_named_project_elsewhere_is_the_remembered_one(repository: Path, tmp_path: Path) -> None:
    assert deployment(tmp_path, project="blog") == target.Deployment("blog", None, "")
    assert deployment(repository, project="blog").source is None
    assert deployment(repository, project="shop").source == str(repository)


def test_a_named_project_must_be_the_one_of_the_given_source(repository: Path) -> None:
    with pytest.raises(UsageError, match="is the project shop, not blog"):
        deployment(repository.parent, project="blog", source=str(repository))


@pytest.mark.parametrize(
    ("source", "is_url"),
    [
        ("git@git.example.org:me/shop.git", True),
        ("https://git.example.org/me/shop", True),
        ("ssh://git@git.example.org/x", True),
        ("../shop", False),
        ("/srv/git/shop.git", False),
        ("shop", False),
    ],
)
def test_urls_and_folders_are_told_apart(source: str, is_url: bool) -> None:
    assert target.is_url(source) is is_url


def test_a_url_needs_the_projects_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name is not known") as caught:
        deployment(tmp_path, source="https://git.example.org/me/shop")
    assert "--project NAME" in caught.value.hint


@pytest.mark.parametrize("text", ["project: [", "services: {}\n", "project: 7\n", "- a\n", "\x00"])
def test_a_manifest_without_a_name_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "havre.yaml").write_text(text)
    with pytest.raises(ManifestError):
        target.project_around(tmp_path)


def test_changes_that_are_not_committed_are_found(repository: Path) -> None:
    assert target.changes(repository) == []
    (repository / "new.txt").write_text("x")
    (repository / "havre.yaml").write_text("project: shop\n")
    assert sorted(target.changes(repository)) == ["havre.yaml", "new.txt"]
    assert target.head(repository)[1] == "First"


def test_a_repository_without_a_commit_is_told_so(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, capture_output=True)
    with pytest.raises(SourceError, match="no commit yet"):
        target.head(tmp_path)


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(
        ("git", *arguments), cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_expressions_of_git_are_resolved_where_the_repository_is(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "-qm", "Second", "--allow-empty")
    git(repository, "tag", "-am", "One", "v1.0")
    second = git(repository, "rev-parse", "HEAD")
    for plain in ("main", "v1.0", "feature/x-1", first, first[:7], "refs/heads/main", ""):
        assert target.ref_of(repository, plain) == plain
    for expression in ("HEAD~1", "main^", "v1.0~1", ":/First", "HEAD@{1}", "@~"):
        assert target.ref_of(repository, expression) == first, expression
    for expression in ("HEAD", "@", "v1.0^{}", "main@{0}"):
        assert target.ref_of(repository, expression) == second, expression


@pytest.mark.parametrize(
    "ref", ["HEAD~9", "nope^", "HEAD:havre.yaml", "a..b", "--help", "--upload-pack=x", "-", "a b"]
)
def test_what_means_no_commit_is_told_so(repository: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="means no commit of"):
        target.ref_of(repository, ref)
