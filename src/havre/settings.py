"""Django's settings, made of :mod:`havre.config`."""

from __future__ import annotations

from typing import Any

import dj_database_url

from havre.config import config

_config = config()
_paths = _config.paths

SECRET_KEY = _paths.django_key.read_text().strip() if _paths.django_key.exists() else "not-set-up-yet"
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "havre", *filter(None, (_config.domain, _config.api_listen))]
INSTALLED_APPS = ["havre.records"]
MIDDLEWARE = [
    "havre.interfaces.api.access.access",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "havre.interfaces.api.urls"
ASGI_APPLICATION = "havre.interfaces.server.asgi.application"
LOGGING_CONFIG = None  # each process configures its log when it starts; Django's own would mail errors
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

_SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": str(_paths.database),
    "OPTIONS": {
        # A writer takes the lock at BEGIN, so two processes wait for each other instead of failing.
        "transaction_mode": "IMMEDIATE",
        "timeout": _config.records_timeout,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
}
DATABASES = {"default": dj_database_url.parse(_config.database_url) if _config.database_url else _SQLITE}
