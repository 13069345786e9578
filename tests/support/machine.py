"""A private copy of this machine, to install Havre on: its own root, the same network.

The root is an overlay on this machine's, so what is installed there is there, and what is written
stays in memory and is gone at the end. /run is empty, so no systemd and no engine of this machine
are seen, but for the engine's socket that is handed in.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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

_BOOT = """
set -eu
cgroups=/sys/fs/cgroup
[ ! -d $cgroups/systemd ] || cgroups=$cgroups/systemd
mkdir -p "$cgroups/$3"
echo $$ >"$cgroups/$3/cgroup.procs"
exec nsenter -t "$1" --mount -- unshare --mount --propagation private --pid --fork --kill-child --uts --ipc \
  --cgroup -- sh -c "$4" sh "$2"
"""
_SYSTEMD = """
set -eu
root=$1
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 cgroups "$root/sys/fs/cgroup"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
  mkdir "$root/sys/fs/cgroup/systemd"
  mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
mount -t tmpfs -o mode=755 dev "$root/dev"
cd "$root/dev"
mknod -m 666 null c 1 3; mknod -m 666 zero c 1 5; mknod -m 666 full c 1 7
mknod -m 666 random c 1 8; mknod -m 666 urandom c 1 9; mknod -m 666 tty c 5 0
mkdir shm pts mqueue hugepages
mount -t tmpfs shm shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts pts
ln -s pts/ptmx ptmx; ln -s /proc/self/fd fd
cd "$root/etc/systemd/system"
rm -rf ./*
for each in docker.service docker.socket containerd.service systemd-udevd.service systemd-logind.service \
  systemd-networkd.service systemd-resolved.service systemd-timesyncd.service; do ln -s /dev/null $each; done
printf '[Unit]\nRequires=dbus.socket\nAfter=dbus.socket\n' >only-this.target
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$root" \
  /lib/systemd/systemd --system --unit=only-this.target --log-target=null --show-status=false
"""
SYSTEMD = Path("/lib/systemd/systemd")


class Machine:
    """The private machine; ``shared`` is a folder that is the same inside and outside.

    It is below /srv, because units with ``PrivateTmp`` do not see /tmp and /var/tmp.
    """

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
        self._boot: subprocess.Popen[bytes] | None = None
        self._systemd = 0
        self._cgroup = ""
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n", "the private root could not be made"

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs inside."""
        inside = ["nsenter", "-t", str(self._holder.pid), "--mount", "--", "chroot", str(self.root)]
        if self._systemd:
            inside = ["nsenter", "-t", str(self._systemd), "-m", "-p", "-u", "-i", "-C", "-r", "-w", "--"]
        return [*inside, "env", "-C", "/", *arguments]

    def boot(self) -> None:
        """Let systemd run it from now on, in namespaces of its own, with nothing but what is asked for."""
        self._cgroup = f"havre-test-{os.getpid()}"
        given = (str(self._holder.pid), str(self.root), self._cgroup, _SYSTEMD)
        self._boot = subprocess.Popen(["sh", "-c", _BOOT, "sh", *given])
        children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children")
        deadline = time.monotonic() + 60
        while True:
            child = children.read_text().strip()
            if child and Path(f"/proc/{child}/cmdline").read_bytes().startswith(bytes(SYSTEMD)):
                self._systemd = int(child)
                state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
                if state in {"running", "degraded"}:
                    return
            assert self._boot.poll() is None, "systemd ended"
            assert time.monotonic() < deadline, "systemd does not come up"
            time.sleep(0.1)

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
        if self._boot is not None:
            if self._systemd:
                os.kill(self._systemd, signal.SIGKILL)
            self._boot.kill()
            self._boot.wait()
            remove_cgroups(self._cgroup)
        self._holder.send_signal(signal.SIGKILL)
        self._holder.communicate()


def remove_cgroups(name: str) -> None:
    """Remove a control group with all below it, once its processes are gone."""
    deadline = time.monotonic() + 30
    for top in (Path("/sys/fs/cgroup/systemd") / name, Path("/sys/fs/cgroup") / name):
        while top.is_dir():
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    Path(folder).rmdir()
            assert time.monotonic() < deadline, f"{top} is still used"
            time.sleep(0.05)


@contextmanager
def private() -> Iterator[Machine]:
    """A private machine for the length of a block."""
    folder = Path(tempfile.mkdtemp(prefix="havre-root-", dir="/var/tmp"))
    shared = Path(tempfile.mkdtemp(prefix="havre-shared-", dir="/srv"))
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
