"""Running Git so that nothing of the server's configuration, and nothing hostile, has a say."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from havre.adapters.git.source import Source
from havre.children import ending_with_us
from havre.errors import Cancelled, SourceError

POLL_SECONDS = 0.1
GRACE_SECONDS = 3.0
CONNECT_SECONDS = 15

_PASSED_ON = (
    "PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

_CONFIG = """\
[safe]
\tdirectory = *
[core]
\thooksPath = /dev/null
\tattributesFile = /dev/null
\texcludesFile = /dev/null
\tfsmonitor = false
[init]
\tdefaultBranch = main
\ttemplateDir =
[advice]
\tdetachedHead = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[transfer]
\tfsckObjects = false
[http]
\tlowSpeedLimit = 1000
\tlowSpeedTime = 60
"""


class GitFailed(Exception):  # noqa: N818 - said as it is: the command failed; a SourceError explains it
    """Git ended with an error; ``text`` is what it said."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


@dataclass(frozen=True)
class Git:
    """Git, ready to talk to one source: environment, limits, and who may stop it."""

    env: Mapping[str, str]
    deadline: float
    cancelled: Callable[[], bool]

    def run(self, *arguments: str, folder: Path | None = None) -> str:
        """Run ``git ARGUMENTS`` (in ``folder``) and give back what it printed.

        Raises:
            GitFailed: it failed.
            Cancelled: ``cancelled`` said so.
            SourceError: it took too long.
        """
        place = ["-C", str(folder)] if folder else []
        process = subprocess.Popen(
            ending_with_us(["git", *place, *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self.env),
            start_new_session=True,
        )
        try:
            output, errors = self._wait(process)
        finally:
            _end(process)
        if process.returncode:
            raise GitFailed(errors.decode(errors="replace").strip(), process.returncode)
        return output.decode(errors="replace")

    def _wait(self, process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.communicate(timeout=POLL_SECONDS)
            if self.cancelled():
                raise Cancelled("Reading the repository was stopped.")
            if time.monotonic() > self.deadline:
                raise SourceError(
                    "Reading the repository took too long and was stopped.",
                    hint="Check the network; a very large repository needs a higher time limit.",
                    retryable=True,
                )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End whatever of the process group is left."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()


@contextlib.contextmanager
def git_for(
    source: Source, *, known_hosts: Path, cancelled: Callable[[], bool], time_limit: float
) -> Iterator[Git]:
    """Git for one source; keys and credentials are in files of a private folder, removed afterwards.

    Neither the system's nor the user's configuration is read. ``safe.directory`` stands in a
    configuration file because Git hands no ``-c`` option on to the process that reads a local source.

    Args:
        source: what is to be read.
        known_hosts: file of the SSH servers' keys; a server met for the first time is added to it.
        cancelled: asked all along.
        time_limit: seconds for everything together.
    """
    with tempfile.TemporaryDirectory(prefix="havre-git-") as name:
        private = Path(name)  # mode 0700
        config = _CONFIG
        credentials = source.without_credentials()[1]
        if credentials:
            store = private / "credentials"
            _write_private(store, f"{credentials}\n".encode())
            config += f'[credential]\n\thelper = "store --file={store}"\n'
        (private / "gitconfig").write_text(config)
        kept = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        env = kept | {
            "HOME": name,
            "LC_ALL": "C.UTF-8",
            "LANGUAGE": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(private / "gitconfig"),
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "SSH_ASKPASS": "/bin/false",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_NO_LAZY_FETCH": "1",
            # Submodules of a repository elsewhere must not read repositories of this server.
            "GIT_ALLOW_PROTOCOL": "https:ssh:file" if source.local_path else "https:ssh",
            "GIT_SSH_VARIANT": "ssh",
            "GIT_SSH_COMMAND": _ssh_command(source, private, known_hosts),
        }
        yield Git(env, time.monotonic() + time_limit, cancelled)


def _ssh_command(source: Source, private: Path, known_hosts: Path) -> str:
    """The ssh command for Git, which gives it to a shell: every word quoted.

    Without a deploy key no key is offered at all; root's own keys are not for whoever deploys.
    """
    identity = Path("none")
    if source.deploy_key:
        identity = private / "deploy-key"
        text = source.deploy_key.get_secret_value().replace(b"\r\n", b"\n").strip()
        _write_private(identity, text + b"\n")
    known_hosts.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "BatchMode": "yes",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "IdentityFile": f'"{identity}"',
        "PreferredAuthentications": "publickey",
        "UserKnownHostsFile": f'"{known_hosts}"',
        "StrictHostKeyChecking": "accept-new",
        "UpdateHostKeys": "no",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": "15",
        "PermitLocalCommand": "no",
        "ClearAllForwardings": "yes",
        "LogLevel": "ERROR",
    }
    words = ["ssh", "-F", "/dev/null"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return shlex.join(words)


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else could read at any moment."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
