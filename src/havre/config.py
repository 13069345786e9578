"""What a server's administrator can set: environment variables, then ``/etc/havre/havre.toml``.

Every field is read from ``HAVRE_<FIELD>`` (``HAVRE_STATE``, ``HAVRE_HTTP_PORT`` …), else from the
key of the same name in the TOML file, else has the default below.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

WEB_UID_WITHOUT_ACCOUNT = 61987
"""Uid and gid of the web process where no account ``havre`` exists (in systemd's dynamic range)."""


def _bytes_of(value: object) -> object:
    """Bytes of a size's text, as in a manifest: ``512M``, ``10G``."""
    if not isinstance(value, str):
        return value
    from havre.manifest.values import parse_size  # noqa: PLC0415 - start-up time: rarely set

    return parse_size(value)


Bytes = Annotated[int, BeforeValidator(_bytes_of), Field(ge=0)]
"""A size in bytes, written as in a manifest."""


class Paths:
    """Where a server's files are, all below the state directory (see ARCHITECTURE.md)."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.db = state / "db"
        self.database = self.db / "havre.sqlite3"
        self.run = state / "run"
        self.api_socket = self.run / "api.sock"
        self.panel_socket = self.run / "panel.sock"
        self.worker_socket = self.run / "worker.sock"
        self.keys = state / "keys"
        self.private_key = self.keys / "secrets.key"
        self.public_key = self.keys / "secrets.pub"
        self.django_key = self.keys / "django.key"
        self.known_hosts = self.keys / "known_hosts"
        self.traefik = state / "traefik"
        self.traefik_dynamic = self.traefik / "dynamic"
        self.traefik_acme = self.traefik / "acme"
        self.certificates = state / "certificates"
        self.sources = state / "sources"
        self.builds = state / "builds"
        self.metrics = state / "metrics"
        self.made_images = state / "platform-images"
        self.clock = state / "clock.json"
        self.logs = state / "logs"


class Config(BaseSettings):
    """The settings of one server."""

    model_config = SettingsConfigDict(
        env_prefix="HAVRE_", toml_file="/etc/havre/havre.toml", frozen=True, extra="ignore"
    )

    state: Path = Field(Path("/var/lib/havre"), description="Directory of everything Havre keeps.")
    docker_host: str = Field("unix:///var/run/docker.sock", description="Address of the Docker Engine API.")
    http_port: int = Field(80, description="Port on which Traefik answers HTTP.")
    https_port: int = Field(443, description="Port on which Traefik answers HTTPS.")
    public_http_port: int = Field(
        80, description="HTTP port as users see it, where something forwards to http_port."
    )
    public_https_port: int = Field(
        443, description="HTTPS port as users see it, where something forwards to https_port."
    )
    acme_email: str = Field("", description="Address for Let's Encrypt; empty: no certificates by ACME.")
    acme_server: str = Field("", description="ACME directory, if not Let's Encrypt's own.")
    tls_certificate: Path | None = Field(
        None, description="PEM file served where no other certificate matches."
    )
    tls_key: Path | None = Field(None, description="PEM file of the key of tls_certificate.")
    tls_directory: Path = Field(
        Path("/etc/havre/certificates"),
        description="Directory of more certificates, each NAME.pem (or .crt) with NAME.key, served to those"
        " who ask for one of its names. New files are taken by themselves.",
    )
    domain: str = Field("", description="Host name of Havre's own API, routed through Traefik over HTTPS.")
    api_port: int = Field(
        8700, description="Port of the API on the bridge between Traefik and the server, never published."
    )
    api_listen: str = Field(
        "",
        description="Address of this server on which the API answers holders of a token, besides its unix"
        " socket: the one of docker_gwbridge, for Traefik. Empty: none.",
    )
    edge_subnet: str = Field(
        "10.210.0.0/16", description="Addresses of the network that the router shares with applications."
    )
    web_user: str = Field("havre", description="Account of the web process, if it exists.")
    database_url: str = Field("", description="PostgreSQL instead of SQLite: postgres://user@host/name.")
    crash_at: str = Field(
        "",
        description="For tests of recovery: steps, by comma, at whose beginning the worker kills itself (with"
        " :end, at whose end; with the name of a part, there); the first in an operation's first attempt, the"
        " second in its second.",
    )
    pause_at: Path | None = Field(
        None,
        description="For tests of recovery: folder in which an operation puts a file OPERATION.STEP.MOMENT at"
        " the beginning, the end and each part of a step, and waits until the file is gone.",
    )
    records_timeout: float = Field(
        20.0, description="Seconds for which SQLite waits for another writer before a request is refused."
    )
    operation_attempts: int = Field(
        3,
        description="How often a worker may die during an operation and the next one go on with it; then it"
        " is undone.",
    )
    storage_patience: float = Field(
        60.0,
        gt=0,
        description="Seconds without an answer after which an off-site storage that died in the middle of a"
        " backup, a verification or a restore is given up; it may be started anew in less.",
    )
    upload_limit: int = Field(
        0,
        ge=0,
        description="KiB a second that are sent to the off-site storage at most of dumps, images, volumes and"
        " state, by restic; 0 is no ceiling. Copies by pgBackRest and WAL have none.",
    )
    command_threads: int = Field(
        8, description="Commands (`havre run`, scheduled ones) run at once, beside the operations."
    )
    operation_threads: int = Field(4, description="Operations run at once, each in its own environment.")
    build_cpus: float = Field(
        0.0, ge=0, description="Processors that builds may take in all; 0 is half of the server's."
    )
    build_memory: Bytes = Field(
        0, description="Memory that builds may take in all, such as `4G`; 0 is half of the server's."
    )
    build_cache: Bytes = Field(
        10 * 1024**3,
        description="Disk that the engine's build cache may take; what was not used longest goes first.",
    )
    build_reserve: Bytes = Field(
        2 * 1024**3, description="Free disk below which no build begins; the cache is pruned before."
    )
    keep_releases: int = Field(
        5, ge=1, le=1000, description="Releases of each environment that keep their images for a rollback."
    )
    logs_days: int = Field(
        14, ge=0, le=3650, description="Full days for which the lines that services write are kept."
    )
    logs_size: Bytes = Field(
        2 * 1024**3, description="Disk that kept lines may take; the oldest days go first, never today."
    )
    logs_rate: int = Field(
        2000,
        ge=10,
        description="Lines a second that are kept of one service; of more, a sample is, and the log says so.",
    )
    build_slots: int = Field(
        1, ge=1, le=64, description="Builds run at once; others wait in the order in which they came."
    )

    otlp_endpoint: str = Field(
        "",
        description="Address that takes figures by OTLP over HTTP, `/v1/metrics` included; needs"
        " `havre[otlp]`. Empty: none.",
    )
    otlp_logs_endpoint: str = Field(
        "",
        description="Address that takes logs by OTLP over HTTP, `/v1/logs` included; needs `havre[otlp]`."
        " Empty: none.",
    )
    otlp_headers: Path | None = Field(
        None,
        description="File with headers for both, a line `NAME: VALUE` for each, such as a token;"
        " only root should read it.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is the library's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment first, then the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @cached_property
    def paths(self) -> Paths:
        """Where this server's files are."""
        return Paths(self.state)


@lru_cache(maxsize=1)
def config() -> Config:
    """The settings of this process, read once."""
    return Config()
