"""Drift by value: what has to start anew, and what can be adopted."""

from __future__ import annotations

import pytest

from havre.domain.drift import Drift, Known, State, Way, adoptions, looks_secret, redone
from havre.domain.fields import Field

KNOWN = Known(
    secret=frozenset({("api", "DATABASE_URL")}),
    own=frozenset({("api", "MINE")}),
    single=frozenset({"files"}),
    static=frozenset({"site"}),
)


def drift(path: str, before: str, after: str, *, name: str = "api", kind: str = "service") -> Drift:
    return Drift(kind, name, State.CHANGED, (Field(path, before, after),))


@pytest.mark.parametrize(
    ("found", "way"),
    [
        (drift("replicas", "1", "3"), Way.SCALE),
        (drift("replicas", "1", "0"), Way.NONE),
        (drift("replicas", "1", "3", name="files"), Way.NONE),
        (drift("replicas", "1", "3", name="db", kind="database"), Way.NONE),
        (drift("env.LEVEL", "", "hidden:1"), Way.SET),
        (drift("env.LEVEL", "hidden:1", "hidden:2"), Way.SET),
        (drift("env.MINE", "hidden:1", ""), Way.UNSET),
        (drift("env.LEVEL", "hidden:1", ""), Way.NONE),
        (drift("env.DATABASE_URL", "hidden:1", "hidden:2"), Way.NONE),
        (drift("env.API_KEY", "", "hidden:2"), Way.NONE),
        (drift("limits.memory", "", "256M"), Way.NONE),
        (drift("image", "sha256:1", "sha256:2"), Way.NONE),
        (drift("ContainerSpec.Hostname", "", "x"), Way.NONE),
        (Drift("service", "api", State.MISSING), Way.NONE),
        (Drift("service", "x", State.STRANGE, (Field("network", "", "shop-production"),)), Way.NONE),
    ],
)
def test_what_can_be_adopted_and_that_the_rest_has_a_remedy(found: Drift, way: Way) -> None:
    (made,) = adoptions([found], KNOWN)
    assert made.way is way
    assert bool(made.remedy) is (way is Way.NONE)


def test_a_limit_is_told_as_it_is_to_be_written() -> None:
    (made,) = adoptions([drift("limits.memory", "512M", "256M")], KNOWN)
    assert "services: {api: {resources: {limits: {memory: 256M}}}}" in made.remedy
    (made,) = adoptions([drift("limits.cpus", "1.5", "")], KNOWN)
    assert "remove resources.limits.cpus" in made.remedy


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (
            drift("stop_grace", "5s", "9s"),
            'write into havre.yaml: services: {api: {stop_grace: "9s"}}, and deploy',
        ),
        (
            drift("user", "", "1000:1000"),
            'write into havre.yaml: services: {api: {user: "1000:1000"}}, and deploy',
        ),
        (
            drift("command", "node a.js", "node 'b c.js'"),
            """write into havre.yaml: services: {api: {command: "node 'b c.js'"}}, and deploy""",
        ),
        (
            drift("stop_signal", "SIGINT", ""),
            "remove stop_signal from services.api in havre.yaml, and deploy",
        ),
        (
            drift("stop_grace", "5s", "9s", name="site"),
            'write into havre.yaml: services: {site: {stop_grace: "9s"}}, and deploy',
        ),
        (
            drift("user", "", "root", name="site"),
            "there is no key for it in havre.yaml: `havre apply` puts it back",
        ),
        (
            drift("ContainerSpec.Hostname", "", "x"),
            "there is no key for it in havre.yaml: `havre apply` puts it back",
        ),
        (
            drift("volumes./x", "", "bind /srv"),
            "there is no key for it in havre.yaml: `havre apply` puts it back",
        ),
        (
            drift("volumes./x", "", "volume y"),
            (
                "write into havre.yaml: services: {api: {volumes: [NAME:/x]}}, which makes a volume of its "
                "own, and deploy"
            ),
        ),
        (
            drift("volumes./x", "volume y", ""),
            "remove the volume at /x from services.api in havre.yaml, and deploy",
        ),
        (
            drift("ContainerSpec.Healthcheck.Test", "", '["NONE"]'),
            "`havre apply` puts it back; havre.yaml has a check of the engine's under `ready` only",
        ),
    ],
)
def test_a_remedy_names_the_key_of_the_manifest_if_there_is_one(found: Drift, remedy: str) -> None:
    (made,) = adoptions([found], KNOWN)
    assert (made.way, made.remedy) == (Way.NONE, remedy)


def test_only_another_number_of_tasks_starts_nothing_anew() -> None:
    found = [
        drift("replicas", "1", "3"),
        drift("image", "1", "2", name="web"),
        Drift("service", "gone", State.MISSING),
        Drift("route", "shop.example/", State.CHANGED),
        Drift("database", "db", State.CHANGED, (Field("replicas", "1", "2"), Field("env.X", "", "hidden:1"))),
    ]
    assert redone(found) == {"web", "db"}


def test_a_drift_survives_being_saved() -> None:
    found = drift("replicas", "1", "3")
    assert Drift.from_data(found.as_data()) == found


def test_what_looks_secret() -> None:
    assert looks_secret("DB_PASSWORD", "x")
    assert looks_secret("URL", "postgres://me:pw@host/db")
    assert not looks_secret("LOG_LEVEL", "debug")
