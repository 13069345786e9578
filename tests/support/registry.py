"""A registry of images with a login: Debian's docker-registry, in the test engine's network."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import docker

USER = "deployer"
PASSWORD = "correct-horse:staple"
# htpasswd's bcrypt of PASSWORD, with the fewest rounds there are.
_HTPASSWD = f"{USER}:$2b$04$zO9pXAvaWIaLqI9KuAaVROexyDeotfMXMZNv/EyJ6.J4uFRsyIEJu\n"
_APP = Path(__file__).parent / "app"


class Registry:
    """One registry on an address of 127.0.0.0/8, with which every engine speaks plain HTTP."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "htpasswd").write_text(_HTPASSWD)
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": self.address},
            "auth": {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}},
        }
        (self.folder / "config.yml").write_text(json.dumps(config))  # JSON is YAML
        program = shutil.which("docker-registry")
        if program is None:
            raise RuntimeError("these tests need a registry: apt-get install docker-registry")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "serve", str(self.folder / "config.yml")], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        host, port = self.address.split(":")
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((host, int(port))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())

    def stop(self) -> None:
        """Stop it; what it holds stays."""
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process = None

    def push(self, engine: docker.APIClient, image: str, name: str) -> str:
        """Push a local image as ``NAME:TAG`` and forget the name here; the digest."""
        repository, _, tag = f"{self.address}/{name}".rpartition(":")
        engine.tag(image, repository, tag, force=True)
        digest = ""
        login = {"username": USER, "password": PASSWORD}
        for event in engine.push(repository, tag=tag, stream=True, decode=True, auth_config=login):
            if "error" in event:
                raise RuntimeError(event["error"])
            digest = event.get("aux", {}).get("Digest", digest)
        engine.remove_image(f"{repository}:{tag}")
        return str(digest)


def build_app(engine: docker.APIClient, tag: str, **behaviour: Any) -> str:
    """An image of the test application that behaves so; its id."""
    files = {path.name: path.read_bytes() for path in _APP.iterdir()}
    files["behaviour.json"] = json.dumps(behaviour).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    for event in engine.build(fileobj=packed, custom_context=True, tag=tag, rm=True, decode=True):
        if "error" in event:
            raise RuntimeError(event["error"])
    return str(engine.inspect_image(tag)["Id"])
