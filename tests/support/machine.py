"""A private copy of this machine, to install Havre on: its own root, the same network.

The root is an overlay on this machine's, so what is installed there is there, and what is written
stays in memory and is gone at the end. /run is empty, so no systemd and no engine of this machine
are seen, but for the engine's socket that is handed in.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.server import engine_host
from support.wheels import ROOT

_MAKE = """
set -eu
mount -t tmpfs -o mode=755 private "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
root=$1/root
for each in proc sys dev; do mount --rbind "/$each" "$root/$each"; done
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mkdir -p "$root$2" "$root$3"
mount --bind "$2" "$root$2"
mount --bind "$3" "$root$3"
: >"$root/run/docker.sock"
mount --bind "$4" "$root/run/docker.sock"
rm -rf "$root/opt/havre" "$root/etc/havre" "$root/usr/local/bin/havre"
echo ready
exec sleep infinity
"""


class Machine:
    """The private machine; ``shared`` is a folder that is the same inside and outside."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.shared = shared
        self.root = folder / "root"
        socket = engine_host().removeprefix("unix://")
        given = (str(folder), str(shared), str(ROOT), socket)
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", _MAKE, "sh", *given],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n", "the private root could not be made"

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs inside."""
        inside = ["nsenter", "-t", str(self._holder.pid), "--mount", "--", "chroot", str(self.root)]
        return [*inside, "env", "-C", "/", *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What commands inside are started with: nothing of the tests' own settings."""
        kept = {
            key: os.environ[key]
            for key in ("PIP_CERT", "PIP_INDEX_URL", "SSL_CERT_FILE")
            if key in os.environ
        }
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8", **kept}

    def run(
        self, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        done = subprocess.run(
            self.command(*arguments),
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def popen(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a command inside and leave it running."""
        with log.open("ab") as stream:
            return subprocess.Popen(
                self.command(*arguments),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )

    def path(self, inside: str) -> Path:
        """A path inside as this process can read it."""
        return Path(f"/proc/{self._holder.pid}/root{self.root}{inside}")

    def end(self) -> None:
        """Let its mounts go."""
        self._holder.send_signal(signal.SIGKILL)
        self._holder.communicate()


@contextmanager
def private() -> Iterator[Machine]:
    """A private machine for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="havre-root-", dir="/var/tmp"))
    shared = Path(tempfile.mkdtemp(prefix="havre-shared-", dir="/var/tmp"))
    shared.chmod(0o755)
    machine = Machine(folder, shared)
    try:
        yield machine
    finally:
        machine.end()
        shutil.rmtree(shared, ignore_errors=True)
        folder.rmdir()


def pipx(machine: Machine, wheel: Path) -> None:
    """Install a wheel inside as the README says, with the packages that this checkout is tested with."""
    lock = (ROOT / "requirements/havre.lock").read_text()
    constraints = machine.shared / "constraints.txt"
    constraints.write_text(
        "".join(f"{line}\n" for line in re.findall(r"^\S+==[^\s\\\\]+", lock, re.MULTILINE))
    )
    python = str(Path(sys.executable).resolve())
    machine.run(
        *(sys.executable, "-m", "pipx", "install", "--python", python),
        *(f"--pip-args=--constraint={constraints}", str(wheel)),
        PIPX_HOME="/opt/pipx",
        PIPX_BIN_DIR="/usr/local/bin",
    )
