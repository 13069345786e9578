"""Certificates without the internet: files of the administrator's, and those of the local authority.

Both are copied to where the router can read them and named in one file of its configuration. The
router chooses by the name that a client asks for; where nothing fits, it serves the default one
(``tls_certificate``), or one by ACME.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from havre.adapters import certificates as x509
from havre.adapters import traefik
from havre.config import Config
from havre.domain import certificates as rules
from havre.domain.certificates import Certificate
from havre.errors import EngineError
from havre.manifest import AppService, EnvironmentSpec, StaticService
from havre.operations.certificate_files import certificate_files
from havre.records.models import Environment

log = logging.getLogger(__name__)

_PUBLISHED: Final = "certificates"
_ROUTER_STATE: Final = "/var/lib/traefik"
_COPY: Final = "tls-"


class Certificates:
    """Keeps what the router serves true. Safe to use from several threads."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._hosts: frozenset[str] = frozenset()
        self._told: dict[str, str] = {}

    def ensure(self, hosts: Collection[str]) -> None:
        """Have certificates for hosts that are about to be served; quick where they are there."""
        if not set(hosts) <= self._hosts:
            self.refresh(hosts)

    def refresh(self, also: Collection[str] = ()) -> bool:
        """Read every file anew, renew what ends soon, and publish; whether something changed.

        Raises:
            EngineError: the router's copies could not be written.
        """
        with self._lock:
            hosts = served_hosts(self._config) | frozenset(also)
            try:
                pairs = [self._copy(*pair) for pair in self._pairs(hosts)]
                default = self._default()
                made = traefik.certificates_configuration([(_seen(c), _seen(k)) for c, k in pairs], default)
                folder = self._config.paths.traefik_dynamic
                changed = (
                    traefik.publish(folder, _PUBLISHED, made)
                    if made
                    else traefik.withdraw(folder, _PUBLISHED)
                )
                self._forget(pairs, default)
            except OSError as error:
                raise EngineError(
                    f"certificates could not be given to the router: {error.strerror}: {error.filename}",
                    hint="check the free space and HAVRE_STATE/traefik",
                    retryable=True,
                ) from error
            self._hosts = hosts
            return changed

    def _pairs(self, hosts: Collection[str]) -> Iterator[tuple[bytes, bytes]]:
        """Contents of certificate and key of everything that is to be served."""
        for file, key in certificate_files(self._config):
            found = x509.read(file, key)
            self._tell(found)
            if rules.usable([found]):
                yield file.read_bytes(), key.read_bytes()
        yield from self._local(hosts)

    def _local(self, hosts: Collection[str]) -> Iterator[tuple[bytes, bytes]]:
        folder = self._config.paths.certificates
        authority = folder / x509.AUTHORITY
        if not authority.exists():
            return
        suffixes = x509.permitted(authority)
        issued = folder / "issued"
        issued.mkdir(mode=0o700, exist_ok=True)
        identity = x509.fingerprint(authority).replace(":", "")[:12].lower()
        for host in sorted(host for host in hosts if rules.is_below(host, suffixes)):
            file, key = issued / f"{host}.{identity}.pem", issued / f"{host}.{identity}.key"
            now = datetime.now(UTC)
            if rules.must_renew(x509.read(file, key), now):
                made = x509.issue(folder, host, now=now)
                # The key first: a certificate without its key is made again.
                x509.write(key, made[1], mode=0o600)
                x509.write(file, made[0], mode=0o600)
                log.info("a certificate for %s was made by the local authority", host)
            yield file.read_bytes(), key.read_bytes()

    def _default(self) -> tuple[str, str] | None:
        file, key = self._config.tls_certificate, self._config.tls_key
        if file is None or key is None:
            return None
        found = x509.read(file, key)
        self._tell(found)
        if not rules.usable([found]):
            return None
        certificate, private = self._copy(file.read_bytes(), key.read_bytes())
        return _seen(certificate), _seen(private)

    def _copy(self, certificate: bytes, key: bytes) -> tuple[Path, Path]:
        """Copies that the router's account can read, named by their content.

        Traefik reads a file again only if its name has changed.
        """
        folder = self._config.paths.traefik_acme
        owner = folder.stat()
        copies = []
        for content, suffix in ((certificate, "pem"), (key, "key")):
            copy = folder / f"{_COPY}{hashlib.sha256(content).hexdigest()[:16]}.{suffix}"
            if not copy.exists():
                x509.write(copy, content, mode=0o600, owner=(owner.st_uid, owner.st_gid))
            copies.append(copy)
        return copies[0], copies[1]

    def _forget(self, pairs: Collection[tuple[Path, Path]], default: tuple[str, str] | None) -> None:
        """Remove copies that are not published any more."""
        kept = {path.name for pair in pairs for path in pair} | {Path(p).name for p in default or ()}
        for copy in self._config.paths.traefik_acme.glob(f"{_COPY}*"):
            if copy.name not in kept:
                copy.unlink()

    def _tell(self, found: Certificate) -> None:
        """Log what is wrong with a file, once."""
        wrong = found.problem or ("" if found.fits else "its key is another one's")
        if wrong and self._told.get(found.path) != wrong:
            log.warning("certificate %s: %s", found.path, wrong)
        self._told[found.path] = wrong


def _seen(copy: Path) -> str:
    """A copy's path as the router sees it."""
    return f"{_ROUTER_STATE}/{copy.name}"


def served_hosts(config: Config) -> frozenset[str]:
    """Every host that is served over HTTPS now, Havre's own among them."""
    hosts = {config.domain} if config.domain else set()
    environments = Environment.objects.select_related("current_release").exclude(current_release=None)
    for environment in environments:
        if environment.current_release is not None:
            hosts |= hosts_of(EnvironmentSpec.model_validate(environment.current_release.spec))
    return frozenset(hosts)


def hosts_of(spec: EnvironmentSpec) -> set[str]:
    """The hosts that an environment serves over HTTPS, redirects included."""
    return {
        host
        for service in spec.services.values()
        if isinstance(service, AppService | StaticService)
        for domain in service.domains
        if domain.https
        for host in (domain.host, *domain.redirect_from)
    }
