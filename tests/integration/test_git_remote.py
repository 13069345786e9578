"""Reading repositories over SSH (a real sshd on loopback) and over HTTPS."""

from __future__ import annotations

import base64
import datetime as dt
import functools
import http.server
import ipaddress
import os
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretBytes

from havre.adapters.git.checkout import checkout, resolve
from havre.adapters.git.source import Source
from havre.errors import SourceError
from support.git_repositories import commit, git, new_repository
from support.ports import free_port
from support.ssh_server import new_key, running

pytestmark = pytest.mark.integration
PASSWORD = "p4ssw0rd-not-to-be-seen"


@pytest.fixture
def repository(tmp_path):
    folder = new_repository(tmp_path / "repo")
    commit(folder, {"README": "one", "apps/web/index.html": "x"}, "First")
    commit(folder, {"README": "two"}, "Second")
    git(folder, "tag", "-a", "-m", "x", "v1")
    return folder


@pytest.fixture
def sshd(tmp_path):
    with running(tmp_path / "ssh") as server:
        yield server


@pytest.fixture
def over_ssh(sshd, repository):
    def source(ref=None, *, key=None, **more):
        secret = SecretBytes((key or sshd.key).read_bytes())
        return Source(f"ssh://root@127.0.0.1:{sshd.port}{repository}", ref, deploy_key=secret, **more)

    return source


def leftovers() -> set[str]:
    temporary = Path(os.environ.get("TMPDIR", "/tmp"))
    return {path.name for path in temporary.glob("havre-git-*")}


def test_a_deploy_key_opens_the_repository(over_ssh, repository, tmp_path):
    before = leftovers()
    hosts = tmp_path / "state/known_hosts"
    for ref in (None, "main", "v1", git(repository, "rev-parse", "HEAD~1")):
        result = checkout(over_ssh(ref), tmp_path / f"out-{ref}", known_hosts=hosts)
        wanted = git(repository, "rev-parse", f"{ref or 'HEAD'}^{{commit}}")
        assert result.commit == wanted
        assert resolve(over_ssh(ref), known_hosts=hosts) == wanted
    assert hosts.read_text().count("[127.0.0.1]") >= 1
    assert leftovers() == before


def test_only_one_commit_travels(over_ssh, repository, tmp_path, sshd):
    lines = []
    checkout(over_ssh("main"), tmp_path / "out", known_hosts=tmp_path / "hosts", report=lines.append)
    assert not any("whole history" in line for line in lines)


def test_a_pasted_key_with_windows_line_ends_works(over_ssh, sshd, tmp_path):
    pasted = tmp_path / "pasted"
    pasted.write_bytes(b"\n" + sshd.key.read_bytes().replace(b"\n", b"\r\n").strip())
    assert (
        checkout(over_ssh(key=pasted), tmp_path / "out", known_hosts=tmp_path / "hosts").subject == "Second"
    )


def test_the_key_is_private_and_on_no_argument_list(over_ssh, sshd, tmp_path, monkeypatch):
    spy = tmp_path / "bin"
    spy.mkdir()
    seen = tmp_path / "seen"
    (spy / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >>{seen}\n'
        f'for word in "$@"; do case $word in IdentityFile=*) f=${{word#*=}}; f=${{f#?}}; f=${{f%?}}; '
        f"stat -c %a $f $(dirname $f) >>{seen};; esac; done\n"
        'exec /usr/bin/ssh "$@"\n'
    )
    (spy / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy}:{os.environ['PATH']}")
    checkout(over_ssh(), tmp_path / "out", known_hosts=tmp_path / "hosts")
    text = seen.read_text()
    assert "\n600\n700\n" in text
    assert "IdentitiesOnly=yes" in text
    assert "-F /dev/null" in text
    body = sshd.key.read_text().splitlines()[1]
    assert body not in text


@pytest.mark.parametrize("kind", ["other", "none"])
def test_a_wrong_or_missing_key_is_told(over_ssh, sshd, repository, tmp_path, kind):
    source = over_ssh(key=new_key(tmp_path / "other"))
    if kind == "none":
        source = Source(source.location)
    with pytest.raises(SourceError, match="does not let this server in") as caught:
        checkout(source, tmp_path / "out", known_hosts=tmp_path / "hosts")
    assert "deploy key" in caught.value.hint
    assert not caught.value.retryable


def test_a_key_that_is_none_is_told(over_ssh, sshd, tmp_path):
    for name, text in (
        ("public", sshd.key.with_suffix(".pub").read_text()),
        ("cut", sshd.key.read_text()[:120]),
    ):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(SourceError, match="not a usable private key"):
            resolve(over_ssh(key=path), known_hosts=tmp_path / "hosts")
    locked = new_key(tmp_path / "locked", "-N", "passphrase")
    with pytest.raises(SourceError):
        resolve(over_ssh(key=locked), known_hosts=tmp_path / "hosts")


def test_a_changed_host_key_is_refused(over_ssh, sshd, tmp_path):
    hosts = tmp_path / "hosts"
    resolve(over_ssh(), known_hosts=hosts)
    sshd.stop()
    (sshd.folder / "host").unlink()
    (sshd.folder / "host.pub").unlink()
    new_key(sshd.folder / "host")
    sshd.start()
    with pytest.raises(SourceError, match="another host key than before") as caught:
        resolve(over_ssh(), known_hosts=hosts)
    assert "known_hosts" in caught.value.hint


