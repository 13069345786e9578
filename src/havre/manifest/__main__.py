"""``python -m havre.manifest [FOLDER]``: write the generated files of ``docs/reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from havre.manifest import schema

GENERATED = {
    "manifest.md": schema.reference_markdown,
    "havre.sample.yaml": schema.sample_yaml,
    "havre.schema.json": schema.json_schema_text,
}


def main(folder: Path) -> None:
    """Write the reference page, the sample and the JSON Schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, generate in GENERATED.items():
        (folder / name).write_text(generate(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/reference"))
