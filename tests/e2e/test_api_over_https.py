"""The command line from elsewhere: HTTPS through Traefik, with a token."""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.server import Server

HOST = "localhost"


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for the panel's host, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the certificate."""
    made = Path(tempfile.mkdtemp(prefix="havre-tls-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


def test_the_command_line_over_https(server: Server, engine: docker.APIClient, folder: Path) -> None:
    certificate, key = self_signed(folder)
    gateway = engine.inspect_network("docker_gwbridge")["IPAM"]["Config"][0]["Gateway"]
    settings = {
        "HAVRE_DOMAIN": HOST,
        "HAVRE_API_LISTEN": gateway,
        "HAVRE_TLS_CERTIFICATE": str(certificate),
        "HAVRE_TLS_KEY": str(key),
    }
    server.stop()
    server.environment |= settings
    server.start()
    try:
        token = server.json("tokens", "create", "ci", "--role", "maintainer")["token"]
        server.environment |= {
            "HAVRE_URL": f"https://{HOST}",
            "HAVRE_TOKEN": token,
            "SSL_CERT_FILE": str(certificate),
        }
        wait_for_router(server)
        refused = server.cli("tokens", "list", check=False)
        assert refused.returncode != 0, "tokens are managed on the server only"
        server.environment["HAVRE_TOKEN"] = "havre_wrong"
        assert server.cli("projects", check=False).returncode != 0
        server.environment["HAVRE_TOKEN"] = token
        server.environment["SSL_CERT_FILE"] = "/etc/ssl/certs/ca-certificates.crt"
        assert "certificate" in server.cli("projects", check=False).stderr.lower()
    finally:
        server.stop()
        for name in ("HAVRE_URL", "HAVRE_TOKEN", "SSL_CERT_FILE", *settings):
            server.environment.pop(name, None)
        server.start()


def wait_for_router(server: Server) -> None:
    """The worker brings the router in line when it starts; that takes a few seconds."""
    deadline = time.monotonic() + 60
    while (shown := server.cli("projects", "--json", check=False)).returncode != 0:
        assert time.monotonic() < deadline, shown.stderr
        time.sleep(0.5)
