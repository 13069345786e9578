"""Where the web process answers."""

from __future__ import annotations

from django.contrib.staticfiles.views import serve
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from havre.interfaces.api.app import api
from havre.interfaces.api.health import healthz
from havre.interfaces.api.metrics import metrics
from havre.interfaces.panel.guard import Need, needs

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics),
    path("api/v1/", api.urls),
    path("", needs(Need.SIGNED_IN)(RedirectView.as_view(pattern_name="account_sessions")), name="home"),
    path("account/", include("havre.interfaces.panel.accounts.urls")),
    path("static/<path:path>", serve, {"insecure": True}, name="static"),
]
