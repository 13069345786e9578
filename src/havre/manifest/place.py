"""What a manifest says of one environment of one project."""

from __future__ import annotations

import io
from typing import Final

from ruamel.yaml import YAML

from havre.errors import UsageError
from havre.manifest.model import EnvironmentSpec, Manifest

_WIDTH: Final = 110


def spec_for(manifest: Manifest, project: str, environment: str) -> EnvironmentSpec:
    """What is to run in an environment.

    Raises:
        UsageError: the manifest describes another project, or not this environment.
    """
    if manifest.project != project:
        raise UsageError(
            f"havre.yaml describes the project {manifest.project}, not {project}",
            hint=f"deploy it as --project {manifest.project}, or correct the line `project:`",
        )
    return manifest.for_environment(environment)


def text_of(spec: EnvironmentSpec) -> str:
    """What runs in an environment as YAML: differences merged, defaults written out."""
    written = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # the library has it as None
    yaml.width = _WIDTH
    yaml.dump(_told(spec.model_dump(mode="json", exclude_none=True)), written)
    return written.getvalue()


def _told(value: object) -> object:
    """Without what says nothing: empty lists, keys and texts."""
    if isinstance(value, dict):
        return {key: _told(each) for key, each in value.items() if each not in ({}, [], "")}
    return value
