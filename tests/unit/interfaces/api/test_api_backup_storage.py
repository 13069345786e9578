from __future__ import annotations

from havre.records import continuity

PATH = "/api/v1/backup-storage"
WANTED = {"endpoint": "https://s3.example.org", "bucket": "backups", "key": "KEY", "secret": "hush"}


def test_keys_go_in_sealed_and_a_change_makes_the_kept_kit_an_old_one(ask):
    assert ask("GET", PATH).json() is None
    made = ask("PUT", PATH, WANTED).json()
    assert made["passphrase"]
    assert not made["kit_stored"]
    row = continuity.newest_storage()
    assert row is not None
    continuity.record_kit_stored(row, actor="ada")
    shown = ask("GET", PATH)
    assert shown.json()["kit_stored"]
    for changed in ({"key": "KEY", "secret": "other"}, {"passphrase": "a-long-one-of-ones-own-1234"}):
        again = ask("PUT", PATH, {**WANTED, **changed}).json()
        assert (again["passphrase"], again["kit_stored"]) == ("", False)
        assert not ask("GET", PATH).json()["kit_stored"]
    for secret in ("hush", "other", made["passphrase"]):
        assert secret not in shown.text
        assert secret.encode() not in bytes(row.sealed_secret or b"")
