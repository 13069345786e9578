"""Where the web process answers."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from havre.interfaces.api.app import api
from havre.interfaces.api.health import healthz
from havre.interfaces.api.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("metrics", metrics),
    path("api/v1/", api.urls),
]
