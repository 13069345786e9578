"""Looks into the manifest's models: which keys are there, and what stands below which key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a mapping as they are written in a manifest."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, at any depth of unions, lists and mappings."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for argument in get_args(annotation):
        yield from models_in(argument)


def kind_of(model: type[BaseModel]) -> str | None:
    """The word after ``kind:`` that chooses a model, if there is one."""
    info = model.model_fields.get("kind")
    return str(get_args(info.annotation)[0]) if info else None


def known_keys(root: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that pydantic knows at a location below ``root``; none if no mapping is there."""
    annotation = _follow(root, loc)
    return [key for model in _models_here(annotation) for key in keys(model)]


def example_of(root: type[BaseModel], loc: Sequence[str | int]) -> str:
    """The first example of the field at a location below ``root``, or nothing."""
    for model in _models_here(_follow(root, loc[:-1])):
        info = keys(model).get(str(loc[-1]))
        if info and info.examples:
            return f"{loc[-1]}: {info.examples[0]}" if isinstance(info.examples[0], str | int) else ""
    return ""


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _members(annotation: Any) -> list[Any]:
    annotation = _bare(annotation)
    if get_origin(annotation) in {Union, UnionType}:
        return [member for argument in get_args(annotation) for member in _members(argument)]
    return [annotation]


def _models_here(annotation: Any) -> list[type[BaseModel]]:
    return [m for m in _members(annotation) if isinstance(m, type) and issubclass(m, BaseModel)]


def _follow(annotation: Any, loc: Sequence[str | int]) -> Any:
    for part in loc:
        annotation = _step(annotation, part)
    return annotation


def _step(annotation: Any, part: str | int) -> Any:
    """What is below one part of a location; a union's tag chooses among its members."""
    members = _members(annotation)
    models = _models_here(annotation)
    if len(members) > 1:
        tagged = [model for model in models if part in {kind_of(model), "secret"}]
        if tagged:
            return tagged[0]
    for model in models:
        if part in keys(model):
            return keys(model)[str(part)].annotation
    for member in members:
        if get_origin(member) is dict:
            return get_args(member)[1]
        if get_origin(member) is tuple:
            return get_args(member)[0]
    return None


def default_of(model: type[BaseModel], name: str) -> Any:
    """A field's default as a manifest would say it; None if there is none, or if it depends."""
    info = model.model_fields[name]
    if info.is_required() or info.default_factory is not None:
        return None
    return model.model_construct().model_dump(mode="json", include={name}).get(name)
