"""Packages with native code compile in the platform's Node image, without fetching headers."""

from __future__ import annotations

from pathlib import Path

from havre.adapters.buildkit.build import build
from havre.domain.build import CA_MOUNT, BuildRequest
from support.server import engine_host

DOCKERFILE = f"""\
FROM havre/node:24
WORKDIR /app
RUN {CA_MOUNT} npm init --yes && npm install --build-from-source bufferutil@4.0.9
RUN ls node_modules/bufferutil/build/Release/bufferutil.node
RUN ["node", "-e", "require('bufferutil').mask(Buffer.from('a'), Buffer.alloc(4), Buffer.alloc(1), 0, 1)"]
"""


def test_a_native_package_is_compiled(tmp_path: Path) -> None:
    lines: list[str] = []
    result = build(
        BuildRequest(context=tmp_path, dockerfile_text=DOCKERFILE),
        engine_host=engine_host(),
        report=lines.append,
    )
    assert result.image_id.startswith("sha256:"), lines
