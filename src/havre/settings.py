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
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.humanize",  # allauth's list of security keys
    "django.contrib.staticfiles",
    "havre.interfaces.panel",
    "havre.interfaces.panel.accounts",  # before allauth: its templates stand in for allauth's
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "havre.records",
]
MIDDLEWARE = [
    "havre.interfaces.panel.headers.headers",
    "havre.interfaces.api.access.access",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "havre.interfaces.panel.guard.Guard",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "havre.interfaces.panel.pages.common",
            ]
        },
    }
]
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "havre.interfaces.panel.assets.AssetStorage"}}
LANGUAGES = [("en", "English"), ("fr", "Français")]
LANGUAGE_CODE = "en"
LANGUAGE_COOKIE_NAME = "havre_language"
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

# Accounts. There is no registration: see havre.interfaces.panel.accounts.urls, which names each page.
AUTH_USER_MODEL = "records.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["havre.interfaces.panel.accounts.hashers.Argon2id"]
_VALIDATION = "django.contrib.auth.password_validation."
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_VALIDATION}CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "havre.interfaces.panel.accounts.adapters.Accounts"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
# Failures count by address, and by the name that was tried whatever the address. Who is locked out by
# somebody else's attempts still comes in by a passkey, or by a link of `havre admin link`.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/15m/key"}
MFA_ADAPTER = "havre.interfaces.panel.accounts.adapters.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # no mail is sent, so none is ever verified
MFA_TOTP_ISSUER = "Havre"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True

# Cookies. Where Havre has a domain it is reached by HTTPS, or by http://localhost through ssh, which
# browsers trust with secure cookies too.
_is_public = bool(_config.domain)
SESSION_COOKIE_NAME = "havre_session"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_public
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "havre_csrf"
CSRF_FAILURE_VIEW = "havre.interfaces.panel.accounts.views.csrf_failure"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _is_public else 0  # sent over HTTPS only
SECURE_REFERRER_POLICY = "same-origin"