def test_no_repository_no_server(over_ssh, sshd, tmp_path):
    hosts = tmp_path / "hosts"
    key = SecretBytes(sshd.key.read_bytes())
    with pytest.raises(SourceError, match="no Git repository at"):
        resolve(Source(f"ssh://root@127.0.0.1:{sshd.port}/nowhere", deploy_key=key), known_hosts=hosts)
    with pytest.raises(SourceError, match="could not be reached") as caught:
        resolve(Source(f"ssh://root@127.0.0.1:{free_port()}/x", deploy_key=key), known_hosts=hosts)
    assert caught.value.retryable
    with pytest.raises(SourceError, match="could not be reached"):
        resolve(Source("git@no-such-host.invalid:x", deploy_key=key), known_hosts=hosts)


@pytest.mark.parametrize("path", ["a b", "$(touch hacked)", "a';touch hacked;'", "`touch hacked`"])
def test_odd_paths_reach_no_shell(sshd, repository, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    repository.rename(tmp_path / path)
    location = f"ssh://root@127.0.0.1:{sshd.port}{tmp_path}/{path}"
    source = Source(location, deploy_key=SecretBytes(sshd.key.read_bytes()))
    assert (
        checkout(source, tmp_path / "out", known_hosts=tmp_path / "ho'$(touch hacked) sts").subject
        == "Second"
    )
    assert not list(tmp_path.rglob("hacked"))
    assert not (Path.home() / "hacked").exists()


def test_a_submodule_may_not_read_this_server(over_ssh, repository, tmp_path):
    private = new_repository(tmp_path / "private")
    commit(private, {"secret": "x"})
    git(repository, "submodule", "--quiet", "add", str(private), "stolen")
    commit(repository, {})
    with pytest.raises(SourceError, match="protocol that is not allowed"):
        checkout(over_ssh(), tmp_path / "out", known_hosts=tmp_path / "hosts")


def test_relative_submodules_use_the_same_key(over_ssh, repository, tmp_path):
    library = new_repository(tmp_path / "library")
    commit(library, {"lib": "x"})
    git(repository, "submodule", "--quiet", "add", "../library", "library")
    commit(repository, {})
    result = checkout(over_ssh(), tmp_path / "out", known_hosts=tmp_path / "hosts")
    assert (result.path / "library/lib").read_text() == "x"


# HTTPS: a plain file server, Git's "dumb" protocol, which cannot give a single commit.


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        wanted = "Basic " + base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        if self.path.startswith("/private") and self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def https(tmp_path, repository):
    served = tmp_path / "served"
    for name in ("public.git", "private.git"):
        git(tmp_path, "clone", "--quiet", "--bare", str(repository), str(served / name))
        git(served / name, "update-server-info")
    certificate = self_signed(tmp_path)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(served))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", certificate
    server.shutdown()
    thread.join()
    server.server_close()


def self_signed(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "tls.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def trusted(https, monkeypatch):
    monkeypatch.setenv("GIT_SSL_CAINFO", str(https[1]))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return https[0]


def test_https_without_shallow_fetches_falls_back(trusted, tmp_path):
    lines = []
    source = Source(f"https://{trusted}/public.git", "v1")
    result = checkout(source, tmp_path / "out", known_hosts=tmp_path / "hosts", report=lines.append)
    assert result.subject == "Second"
    assert any("whole history" in line for line in lines)


def test_a_password_in_the_url_is_used_and_never_seen(trusted, tmp_path, monkeypatch):
    spy = tmp_path / "bin"
    spy.mkdir()
    seen = tmp_path / "seen"
    (spy / "git").write_text(f'#!/bin/sh\necho "$@" >>{seen}\nenv >>{seen}\nexec /usr/bin/git "$@"\n')
    (spy / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy}:{os.environ['PATH']}")
    lines = []
    source = Source(f"https://me:{PASSWORD}@{trusted}/private.git")
    result = checkout(source, tmp_path / "out", known_hosts=tmp_path / "hosts", report=lines.append)
    assert result.subject == "Second"
    assert PASSWORD not in seen.read_text() + "".join(lines) + repr(source)
    assert not [path for path in result.root.rglob("*") if path.is_file() and PASSWORD in path.read_text()]


def test_a_wrong_or_missing_password_is_told(trusted, tmp_path):
    for credentials, message in (
        ("", "needs credentials"),
        (f"me:wrong-{PASSWORD}@", "does not let this server in"),
    ):
        with pytest.raises(SourceError, match=message) as caught:
            resolve(Source(f"https://{credentials}{trusted}/private.git"), known_hosts=tmp_path / "hosts")
        assert PASSWORD not in caught.value.message + caught.value.detail + caught.value.hint


def test_other_failures_over_https(https, trusted, tmp_path, monkeypatch):
    hosts = tmp_path / "hosts"
    with pytest.raises(SourceError, match="no Git repository at"):
        resolve(Source(f"https://{trusted}/nothing.git"), known_hosts=hosts)
    with pytest.raises(SourceError, match="could not be reached"):
        resolve(Source(f"https://127.0.0.1:{free_port()}/x.git"), known_hosts=hosts)
    monkeypatch.delenv("GIT_SSL_CAINFO")
    with pytest.raises(SourceError, match=r"certificate of .* is not trusted"):
        resolve(Source(f"https://{trusted}/public.git"), known_hosts=hosts)


def test_the_known_hosts_file_is_not_for_all_to_write(over_ssh, tmp_path):
    hosts = tmp_path / "hosts"
    resolve(over_ssh(), known_hosts=hosts)
    assert not stat.S_IMODE(hosts.stat().st_mode) & 0o022
