"""The catalogue of platform images: complete, in order, pinned."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import havre.images
from havre.images import FOLDER, PLATFORM_IMAGES, PlatformImage, named_in, platform_image, recipe_hash


def test_every_folder_is_an_image_and_every_image_a_folder() -> None:
    folders = {path.name for path in FOLDER.iterdir() if (path / "Dockerfile").is_file()}
    assert folders == {image.folder.name for image in PLATFORM_IMAGES}


def test_each_image_comes_after_those_it_depends_on() -> None:
    seen: set[str] = set()
    for image in PLATFORM_IMAGES:
        assert set(image.depends_on) <= seen
        seen.add(image.name)


@pytest.mark.parametrize("image", PLATFORM_IMAGES, ids=lambda image: image.name)
def test_dockerfiles_are_what_docker_20_10_reads(image: PlatformImage) -> None:
    text = (image.folder / "Dockerfile").read_text()
    assert "# syntax" not in text
    assert "<<" not in text
    origins = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert origins == [platform_image(name).tag for name in image.depends_on] or origins == ["${FROM}"]


@pytest.mark.parametrize("image", PLATFORM_IMAGES, ids=lambda image: image.name)
def test_every_pin_is_exact(image: PlatformImage) -> None:
    for pin in image.pins:
        assert re.fullmatch(r"\d+\.\d+\.\d+", pin.version)
        assert set(pin.sha256) == {"x86_64", "aarch64"}
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in pin.sha256.values())


def test_the_platform_images_of_a_dockerfile_are_found() -> None:
    text = "ARG IMAGE=havre/python:3.13\nFROM ${IMAGE} AS build\nFROM docker.io/library/debian\n"
    assert named_in(text) == ("python",)
    assert named_in(text + "FROM havre/python-runtime:3.13\n") == ("python", "python-runtime")
    assert named_in("FROM havre/python:3.12\nFROM havre/nosuch:1\n") == ()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(FOLDER, tmp_path / "images")
    monkeypatch.setattr(havre.images, "FOLDER", tmp_path / "images")
    return tmp_path / "images"


def test_a_changed_file_changes_the_recipe_of_the_image_and_of_those_above(copied: Path) -> None:
    before = {image.name: recipe_hash(image) for image in PLATFORM_IMAGES}
    assert len(set(before.values())) == len(before)
    with (copied / "redis" / "havre-redis").open("a") as file:
        file.write("#\n")
    after = {image.name: recipe_hash(image) for image in PLATFORM_IMAGES}
    assert {name for name in before if before[name] != after[name]} == {"redis"}
    with (copied / "base" / "Dockerfile").open("a") as file:
        file.write("#\n")
    last = {image.name: recipe_hash(image) for image in PLATFORM_IMAGES}
    assert all(last[name] != after[name] for name in last)


def test_a_changed_pin_changes_the_recipe() -> None:
    image = platform_image("traefik")
    other = replace(image, pins=(replace(image.pins[0], version="3.7.99"),))
    assert recipe_hash(other) != recipe_hash(image)
