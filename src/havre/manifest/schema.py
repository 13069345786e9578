"""What is generated from the manifest's models: JSON Schema, reference page and sample.

``python -m havre.manifest`` writes the three files under ``docs/reference``; a test compares them.
"""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from havre.manifest import reference_page, sample
from havre.manifest.fields import default_of, keys, models_in
from havre.manifest.model import Manifest
from havre.manifest.services import SERVICE_MODELS

_SHORT_FORMS: Final = {
    "Copies": "The days, such as 7d.",
    "CopiesElsewhere": "The days, such as 30d.",
    "Build": "The folder that the build sees.",
    "Health": "The path that is asked for.",
    "Image": "The image's name.",
    "Volume": "The volume's name and where the container sees it, as name:/path.",
}
_WORDS: Final = {"Strategy": ("kind", "The kind alone.")}
"""Parts for which a word is short, and the key that it stands for."""
_FLAGS: Final = {
    "Backups": "Whether there are any.",
    "Drill": "Whether drills are made on schedule.",
    "Dump": "Whether dumps are made on schedule.",
    "Verify": "Whether it is, on schedule.",
}
"""Parts for which true and false are short."""
_OVERRIDE: Final = "ServiceOverride"


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``havre.yaml``, with the short forms.

    It accepts every valid manifest. Rules between keys are left to Havre, but for the ones that an
    editor can show: what goes with a port, and ``domain`` beside ``domains``.
    """
    schema = Manifest.model_json_schema(by_alias=True)
    _state_defaults(schema)
    _tidy(schema)
    definitions = schema["$defs"]
    for kind in ("AppService", "StaticService"):
        definitions[kind]["not"] = {"required": ["domain", "domains"]}
    needs = {"port": ["health"], "health": ["port"], "domain": ["port"]}
    definitions["AppService"]["dependentRequired"] = needs
    definitions["AppService"]["not"] = {
        "anyOf": [definitions["AppService"]["not"], {"required": ["build", "image"]}]
    }
    _add_overrides(definitions)
    for name, description in _SHORT_FORMS.items():
        short = {"type": "string", "description": description}
        for definition in {name, f"{name}Override"} & definitions.keys():
            definitions[definition] = {"anyOf": [short, definitions[definition]]}
    for name, description in _FLAGS.items():
        flag = {"type": "boolean", "description": description}
        for definition in {name, f"{name}Override"} & definitions.keys():
            definitions[definition] = {"anyOf": [flag, definitions[definition]]}
    for name, (key, description) in _WORDS.items():
        short = {"enum": definitions[name]["properties"][key]["enum"], "description": description}
        for definition in {name, f"{name}Override"} & definitions.keys():
            definitions[definition] = {"anyOf": [short, definitions[definition]]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "havre.yaml",
        **schema,
        "$defs": dict(sorted(definitions.items())),
    }


def json_schema_text() -> str:
    """The JSON Schema as the text of a file."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def reference_markdown() -> str:
    """The reference page: every key with its values, default, meaning and an example."""
    return reference_page.render(json_schema())


def sample_yaml() -> str:
    """A commented manifest that holds every key; it is valid as it stands."""
    return sample.render()


def _state_defaults(schema: dict[str, Any]) -> None:
    """Write defaults as a manifest would say them: ``10s``, not the seconds behind it."""
    models = {model.__name__: model for model in _all_models()}
    for name, definition in {**schema["$defs"], "Manifest": schema}.items():
        for field, info in models[name].model_fields.items() if name in models else ():
            written = definition["properties"][info.alias or field]
            default = default_of(models[name], field)
            written.pop("default", None)
            if default not in (None, "", []):
                written["default"] = default


def _all_models() -> list[type[Any]]:
    found: list[type[Any]] = [Manifest]
    for model in found:
        for info in keys(model).values():
            found.extend(m for m in models_in(info.annotation) if m not in found)
    return found


def _tidy(node: Any, *, names_keys: bool = False) -> None:
    """Remove what only repeats the key, close open mappings."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if not names_keys:
        node.pop("title", None)
        node.pop("discriminator", None)
        if "patternProperties" in node:
            node["additionalProperties"] = False
    for key, value in node.items():
        if key not in {"examples", "default", "enum"}:
            _tidy(value, names_keys=key in {"properties", "patternProperties", "$defs"} and not names_keys)


def _add_overrides(definitions: dict[str, Any]) -> None:
    """What an environment may say about a service: any key of any kind, nothing required."""
    properties: dict[str, list[Any]] = {}
    for model in SERVICE_MODELS.values():
        for key, value in definitions[model.__name__]["properties"].items():
            known = properties.setdefault(key, [])
            partial = _partial(value, definitions)
            if key != "kind" and partial not in known:
                known.append(partial)
    del properties["kind"]
    definitions[_OVERRIDE] = {
        "type": "object",
        "description": "What is different in an environment: any keys of the service; null removes one.",
        "additionalProperties": False,
        "properties": {
            key: options[0] if len(options) == 1 else {"anyOf": options}
            for key, options in properties.items()
        },
    }
    services = definitions["Environment"]["properties"]["services"]
    services["patternProperties"] = {
        pattern: {"$ref": f"#/$defs/{_OVERRIDE}"} for pattern in services["patternProperties"]
    }


def _partial(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A key's schema where a part suffices and null removes it; entries of lists stay whole."""
    changed = copy.deepcopy(schema)
    changed.pop("default", None)
    if "$ref" in changed:
        changed["$ref"] += "Override"
        _add_partial_definition(schema["$ref"].rpartition("/")[2], definitions)
    if "anyOf" in changed:
        changed["anyOf"] = [_partial(option, definitions) for option in changed["anyOf"]]
    if "patternProperties" in changed:
        changed["patternProperties"] = {
            key: _partial(value, definitions) if "$ref" in value else {"anyOf": [value, {"type": "null"}]}
            for key, value in changed["patternProperties"].items()
        }
    if {"type": "null"} in changed.get("anyOf", []) or changed.get("type") == "null":
        return changed
    described: dict[str, Any] = {
        key: changed.pop(key) for key in ("description", "examples") if key in changed
    }
    return {**described, "anyOf": [changed, {"type": "null"}]} if described else changed


def _add_partial_definition(name: str, definitions: dict[str, Any]) -> None:
    if f"{name}Override" in definitions:
        return
    partial = copy.deepcopy(definitions[name])
    partial.pop("required", None)
    definitions[f"{name}Override"] = partial
    partial["properties"] = {
        key: _partial(value, definitions) for key, value in partial["properties"].items()
    }
