"""The panel as a Django application: its templates, static files and translations."""

from __future__ import annotations

from django.apps import AppConfig


class Panel(AppConfig):
    """Found by Django's loaders below this package."""

    name = "havre.interfaces.panel"
    label = "panel"
