"""Which disk is full, as far as the engine's words tell."""

from __future__ import annotations

import pytest

from havre.domain.full_disk import is_full, place


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        (
            "write /var/lib/docker/image/overlay2/layerdb/tmp/write-set-1/diff: no space left",
            "/var/lib/docker",
        ),
        ("write /srv/my docker/tmp/GetImageBlob12: no space left on device", ""),
        ("write /srv/docker/tmp/GetImageBlob12: no space left on device", "/srv/docker"),
        ("mkdir /data/docker/overlay2/0a1b2c3d4e5f6a7b8c9d0e1f: no space left on device", "/data/docker"),
        ("write /var/lib/docker/buildkit/content/ingest/x: no space left", "/var/lib/docker"),
        (
            "write /var/lib/containerd/io.containerd.content.v1.content/ingest/x/data: no space left",
            "/var/lib/containerd",
        ),
        ("write /app/dist/image/logo.png: no space left on device", ""),
        ("Error: ENOSPC: no space left on device, write", ""),
    ],
)
def test_the_folder_of_the_engine_is_found_and_no_other(text: str, folder: str) -> None:
    words = f" (at {folder})" if folder else ""
    assert place(text) == f"the Docker engine's disk{words}"


def test_what_is_full() -> None:
    assert is_full("write /x: No space left on device")
    assert is_full("Error: ENOSPC, write")
    assert is_full("write /x: disk quota exceeded")
    assert not is_full("space left: 3 GB")
