from __future__ import annotations

import json

import pytest

from havre.adapters import sealing
from havre.config import Config
from havre.operations.log_secrets import LogSecrets
from havre.records import continuity, queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def config(tmp_path):
    found = Config(state=tmp_path)
    found.paths.keys.mkdir()
    sealing.make_keys(found.paths.private_key, found.paths.public_key)
    return found


def test_every_version_is_hidden_in_its_own_environment_also_in_json(config):
    def put(environment, value):
        row = queries.ensure_environment("shop", environment, source="")
        queries.add_secret(row, "k", sealing.seal(config.paths.public_key, value.encode()), actor="t")

    found = LogSecrets(config)
    redact = found.redactor("shop", "production")
    put("production", 'old"pass\\wörd')
    put("staging", "of-staging")
    found.look()
    put("production", "new-password")
    found.look()
    assert redact('a old"pass\\wörd b new-password') == "a [secret] b [secret]"
    assert redact(json.dumps({"p": 'old"pass\\wörd'})) == '{"p": "[secret]"}'
    assert redact(json.dumps({"p": 'old"pass\\wörd'}, ensure_ascii=False)) == '{"p": "[secret]"}'
    assert redact("of-staging") == "of-staging"
    assert found.redactor("shop", "staging")("of-staging") == "[secret]"


def test_a_secret_that_cannot_be_opened_hides_the_others_all_the_same(config):
    row = queries.ensure_environment("shop", "production", source="")
    queries.add_secret(row, "broken", b"not sealed for this server", actor="t")
    queries.add_secret(row, "good", sealing.seal(config.paths.public_key, b"good-password"), actor="t")
    found = LogSecrets(config)
    found.look()
    assert found.redactor("shop", "production")("good-password") == "[secret]"


def test_the_keys_of_the_storage_are_hidden_everywhere(config):
    found = LogSecrets(config)
    before = found.redactor("shop", "production")
    sealed = {
        f"sealed_{name}": sealing.seal(config.paths.public_key, f"storage-{name}".encode())
        for name in ("key", "secret", "passphrase")
    }
    continuity.set_storage(actor="t", endpoint="https://s3.example.org", bucket="b", **sealed)
    found.look()
    for redact in (before, found.redactor("other", "staging")):
        assert redact("storage-key storage-secret storage-passphrase") == "[secret] [secret] [secret]"
