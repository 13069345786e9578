"""An SSH server on loopback, from which repositories are read."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.ports import free_port

_SSHD = "/usr/sbin/sshd"
_PATIENCE = 60.0


def new_key(path: Path, *options: str) -> Path:
    """A key pair without a passphrase; the private half's file."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", *options, "-f", str(path)], check=True)
    return path


class Sshd:
    """An SSH server of its own: own keys, own port, in the foreground. ``key`` lets in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.key = folder / "deploy"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        config = self.folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
            "PermitUserEnvironment no\nSubsystem sftp internal-sftp\n"
        )
        with (self.folder / "sshd.log").open("a") as log:
            self.process = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(config)], stderr=log)
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self.folder / "sshd.log").read_text())

    def stop(self) -> None:
        """Stop it."""
        if self.process:
            self.process.terminate()
            self.process.wait(60)


@contextmanager
def running(folder: Path) -> Iterator[Sshd]:
    """A server whose files are in a new folder."""
    if not Path(_SSHD).exists():
        raise AssertionError("These tests need an SSH server: apt-get install openssh-server")
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder.mkdir()
    new_key(folder / "host")
    server = Sshd(folder, free_port())
    shutil.copy(f"{new_key(server.key)}.pub", folder / "authorized")
    server.start()
    try:
        yield server
    finally:
        server.stop()
