"""How pgBackRest is told what to do: by value."""

from __future__ import annotations

import pytest

from havre.domain.continuity.repositories import (
    Keeping,
    Keys,
    OffSite,
    Repository,
    archive_timeout,
    config_text,
    offsite_path,
    secret_text,
    trial_text,
)

PLACE = OffSite("https://s3.example.org:9000", "backups", "eu-1", "havre/one", "path", has_ca=True, version=3)


def test_without_storage_only_the_volume_is_used() -> None:
    text = config_text(Keeping(7, 30), None, "shop-production/db")
    assert "repo2" not in text
    assert "repo1-path=/var/lib/pgbackrest/repo\n" in text
    assert "repo1-retention-full=7\n" in text
    assert "repo1-retention-full-type=time\n" in text


def test_the_storage_is_the_second_repository_and_encrypted() -> None:
    lines = config_text(Keeping(7, 30), PLACE, "shop-production/db").splitlines()
    assert {
        "repo2-type=s3",
        "repo2-path=/havre/one/shop-production/db",
        "repo2-s3-bucket=backups",
        "repo2-s3-endpoint=s3.example.org",
        "repo2-storage-port=9000",
        "repo2-s3-region=eu-1",
        "repo2-s3-uri-style=path",
        "repo2-storage-ca-file=/etc/pgbackrest/offsite-ca.pem",
        "repo2-cipher-type=aes-256-cbc",
        "repo2-retention-full=30",
    } <= set(lines)


def test_a_dead_storage_does_not_hold_the_local_copy_back() -> None:
    text = config_text(Keeping(), PLACE, "shop-production/db")
    assert "[global:archive-push]\nio-timeout=5\njob-retry=0\n" in text


def test_a_storage_that_dies_in_the_middle_is_given_up_soon() -> None:
    lines = config_text(Keeping(), PLACE, "shop-production/db").splitlines()
    assert lines.index("io-timeout=20") < lines.index("[global:archive-push]")


def test_a_replay_fetches_one_segment_after_the_other() -> None:
    text = config_text(Keeping(), PLACE, "shop-production/db")
    assert "archive-async=y\n" in text.partition("[global:archive-push]")[0]
    assert "[global:archive-get]\narchive-async=n\n" in text


def test_another_version_of_the_keys_is_another_configuration() -> None:
    first = config_text(Keeping(), PLACE, "a/db")
    second = config_text(Keeping(), OffSite("https://s3.example.org:9000", "backups", version=4), "a/db")
    assert first != second


def test_what_is_secret_stands_in_its_own_file_only() -> None:
    keys = Keys("AKIA", "shh", "pass")
    assert repr(keys) == "Keys(…)"
    assert "shh" not in config_text(Keeping(), PLACE, "a/db")
    assert (
        secret_text(keys) == "[global]\nrepo2-s3-key=AKIA\nrepo2-s3-key-secret=shh\nrepo2-cipher-pass=pass\n"
    )
    trial = trial_text(PLACE, keys, "@CA@").splitlines()
    assert "repo1-s3-key-secret=shh" in trial
    assert "repo1-storage-ca-file=@CA@" in trial
    assert not any("cipher" in line for line in trial)  # a plain file is written and read


@pytest.mark.parametrize(("rpo", "seconds"), [(10, 7), (30, 22), (60, 45), (300, 285), (3600, 3585), (4, 5)])
def test_wal_leaves_before_the_rpo_is_over(rpo: float, seconds: int) -> None:
    assert archive_timeout(rpo) == seconds
    assert archive_timeout(rpo, is_streamed=True) == 60


def test_defaults_of_an_endpoint() -> None:
    place = OffSite("https://s3.example.org", "b")
    assert (place.host, place.port, place.place) == ("s3.example.org", 443, "https://s3.example.org/b")
    assert offsite_path(place, "shop-production/db") == "/shop-production/db"
    assert [each.key for each in Repository] == [1, 2]
