"""The archive: what opens it, what it lists, what stays, why it failed."""

from __future__ import annotations

import json

import pytest

from havre.domain.continuity import archive
from havre.domain.continuity.repositories import Keys, OffSite

KEYS = Keys("KEY", "hush", "phrase")
ROW = {
    "time": "2026-11-30T11:28:16.775200334Z",
    "paths": ["/images.tar"],
    "tags": ["images:shop-production"],
    "summary": {"total_bytes_processed": 83340800},
    "id": "beb9",
}
"""As restic 0.18 lists it, shortened."""


def test_the_settings_open_the_place_and_never_show() -> None:
    place = archive.elsewhere(OffSite("https://s3.example.org:9000", "club", "eu", "a/b"), KEYS, "PEM\n")
    assert "RESTIC_REPOSITORY=s3:https://s3.example.org:9000/club/a/b/_havre" in place.text
    assert "RESTIC_PASSWORD=phrase" in place.text
    assert place.text.endswith("--- CA\nPEM\n")
    assert place.options == ("--option", "s3.bucket-lookup=path")
    assert "hush" not in repr(place)
    assert "phrase" not in repr(place)


def test_without_an_authority_that_of_the_image_counts() -> None:
    place = archive.elsewhere(OffSite("https://s3.example.org", "club", style="host"), KEYS, "")
    assert "RESTIC_CACERT" not in place.text
    assert "--- CA" not in place.text
    assert place.options[-1] == "s3.bucket-lookup=dns"


def test_what_is_sent_may_have_a_ceiling() -> None:
    place = archive.elsewhere(OffSite("https://s3.example.org", "club"), KEYS, "", upload_limit=500)
    assert place.options[-1] == "--limit-upload=500"


def test_the_newest_of_a_tag_is_found() -> None:
    later = {**ROW, "time": "2026-12-01T00:00:00.5+01:00", "id": "c0de"}
    other = {**ROW, "time": "2026-12-02T00:00:00Z", "tags": ["state"], "id": "ffff", "summary": None}
    found = archive.snapshots(json.dumps([later, other, ROW]))
    assert [each.id for each in found] == ["beb9", "c0de", "ffff"]
    newest = archive.newest(found, archive.images_tag("shop-production"))
    assert newest is not None
    assert newest.id == "c0de"
    assert newest.size == 83340800
    assert archive.newest(found, "volume:x") is None


def test_a_small_archive_is_read_back_whole_and_a_large_one_part_by_part() -> None:
    assert archive.to_read_back(1_000_000, 3) == "100%"
    weekly = {archive.to_read_back(50_000_000_000, 739_000 + 7 * week) for week in range(10)}
    assert weekly == {f"{part}/10" for part in range(1, 11)}, "in ten checks everything is read"


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (12, "Fatal: wrong password or no key found", "the passphrase does not open the archive"),
        (10, "Fatal: repository does not exist", "there is no archive at that place"),
        (11, "repo already locked", "another process has the archive locked"),
        (1, "Fatal: ... The Access Key Id ... InvalidAccessKeyId", "the off-site storage refused the keys"),
        (1, "x509: certificate signed by unknown authority", "is not trusted"),
        (1, "dial tcp 10.0.0.1:9000: connect: connection refused", "cannot be reached"),
        (124, "", "cannot be reached"),
        (1, "write /tmp/x: no space left on device", "the disk is full"),
        (1, "subprocess havre-archive: what was to be saved ended before its end", "ended before its end"),
        (3, '{"message_type":"error","error":{"message":"read /x: no data read"}}', "saved is empty"),
        (
            3,
            '{"message_type":"error","error":{"message":"open /v/a: denied"}}\n{"code": 3}',
            "open /v/a: denied",
        ),
        (1, '{"message_type":"exit_error","code":1,"message":"Fatal: new"}', "Fatal: new"),
        (1, "Fatal: something new", "Fatal: something new"),
        (2, "", "restic ended with 2"),
    ],
)
def test_the_cause_of_a_failure(code: int, said: str, told: str) -> None:
    assert told in archive.cause(code, said).message


def test_the_files_that_did_not_come_back_are_named() -> None:
    lines = [
        '{"message_type":"error","error":{"message":"decrypting blob <data/72ab> from afb0 failed: ciphertext'
        f' verification failed"}},"during":"restore","item":"/{name}"}}'
        for name in ("b file.bin", "b file.bin", "c/d")
    ]
    said = "\n".join(
        [*lines, '{"message_type":"exit_error","code":1,"message":"Fatal: There were 2 errors"}']
    )
    assert archive.not_restored(said) == "/b file.bin, /c/d"
    assert archive.cause(1, said).message == "files of the archive are damaged"
    many = (
        said.replace("/c/d", "/c/1") + "\n" + "\n".join(lines[2].replace("/c/d", f"/c/{n}") for n in range(9))
    )
    assert archive.not_restored(many) == "/b file.bin, /c/1, /c/0 and 7 more"
    assert not archive.not_restored("Fatal: wrong password\n{}\n[]")
