"""What a real TLS port serves is seen as it is, whatever a browser would say of it."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from havre.adapters import certificates
from havre.adapters.certificates.served import ends, served
from havre.domain.served_certificates import Standing, standing


@pytest.fixture
def port(tmp_path, monkeypatch):
    """A TLS server for ``shop.test`` by an authority that nobody knows; give it the folder to trust it."""
    now = datetime.now(UTC)
    certificates.make_authority(tmp_path, ["test"], owner="here", now=now)
    content, key = certificates.issue(tmp_path, "shop.test", now=now)
    (tmp_path / "c.pem").write_bytes(content)
    (tmp_path / "k.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(1)
            except OSError:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def look(port, host="shop.test"):
    return served(host, address="127.0.0.1", port=port, timeout=20)


def test_a_certificate_of_ones_own_authority_is_seen(port):
    found = look(port)
    assert found.names == ("shop.test",)
    assert "Havre" in found.issuer
    assert found.ends - datetime.now(UTC) > timedelta(days=20)
    assert ends("shop.test", address="127.0.0.1", port=port, timeout=20) == found.ends
    assert standing(found, datetime.now(UTC)) is Standing.UNKNOWN_SIGNER


def test_one_that_this_server_knows_is_trusted(port, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificates.AUTHORITY))
    assert standing(look(port), datetime.now(UTC)) is Standing.GOOD
    other = look(port, "other.test")
    assert other.is_trusted
    assert standing(other, datetime.now(UTC)) is Standing.OTHER_NAME


def test_where_nothing_answers_the_reason_is_told(port):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    assert "refused" in look(free).problem
    assert ends("shop.test", address="127.0.0.1", port=free, timeout=20) is None
    assert look(port, "x" * 300).problem
