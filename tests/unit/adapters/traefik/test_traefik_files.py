import json
import os
import stat
import time

import pytest

from havre.adapters.traefik import publish, published, withdraw
from havre.errors import ServerError

A = {"http": {"routers": {"a": {"rule": "Host(`a.test`)"}}}}


def test_publish_says_whether_something_changed(tmp_path):
    assert publish(tmp_path, "dropit-production", A) is True
    before = (tmp_path / "dropit-production.yml").stat()
    assert publish(tmp_path, "dropit-production", A) is False
    assert (tmp_path / "dropit-production.yml").stat().st_mtime_ns == before.st_mtime_ns
    assert publish(tmp_path, "dropit-production", {"http": {}}) is True
    assert stat.S_IMODE(before.st_mode) == 0o644
    assert [path.name for path in tmp_path.iterdir()] == ["dropit-production.yml"]


def test_published_gives_back_what_was_published(tmp_path):
    publish(tmp_path, "a", A)
    publish(tmp_path, "b", {})
    (tmp_path / "by-hand.yml").write_text("http: [")
    (tmp_path / ".hidden.yml").write_text("{}")
    assert published(tmp_path) == {"a": A, "b": {}}
    assert published(tmp_path / "missing") == {}


def test_withdraw(tmp_path):
    publish(tmp_path, "a", A)
    assert withdraw(tmp_path, "a") is True
    assert withdraw(tmp_path, "a") is False
    assert published(tmp_path) == {}


def test_no_go_template_begins_in_a_file(tmp_path):
    value = {"a": '{{ env "HOME" }}', "{{": {"b": {}}, "c": "{{{"}
    publish(tmp_path, "a", value)
    text = (tmp_path / "a.yml").read_text()
    assert "{{" not in text
    assert json.loads(text) == value
    assert published(tmp_path)["a"] == value


def test_what_a_dead_writer_left_is_removed(tmp_path):
    old, fresh = tmp_path / ".a.x.tmp", tmp_path / ".a.y.tmp"
    for path in (old, fresh):
        path.touch()
    os.utime(old, (time.time() - 120,) * 2)
    publish(tmp_path, "b", A)
    assert not old.exists()
    assert fresh.exists()


@pytest.mark.parametrize("name", ["", "../a", "a/b", ".a", "a\n"])
def test_a_name_stays_in_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="name"):
        publish(tmp_path, name, A)
    with pytest.raises(ValueError, match="name"):
        withdraw(tmp_path, name)


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    with pytest.raises(ServerError) as caught:
        publish(tmp_path / "missing", "a", A)
    assert "missing" in caught.value.message
    assert caught.value.hint
    assert caught.value.retryable


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    publish(tmp_path, "a", A)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ServerError, match="No space left"):
        publish(tmp_path, "a", {"http": {}})
    assert published(tmp_path) == {"a": A}
    assert [path.name for path in tmp_path.iterdir()] == ["a.yml"]
