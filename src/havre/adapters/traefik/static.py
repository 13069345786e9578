"""Traefik's static configuration, as the arguments of its command.

Options: https://doc.traefik.io/traefik/reference/install-configuration/configuration-options/ (3.7).
Arguments are seen by everybody on the host: nothing secret is among them.
"""

from __future__ import annotations

from dataclasses import dataclass

WEB = "web"
"""Entry point of plain HTTP."""
WEBSECURE = "websecure"
"""Entry point of HTTPS."""
INTERNAL = "internal"
"""Entry point of ping, metrics and probes; its port is never published."""
RESOLVER = "havre"
"""Name of the ACME certificate resolver."""

DYNAMIC_FOLDER = "/etc/havre/dynamic"
ACME_STORAGE = "/var/lib/traefik/acme.json"

_BUCKETS = "0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10,30"


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """What differs between servers.

    Attributes:
        web, websecure, internal: listening addresses inside the container.
        dynamic_folder: where the dynamic configuration is mounted.
        acme_email: account of the certificate authority; empty: no ACME.
        acme_server: ACME directory; empty: Let's Encrypt's.
        acme_storage: file of accounts and certificates, in a folder that Traefik may write.
        acme_ca_certificates: PEM files trusted for the ACME server, besides the system's.
        log_level: DEBUG, INFO, WARN or ERROR.
        access_log: one JSON line per request on standard output.
        read_timeout: seconds a client has to send one whole request. Also how long a client that
            sends nothing may hold a connection, and the most that a slow upload may take; answers
            are not limited (server-sent events outlive it, which a test shows).
        grace: seconds that running requests get when Traefik is told to stop.
    """

    web: str = ":8080"
    websecure: str = ":8443"
    internal: str = ":8079"
    dynamic_folder: str = DYNAMIC_FOLDER
    acme_email: str = ""
    acme_server: str = ""
    acme_storage: str = ACME_STORAGE
    acme_ca_certificates: tuple[str, ...] = ()
    log_level: str = "INFO"
    access_log: bool = False
    read_timeout: int = 600
    grace: int = 10


def static_arguments(settings: RouterSettings) -> tuple[str, ...]:
    """The arguments of ``traefik`` for a server.

    Forwarded headers of clients are never trusted (the default, so nothing is set), and neither the
    API nor the dashboard is switched on. ``ping`` is routed by Traefik itself and says only OK: the
    container's own check must not depend on a file that the worker writes, or a missing file would
    make Swarm restart the router for ever.
    """
    return (
        *_entry_point(WEB, settings.web, settings),
        *_entry_point(WEBSECURE, settings.websecure, settings),
        f"--entryPoints.{INTERNAL}.address={settings.internal}",
        f"--entryPoints.{INTERNAL}.http.aliasHeadersStrategy={_ALIASES}",
        # A stopping router must not wait for the worker's idle connections.
        f"--entryPoints.{INTERNAL}.transport.lifeCycle.graceTimeOut=1s",
        f"--providers.file.directory={settings.dynamic_folder}",
        "--providers.file.watch=true",
        # With the default of 2 s a second change within 2 s waits (a switch right after a probe).
        "--providers.providersThrottleDuration=50ms",
        f"--ping.entryPoint={INTERNAL}",
        "--metrics.prometheus=true",
        "--metrics.prometheus.manualRouting=true",
        "--metrics.prometheus.addEntryPointsLabels=true",
        "--metrics.prometheus.addRoutersLabels=true",
        "--metrics.prometheus.addServicesLabels=true",
        f"--metrics.prometheus.buckets={_BUCKETS}",
        f"--log.level={settings.log_level}",
        "--log.format=json",
        *(_ACCESS_LOG if settings.access_log else ()),
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        *(_resolver(settings) if settings.acme_email else ()),
    )


# WSGI and PHP read X_Forwarded_For as X-Forwarded-For: a client could forge it.
_ALIASES = "delete"

# Query strings carry tokens (password resets, signed links): they stay out of the log.
_ACCESS_LOG = (
    "--accessLog=true",
    "--accessLog.format=json",
    "--accessLog.fields.queryParameters.defaultMode=drop",
)


def _entry_point(name: str, address: str, settings: RouterSettings) -> tuple[str, ...]:
    prefix = f"--entryPoints.{name}"
    return (
        f"{prefix}.address={address}",
        f"{prefix}.transport.respondingTimeouts.readTimeout={settings.read_timeout}s",
        # Answers may stream for hours.
        f"{prefix}.transport.respondingTimeouts.writeTimeout=0s",
        f"{prefix}.transport.respondingTimeouts.idleTimeout=180s",
        # Nothing in front of us takes us out of a pool, so accepting longer would gain nothing.
        f"{prefix}.transport.lifeCycle.requestAcceptGraceTimeout=0s",
        f"{prefix}.transport.lifeCycle.graceTimeOut={settings.grace}s",
        f"{prefix}.http.aliasHeadersStrategy={_ALIASES}",
        # Never meant well; every other encoded character occurs in honest paths.
        f"{prefix}.http.encodedCharacters.allowEncodedNullCharacter=false",
    )


def _resolver(settings: RouterSettings) -> tuple[str, ...]:
    prefix = f"--certificatesResolvers.{RESOLVER}.acme"
    return (
        f"{prefix}.email={settings.acme_email}",
        f"{prefix}.storage={settings.acme_storage}",
        f"{prefix}.keyType=EC256",
        f"{prefix}.httpChallenge.entryPoint={WEB}",
        *((f"{prefix}.caServer={settings.acme_server}",) if settings.acme_server else ()),
        *(
            (f"{prefix}.caCertificates={','.join(settings.acme_ca_certificates)}",)
            if settings.acme_ca_certificates
            else ()
        ),
    )
