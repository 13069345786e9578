"""Where the web process answers."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, URLResolver, include, path

from havre.interfaces.api.app import api
from havre.interfaces.api.health import healthz
from havre.interfaces.api.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics),
    path("api/v1/", api.urls),
    path("account/", include("havre.interfaces.panel.accounts.urls")),
    path("", include("havre.interfaces.panel.urls")),
]
handler404: Final = "havre.interfaces.panel.pages.not_found"
