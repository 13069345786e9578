"""Traefik: its arguments, its dynamic configuration as files, and questions through it."""

from havre.adapters.traefik.dynamic import api_configuration, routes_configuration
from havre.adapters.traefik.files import publish, published, withdraw
from havre.adapters.traefik.internal import (
    PROBE_HEADER,
    base_configuration,
    certificates_configuration,
    probe_configuration,
)
from havre.adapters.traefik.metrics import traffic
from havre.adapters.traefik.probing import Answer, Router
from havre.adapters.traefik.requests import Requests, requests
from havre.adapters.traefik.servers import RELEASE_HEADER, published_addresses
from havre.adapters.traefik.static import RouterSettings, static_arguments
from havre.domain.routes import ProbeTarget

__all__ = [
    "PROBE_HEADER",
    "RELEASE_HEADER",
    "Answer",
    "ProbeTarget",
    "Requests",
    "Router",
    "RouterSettings",
    "api_configuration",
    "base_configuration",
    "certificates_configuration",
    "probe_configuration",
    "publish",
    "published",
    "published_addresses",
    "requests",
    "routes_configuration",
    "static_arguments",
    "traffic",
    "withdraw",
]
