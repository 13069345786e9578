"""The local authority as clients see it: OpenSSL verifies what it signs, and refuses what it may not sign."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest

from havre.adapters import certificates as x509
from havre.domain import certificates as rules
from havre.domain.certificates import Certificate
from havre.domain.doctor import Level
from havre.errors import UsageError

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x509.make_authority(
        tmp_path, ["test", "lan.example.org"], owner="a server with a very long name" * 4, now=NOW
    )
    return tmp_path


def handshake(folder: Path, host: str, signed_for: str) -> None:
    """A TLS handshake between two contexts in memory; raises as a client would."""
    certificate, key = x509.issue(folder, signed_for, now=NOW)
    (folder / "leaf.pem").write_bytes(certificate)
    (folder / "leaf.key").write_bytes(key)
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
    client_context = ssl.create_default_context(cafile=str(folder / x509.AUTHORITY))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    client.do_handshake()


@pytest.mark.parametrize("host", ["shop.test", "a.b.test", "lan.example.org", "x.lan.example.org"])
def test_a_host_below_its_names_is_verified(folder: Path, host: str) -> None:
    handshake(folder, host, host)


@pytest.mark.parametrize("host", ["example.org", "shop.example.com", "localhost"])
def test_a_stolen_key_signs_for_nobody_else(folder: Path, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(folder, host, host)


def test_another_host_is_refused(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(folder, "other.test", "shop.test")


def test_what_is_read_back_is_what_was_made(folder: Path) -> None:
    assert x509.permitted(folder / x509.AUTHORITY) == ("test", "lan.example.org")
    assert (folder / x509.AUTHORITY_KEY).stat().st_mode & 0o777 == 0o600
    certificate, key = x509.issue(folder, "shop.test", now=NOW)
    (folder / "a.pem").write_bytes(certificate)
    (folder / "a.key").write_bytes(key)
    found = x509.read(folder / "a.pem", folder / "a.key")
    assert (found.names, found.fits, found.problem) == (("shop.test",), True, "")
    assert not rules.must_renew(found, NOW)
    assert rules.must_renew(found, NOW + rules.LEAF_LIFE - rules.RENEWED_BEFORE)
    assert not x509.read(folder / "a.pem", folder / x509.AUTHORITY_KEY).fits


@pytest.mark.parametrize(
    "content", [b"", b"no pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_a_problem_and_no_crash(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pem").write_bytes(content)
    assert "not a PEM certificate" in x509.read(tmp_path / "a.pem").problem
    assert x509.read(tmp_path / "none.pem").problem


@pytest.mark.parametrize(
    ("begins", "ends", "level"),
    [(-1, 60, Level.OK), (-1, 13, Level.WARNING), (-60, -1, Level.FAILED), (1, 60, Level.FAILED)],
)
def test_doctor_warns_before_a_certificate_ends(begins: int, ends: int, level: Level) -> None:
    days = dt.timedelta(days=1)
    found = rules.verdict(Certificate("/c.pem", ("a.test",), NOW + begins * days, NOW + ends * days), NOW)
    assert found.level is level
    assert bool(found.remedy) == (level is not Level.OK)


def test_doctor_fails_what_cannot_be_served() -> None:
    for bad in (Certificate("/c.pem", problem="no"), Certificate("/c.pem", fits=False)):
        assert rules.verdict(bad, NOW).level is Level.FAILED
        assert rules.usable([bad]) == ()


@pytest.mark.parametrize("name", ["com", "", "a..b", "*.example.org", "ex ample.org", "-a.b"])
def test_nobody_gets_an_authority_for_everything(name: str) -> None:
    with pytest.raises(UsageError):
        rules.zone(name)
    assert rules.zone(" LAN.Example.org. ") == "lan.example.org"


def test_a_suffix_is_whole_labels() -> None:
    assert rules.is_below("shop.test", ["test"])
    assert not rules.is_below("shoptest", ["test"])
