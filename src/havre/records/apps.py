"""Django's registration of what the platform remembers."""

from __future__ import annotations

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """The one Django app of Havre."""

    name = "havre.records"
    label = "records"
