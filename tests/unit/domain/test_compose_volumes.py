"""Volumes of a Compose file: nothing of their long form is lost in silence, folders of data are kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from havre.domain.compose import Conversion, Outcome, convert
from havre.domain.compose.tree import read
from havre.manifest import load


def made_of(*volumes: object, **service: object) -> Conversion:
    body = {"image": "acme/app", "volumes": list(volumes), **service}
    if "build" in service:
        del body["image"]
    return converted({"app": body})


def converted(services: dict[str, Any]) -> Conversion:
    text = json.dumps({"services": services})  # JSON is YAML
    made = convert(text, file="f", folder="p", read_file=lambda _: None)
    load(made.text)
    covered = [verdict.path for verdict in made.verdicts]
    for leaf in read(text, "f").leaves():
        assert sum(leaf.path[: len(path)] == path for path in covered) == 1, leaf.path
    return made


def volumes_of(made: Conversion, service: str = "app") -> list[str]:
    return list(made.manifest["services"][service].get("volumes", ()))


def verdict(made: Conversion, name: str) -> tuple[Outcome, str]:
    (found,) = [v for v in made.verdicts if v.name == f"services.app.volumes[0]{name}"]
    return found.outcome, found.reason


LOST = {
    "volume.subpath": ("sub", "the whole volume"),
    "volume.labels.a": ("b", "labels"),
    "volume.labels": (["a=b"], "labels"),
    "volume.colour": ("red", "no key of a volume"),
    "bind.propagation": ("rshared", "not a folder"),
    "bind.create_host_path": (True, "not a folder"),
    "bind.selinux": ("z", "not a folder"),
    "bind.recursive": ("enabled", "not a folder"),
    "tmpfs.size": (1000, "on disk"),
    "tmpfs.mode": (0o755, "on disk"),
    "image.subpath": ("sub", "not an image"),
    "consistency": ("cached", "Linux engines"),
    "x-mine": ("y", "no key of a volume"),
}


def entry(*names: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "volume", "source": "up", "target": "/up"}
    for name in names:
        value = LOST[name][0]
        group, _, rest = name.partition(".")
        for key in reversed(rest.split(".") if rest else ()):
            value = {key: value}
        if isinstance(value, dict) and isinstance(made.get(group), dict):
            made[group] |= value
        else:
            made[group] = value
    return made


@pytest.mark.parametrize("name", LOST)
def test_what_a_volume_cannot_keep_is_told(name: str) -> None:
    made = made_of(entry(name))
    part = f".{name}[0]" if isinstance(LOST[name][0], list) else f".{name}"
    outcome, reason = verdict(made, part)
    assert outcome is Outcome.DROPPED
    assert LOST[name][1] in reason
    assert volumes_of(made) == ["up:/up"]
    assert verdict(made, ".source") == (Outcome.CARRIED, "")


def test_a_new_name_is_told_beside_what_is_lost() -> None:
    made = made_of({**entry("volume.subpath"), "source": "Up_Loads"})
    assert verdict(made, ".source") == (Outcome.CHANGED, "it is called up-loads")
    assert verdict(made, ".target") == (Outcome.CARRIED, "")
    made = made_of({**entry("volume.subpath"), "read_only": True})
    assert "may write to it" in verdict(made, ".source")[1]


def test_what_says_nothing_else_is_carried_over_as_a_whole() -> None:
    made = made_of({**entry(), "read_only": False, "volume": {"nocopy": True}})
    assert verdict(made, "") == (Outcome.CARRIED, "")


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["volume", "bind", "tmpfs", "image", "npipe", "cluster"]),
    st.sets(st.sampled_from(sorted(LOST)), max_size=5),
    st.sampled_from(["up", "./up", "/srv/up", "../up", "~/up", ""]),
    st.sampled_from(["/up", "/data", "/app/uploads", "/etc/x.conf", "/proc", "up"]),
    st.booleans(),
)
def test_every_part_of_a_long_form_has_exactly_one_verdict(
    kind: str, keys: set[str], source: str, target: str, is_built: bool
) -> None:
    whole = {**entry(*sorted(keys)), "type": kind, "source": source, "target": target}
    made = made_of(whole, **({"build": "."} if is_built else {}))
    if volumes_of(made):
        told = {v.name.partition("volumes[0].")[2].partition("[")[0]: v.outcome for v in made.verdicts}
        for leaf in read(json.dumps(whole), "f").leaves():
            key = ".".join(str(part) for part in leaf.path if isinstance(part, str))
            if key in LOST:
                assert told[key] is Outcome.DROPPED


@pytest.mark.parametrize(
    ("mount", "volume"),
    [
        ("./uploads:/app/uploads", "app-uploads:/app/uploads"),
        ("/srv/uploads:/app/uploads:ro", "app-uploads:/app/uploads"),
        ("./var/data:/data/", "app-data:/data"),
        ({"type": "bind", "source": "./m", "target": "/srv/media/in"}, "app-m:/srv/media/in"),
    ],
)
@pytest.mark.parametrize("service", [{"build": "."}, {}], ids=["built", "image"])
def test_a_folder_of_data_becomes_a_volume(mount: object, volume: str, service: dict[str, str]) -> None:
    made = made_of(mount, **service)
    assert volumes_of(made) == [volume]
    (told,) = [v for v in made.verdicts if v.outcome is Outcome.CHANGED and "volumes[0]" in v.name]
    assert "begins empty" in told.reason


@pytest.mark.parametrize("mount", [".:/app", "./src:/app/src", ".:/data", "./:/app/storage"])
def test_source_code_becomes_none(mount: str) -> None:
    made = made_of(mount, build=".")
    assert volumes_of(made) == []
    assert "source code" in verdict(made, "")[1]


def test_a_folder_that_is_shared_becomes_one_volume() -> None:
    shared = {"image": "x", "volumes": ["./uploads:/app/uploads"]}
    other = {"image": "x", "volumes": ["./other/uploads:/app/uploads"]}
    named = {"image": "x", "volumes": ["app-uploads:/app/uploads"]}
    made = converted({"app": shared, "worker": {**shared, "volumes": ["./uploads/:/in/media"]}, "w2": other})
    assert volumes_of(made, "worker") == ["app-uploads:/in/media"]
    assert volumes_of(made, "w2") == ["w2-uploads:/app/uploads"]
    made = converted({"app": shared, "named": named})
    assert volumes_of(made) == ["app-uploads-2:/app/uploads"]


@pytest.mark.parametrize(
    ("image", "volumes", "words"),
    [
        ("mariadb:11", [], "LOSES ALL ITS DATA"),
        ("mongo", ["./mongo.conf:/etc/mongod.conf"], "LOSES ALL ITS DATA"),
        ("mariadb:11", ["db:/var/lib/mysql"], "save its data yourself"),
        ("mongo", ["./db:/data/db"], "save its data yourself"),
        ("memcached", [], "save its data yourself"),
    ],
)
def test_a_database_without_a_volume_is_warned_of(image: str, volumes: list[str], words: str) -> None:
    made = made_of(*volumes, image=image)
    (warning,) = made.warnings
    assert words in warning
    assert ("volumes: there is none" in made.text) is ("LOSES" in words)
