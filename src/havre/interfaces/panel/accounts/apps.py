"""Django's registration of the pages of accounts."""

from __future__ import annotations

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Templates that stand in for allauth's, and what is noted of sign-ins."""

    name = "havre.interfaces.panel.accounts"
    label = "panel_accounts"

    def ready(self) -> None:
        """Listen to allauth."""
        from havre.interfaces.panel.accounts import noting  # noqa: PLC0415 - needs the apps

        noting.listen()
