"""Wheels of this project: built as a user would, and changed into later versions."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """Build the wheel of this checkout."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def next_version(wheel: Path, version: str, changes: dict[str, str] | None = None) -> Path:
    """The same wheel as another version, with some files' text replaced or added."""
    _, before, tags = wheel.name.split("-", 2)
    target = wheel.with_name(f"havre-{version}-{tags}")
    with zipfile.ZipFile(wheel) as source:
        files = {
            name.replace(f"havre-{before}.", f"havre-{version}."): source.read(name)
            for name in source.namelist()
            if not name.endswith("/RECORD")
        }
    metadata = f"havre-{version}.dist-info/METADATA"
    files[metadata] = files[metadata].replace(
        f"\nVersion: {before}\n".encode(), f"\nVersion: {version}\n".encode()
    )
    files |= {name: text.encode() for name, text in (changes or {}).items()}
    record = "".join(f"{name},sha256={_digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"havre-{version}.dist-info/RECORD"] = f"{record}havre-{version}.dist-info/RECORD,,\n".encode()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def last_migration(wheel: Path) -> str:
    """The name of the last migration in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [Path(name).stem for name in archive.namelist() if "/migrations/0" in name]
    return max(names)
