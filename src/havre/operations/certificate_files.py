"""The certificate files that an administrator put on the server."""

from __future__ import annotations

from pathlib import Path

from havre.config import Config


def certificate_files(config: Config) -> list[tuple[Path, Path]]:
    """The administrator's pairs: ``NAME.pem`` or ``NAME.crt``, each with ``NAME.key``."""
    folder = config.tls_directory
    if not folder.is_dir():
        return []
    return [
        (file, file.with_suffix(".key"))
        for file in sorted(folder.iterdir())
        if file.suffix in {".pem", ".crt"} and file.name[0] != "."
    ]
