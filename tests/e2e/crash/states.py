"""What sites are like before and after, for all scenarios."""

from __future__ import annotations

from typing import Any

from support.crash_lab import Request, Site


def deployed(site: Site) -> list[Request]:
    """Version 1 serves, whatever was there."""
    return [] if site.look()["release"] else [site.deploy("1")]


def nothing(site: Site) -> list[Request]:
    """Nothing is deployed."""
    return [site.request("destroy", volumes=True)] if site.look()["release"] else []


def as_before(site: Site) -> None:
    """What a user sees is what it was."""
    assert site.look() == site.facts["before"]


def changed(site: Site, **wanted: Any) -> None:
    """As before but for these; a new release has the next number."""
    before = site.facts["before"]
    found = site.look()
    assert {**found, "release": None} == {**before, "release": None, **wanted}
