import os
import shutil
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest

from havre.adapters.git.checkout import checkout, resolve
from havre.adapters.git.source import Source
from havre.errors import Cancelled, SourceError
from support.git_repositories import AUTHOR_DATE, commit, contents, git, new_repository


@pytest.fixture
def hosts(tmp_path):
    return tmp_path / "known_hosts"


@pytest.fixture
def repository(tmp_path):
    folder = new_repository(tmp_path / "repo")
    commit(folder, {"README": "one", "apps/web/index.html": "<h1>", "apps/api/main.ts": "x"}, "First")
    return folder


@pytest.fixture
def bring(tmp_path, hosts):
    def bring(location, ref=None, subfolder=None, **more):
        number = len(list(tmp_path.glob("out*")))
        source = Source(str(location), ref, subfolder)
        return checkout(source, tmp_path / f"out{number}", known_hosts=hosts, **more)

    return bring


def test_the_commit_is_described(repository, bring):
    commit(repository, {"README": "two"}, "Say “two”\n\nIn the body.")
    lines = []
    result = bring(repository, report=lines.append)
    assert result.commit == git(repository, "rev-parse", "HEAD")
    assert result.subject == "Say “two”"
    assert result.author_date == datetime.fromisoformat(AUTHOR_DATE)
    assert result.branch == "main"
    assert result.path == result.root
    assert (result.path / "README").read_text() == "two"
    assert any(result.commit[:12] in line for line in lines)


def test_only_what_is_committed_comes(repository, bring):
    commit(repository, {".gitignore": "*.log"})
    (repository / "README").write_text("changed, not committed")
    (repository / "untracked").write_text("x")
    (repository / "staged").write_text("x")
    git(repository, "add", "staged")
    (repository / "ignored.log").write_text("x")
    result = bring(repository)
    assert contents(result.path) == {".gitignore", "README", "apps/web/index.html", "apps/api/main.ts"}
    assert (result.path / "README").read_text() == "one"


def test_the_current_branch_is_the_default(repository, bring):
    git(repository, "switch", "--quiet", "-c", "work")
    second = commit(repository, {"README": "work"})
    assert (bring(repository).branch, bring(repository).commit) == ("work", second)
    git(repository, "switch", "--quiet", "--detach")
    assert (bring(repository).branch, bring(repository).commit) == (None, second)


def test_branch_tag_and_annotated_tag(repository, bring, hosts):
    first = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "light")
    git(repository, "tag", "-a", "-m", "release", "v1.0")
    git(repository, "branch", "side")
    commit(repository, {"README": "two"})
    for ref, branch in (("light", None), ("v1.0", None), ("refs/tags/v1.0", None), ("side", "side")):
        result = bring(repository, ref)
        assert (result.commit, result.branch) == (first, branch), ref
        assert resolve(Source(str(repository), ref), known_hosts=hosts) == first


def test_a_branch_goes_before_a_tag_of_the_same_name(repository, bring):
    git(repository, "tag", "twin")
    git(repository, "branch", "twin")
    git(repository, "switch", "--quiet", "twin")
    second = commit(repository, {"README": "two"})
    assert bring(repository, "twin").commit == second


@pytest.mark.parametrize(
    "name",
    ["feature/é-#1+$x;y'z", "a-$(touch${IFS}hacked)", "a`touch${IFS}hacked`", "100%", '"q"', "abc1234"],
)
def test_branches_with_odd_names(repository, bring, name, monkeypatch):
    monkeypatch.chdir(repository.parent)
    git(repository, "branch", name)
    result = bring(repository, name)
    assert result.branch == name
    assert not list(repository.parent.rglob("hacked"))


def test_a_commit_that_no_branch_points_at(repository, bring, hosts):
    first = git(repository, "rev-parse", "HEAD")
    commit(repository, {"README": "two"})
    commit(repository, {"README": "three"})
    for ref in (first, first[:10]):
        result = bring(repository, ref)
        assert (result.commit, result.branch) == (first, None)
        assert resolve(Source(str(repository), ref), known_hosts=hosts) == first


def test_a_commit_from_a_server_that_gives_only_tips(repository, bring, tmp_path):
    first = git(repository, "rev-parse", "HEAD")
    commit(repository, {"README": "two"})
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(bare))
    git(bare, "config", "protocol.version", "0")
    git(bare, "config", "uploadpack.allowAnySHA1InWant", "false")
    assert bring(bare, first).commit == first


def test_a_shallow_clone_can_be_the_source(repository, bring, tmp_path):
    commit(repository, {"README": "two"})
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", str(shallow))
    assert (bring(shallow).path / "README").read_text() == "two"
    assert bring(shallow, git(shallow, "rev-parse", "--short=8", "HEAD")).branch is None


def test_subfolders(repository, bring):
    for location, subfolder in (
        (repository, "apps/web"),
        (repository / "apps", "web"),
        (repository / "apps/web", None),
        (f"file://{repository}/apps/web", None),
    ):
        result = bring(location, None, subfolder)
        assert contents(result.path) == {"index.html"}
        assert (result.root / "README").exists()


