"""HTTPS without the internet, through the real router: a local authority, and certificate files."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from havre.adapters import certificates as x509
from support.repository import Repository
from support.server import Server

Make = Callable[..., Repository]
PATIENCE = 60.0


def served(host: str, context: ssl.SSLContext) -> str:
    """Who signed what the router serves for a host; a certificate that cannot be verified raises."""
    with (
        socket.create_connection(("127.0.0.1", 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert secure.recv(15).startswith(b"HTTP/1.1 200")
        told: Any = secure.getpeercert()
    return str({key: value for ((key, value),) in told["issuer"]}["commonName"])


def verified(host: str, authority: Path) -> str:
    """The same once it verifies against an authority's file."""
    context = ssl.create_default_context(cafile=str(authority))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return served(host, context)
        except ssl.SSLCertVerificationError:
            assert time.monotonic() < deadline, f"{host} is not served with a certificate of {authority}"
            time.sleep(0.5)


@pytest.fixture
def folder(server: Server) -> Iterator[Path]:
    """A directory of certificate files, which the server is told of; no authority is left behind."""
    made = Path(tempfile.mkdtemp(prefix="havre-certificates-", dir="/var/tmp"))
    server.stop()
    server.environment["HAVRE_TLS_DIRECTORY"] = str(made)
    server.start()
    yield made
    server.cli("server", "local-ca", "remove", "--yes", check=False)
    del server.environment["HAVRE_TLS_DIRECTORY"]
    shutil.rmtree(made)


def test_a_local_authority_and_certificate_files(
    server: Server, make: Make, project: str, folder: Path
) -> None:
    local, own = f"{project}.localhost", "shop.example.org"
    domains = [{"host": local, "https": True}, {"host": own, "https": True}]
    authority = server.json("server", "local-ca", "create")
    file = Path(authority["file"])
    assert "localhost" in authority["names"]
    assert not authority["is_trusted_here"]
    assert file.with_suffix(".key").stat().st_mode & 0o777 == 0o600
    assert server.cli("server", "local-ca", "create", check=False).returncode != 0, (
        "not over one that is there"
    )
    assert server.cli("server", "local-ca", "show", "--pem").stdout == file.read_text()

    repository = make()
    wanted = repository.manifest
    del wanted["services"]["api"]["domain"]
    wanted["services"]["api"]["domains"] = domains
    repository.commit(manifest=wanted, version="1")
    server.deploy(repository.folder)
    assert verified(local, file).startswith("Havre local CA of")
    with pytest.raises(ssl.SSLCertVerificationError):
        served(local, ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError):
        served(own, ssl.create_default_context(cafile=str(file)))

    # An authority of somebody else's, whose certificate is put into the directory while the server runs.
    other = folder / "other"
    other.mkdir()
    x509.make_authority(other, ["example.org"], owner="elsewhere", now=dt.datetime.now(dt.UTC))
    certificate, key = x509.issue(other, own, now=dt.datetime.now(dt.UTC))
    (folder / "shop.key").write_bytes(key)
    (folder / "shop.pem").write_bytes(certificate)
    assert verified(own, other / x509.AUTHORITY) == "Havre local CA of elsewhere"
    assert verified(local, file).startswith("Havre local CA of")
    shown = {row["seen"]: row["level"] for row in server_doctor(server) if row["check"] == "Certificate"}
    assert [level for seen, level in shown.items() if own in seen] == ["ok"]
    (folder / "shop.key").write_bytes(x509.issue(other, own, now=dt.datetime.now(dt.UTC))[1])
    assert [r["level"] for r in server_doctor(server) if r["check"] == "Certificate"] == ["failed"]


def server_doctor(server: Server) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(server.cli("doctor", "--json", check=False).stdout)
    return rows
