"""Options that several commands share, written once as the fields of a dataclass.

Typer makes options of a function's parameters, one by one. A command decorated by :func:`grouped` takes
a whole group as one keyword-only parameter::

    @grouped
    def restart(ctx: typer.Context, *, place: Place, following: Following) -> None: ...
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")


def grouped(command: Callable[..., R]) -> Callable[..., R]:
    """A command as Typer wants it: each parameter whose type is a dataclass becomes its fields, in place."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}

    @functools.wraps(command)
    def ungrouped(*args: Any, **given: Any) -> R:
        for name, group in groups.items():
            fields = dataclasses.fields(group)
            given[name] = group(**{field.name: given.pop(field.name) for field in fields})  # type: ignore[operator]
        return command(*args, **given)

    def parameters() -> Iterator[Parameter]:
        for one in inspect.signature(command).parameters.values():
            if one.name in groups:
                yield from _fields(groups[one.name])
            else:
                yield one.replace(annotation=hints[one.name])

    signature = inspect.Signature(list(parameters()), return_annotation=None)
    ungrouped.__signature__ = signature  # type: ignore[attr-defined]
    ungrouped.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    return ungrouped


def _fields(group: Any) -> Iterator[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        yield Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
