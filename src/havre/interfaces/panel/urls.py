"""The panel's addresses; those of accounts are in ``accounts.urls``."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, register_converter

from havre.interfaces.panel import (
    actions,
    activity,
    assets,
    configuration,
    data,
    domains,
    environment,
    guide,
    live,
    manifest,
    operation,
    overview,
    preferences,
    projects,
)
from havre.interfaces.panel.settings import audit, people, storage, tokens


class Name:
    """A project's or an environment's name, as the manifest has them."""

    regex = "[a-z][a-z0-9-]{0,29}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(Name, "name")
_ENVIRONMENT = "environments/<name:project>/<name:environment>/"

urlpatterns: list[URLPattern | URLResolver] = [
    path("static/<path:path>", assets.serve, name="static"),
    path("", overview.show, name="overview"),
    path("overview/part", overview.part, name="overview-part"),
    path("activity/", activity.show, name="activity"),
    path("data/", data.everywhere, name="data-everywhere"),
    path("preferences", preferences.choose, name="preferences"),
    path("operations/<int:number>/", operation.show, name="operation"),
    path("operations/<int:number>/cancel", actions.cancel, name="cancel"),
    path("operations/<int:number>/live", live.follow, name="live"),
    path("settings/people/", people.listing, name="people"),
    path("settings/people/new/", people.invite, name="invite"),
    path("settings/people/named/<str:name>/", people.show, name="person"),
    path("settings/people/named/<str:name>/link", people.link, name="person-link"),
    path("settings/people/named/<str:name>/change", people.change, name="person-change"),
    path("settings/tokens/", tokens.listing, name="server-tokens"),
    path("settings/tokens/<int:number>/revoke", tokens.revoke, name="server-token-revoke"),
    path("first-steps/", guide.show, name="guide"),
    path("settings/storage/", storage.show, name="storage"),
    path("settings/storage/change/", storage.change, name="storage-change"),
    path("settings/storage/test", storage.try_it, name="storage-test"),
    path("settings/storage/lock", storage.lock, name="storage-lock"),
    path("settings/storage/forget", storage.forget, name="storage-forget"),
    path("settings/storage/kept", storage.kept, name="storage-kept"),
    path("settings/audit/", audit.show, name="audit"),
    path("projects/new", projects.new, name="project-new"),
    path("projects/<name:project>/", projects.show, name="project"),
    path("projects/<name:project>/source", projects.move, name="project-source"),
    path("projects/<name:project>/environments", projects.add_environment, name="project-environments"),
    path("projects/<name:project>/key", projects.key, name="project-key"),
    path(_ENVIRONMENT, environment.show, name="environment"),
    path(f"{_ENVIRONMENT}services", environment.services, name="services"),
    path(f"{_ENVIRONMENT}data/", data.show, name="data"),
    path(f"{_ENVIRONMENT}data/measured", data.measured, name="measured"),
    path(f"{_ENVIRONMENT}domains/", domains.show, name="domains"),
    path(f"{_ENVIRONMENT}settings/", configuration.show, name="settings"),
    path(f"{_ENVIRONMENT}settings/variable", configuration.set_variable, name="variable-set"),
    path(f"{_ENVIRONMENT}settings/variable/unset", configuration.unset_variable, name="variable-unset"),
    path(f"{_ENVIRONMENT}settings/secret", configuration.set_secret, name="secret-set"),
    path(f"{_ENVIRONMENT}settings/secret/unset", configuration.unset_secret, name="secret-unset"),
    path(f"{_ENVIRONMENT}manifest/", manifest.show, name="manifest"),
    path(f"{_ENVIRONMENT}manifest/check", manifest.check, name="manifest-check"),
    path(f"{_ENVIRONMENT}begin/", projects.begin, name="begin"),
    path(f"{_ENVIRONMENT}do/<slug:kind>", actions.ask, name="action"),
]