def test_a_linked_work_tree_is_a_source(repository, bring, tmp_path):
    git(repository, "worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "tree"))
    commit(tmp_path / "tree", {"README": "linked"})
    result = bring(tmp_path / "tree")
    assert (result.branch, (result.path / "README").read_text()) == ("linked", "linked")


def test_a_subfolder_that_is_not_there_is_suggested(repository, bring):
    with pytest.raises(SourceError, match="no folder apps/wbe") as caught:
        bring(repository, None, "apps/wbe")
    assert caught.value.hint == "Did you mean apps/web?"


def test_a_subfolder_that_is_a_link_out_is_refused(repository, bring):
    (repository / "out").symlink_to("/etc")
    git(repository, "add", "out")
    commit(repository, {})
    with pytest.raises(SourceError, match="leads out of the repository"):
        bring(repository, None, "out")


def test_submodules_come_too(repository, bring, tmp_path):
    inner = new_repository(tmp_path / "inner")
    pinned = commit(inner, {"deep": "pinned"})
    middle = new_repository(tmp_path / "middle")
    commit(middle, {"lib": "x"})
    git(middle, "submodule", "--quiet", "add", "../inner", "inner")
    commit(middle, {})
    git(repository, "submodule", "--quiet", "add", "../middle", "vendor/middle")
    commit(repository, {})
    commit(inner, {"deep": "newer"})
    assert pinned != git(inner, "rev-parse", "HEAD")
    result = bring(repository)
    assert (result.path / "vendor/middle/lib").read_text() == "x"
    assert (result.path / "vendor/middle/inner/deep").read_text() == "pinned"
    assert not list(result.path.rglob(".git"))


def test_nothing_of_git_is_left(repository, bring):
    result = bring(repository)
    assert not (result.path / ".git").exists()


def test_hooks_and_filters_of_nobody_run(repository, bring, tmp_path, monkeypatch):
    marker = tmp_path / "ran"
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f'[filter "lfs"]\n\tsmudge = touch {marker}\n\trequired = true\n'
        f"[core]\n\tfsmonitor = touch {marker}\n\thooksPath = {hook.parent}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {marker}")
    commit(repository, {".gitattributes": "*.bin filter=lfs\n", "big.bin": "version lfs pointer"})
    lines = []
    result = bring(repository, report=lines.append)
    assert (result.path / "big.bin").read_text() == "version lfs pointer"
    assert any("LFS" in line for line in lines)
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another account")
def test_root_reads_a_repository_of_another_account(repository, bring):
    for folder, _, files in os.walk(repository):
        os.chown(folder, 12345, 12345)
        for name in files:
            os.chown(Path(folder) / name, 12345, 12345, follow_symlinks=False)
    plain = subprocess.run(["git", "-C", str(repository), "log"], capture_output=True, text=True, check=False)
    assert "dubious ownership" in plain.stderr, "the test's premise"
    assert bring(repository).subject == "First"


def test_a_ref_that_is_not_there_names_close_ones(repository, bring, hosts):
    git(repository, "branch", "develop")
    for read in (
        lambda ref: bring(repository, ref),
        lambda ref: resolve(Source(str(repository), ref), known_hosts=hosts),
    ):
        with pytest.raises(SourceError, match="no branch, tag or commit 'devlop'") as caught:
            read("devlop")
        assert caught.value.hint == "Did you mean develop?"
        with pytest.raises(SourceError) as caught:
            read("something-else")
        assert "develop, main" in caught.value.hint


@pytest.mark.parametrize("ref", ["f" * 40, "deadbeef"])
def test_a_commit_that_is_not_there(repository, bring, ref):
    with pytest.raises(SourceError, match=f"no commit {ref}"):
        bring(repository, ref)


def test_an_empty_repository(tmp_path, bring):
    with pytest.raises(SourceError, match="has no commit yet"):
        bring(new_repository(tmp_path / "empty"))


def test_no_repository_and_no_folder(tmp_path, bring):
    (tmp_path / "plain").mkdir()
    with pytest.raises(SourceError, match="not in a Git repository"):
        bring(tmp_path / "plain")
    with pytest.raises(SourceError, match="There is no folder"):
        bring(tmp_path / "nothing")


def test_a_damaged_repository_is_told(repository, bring):
    shutil.rmtree(repository / ".git/objects")
    (repository / ".git/objects").mkdir()
    with pytest.raises(SourceError) as caught:
        bring(repository)
    assert caught.value.detail


def test_the_folder_must_be_empty(repository, tmp_path, hosts):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("x")
    with pytest.raises(SourceError, match="not empty"):
        checkout(Source(str(repository)), tmp_path / "full", known_hosts=hosts)


def test_it_can_be_stopped_and_is_limited_in_time(repository, bring, tmp_path, monkeypatch):
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nsleep 60 & wait\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    began = time.monotonic()
    with pytest.raises(Cancelled):
        bring(repository, cancelled=lambda: time.monotonic() > began + 0.3)
    with pytest.raises(SourceError, match="too long") as caught:
        bring(repository, time_limit=0.3)
    assert caught.value.retryable
    assert time.monotonic() - began < 40
