"""A YAML text as a tree whose every part knows its file and line; anchors and merge keys are resolved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from havre.errors import UsageError

MOST_NODES: Final = 50_000
DEEPEST: Final = 40
_TAGS: Final = "tag:yaml.org,2002:"
_MERGE: Final = f"{_TAGS}merge"

Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """A path as people write it: ``services.api.ports[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class Node:
    """A part of a file. A scalar's value is its text, None is null; ``raw`` is it before interpolation.

    ``names`` are the variables that the text takes up, ``unset`` those among them without a value.
    """

    file: str
    line: int
    path: Path
    value: str | list[Node] | dict[str, Node] | None
    raw: str = ""
    names: frozenset[str] = frozenset()
    unset: frozenset[str] = frozenset()
    tag: str = ""

    @property
    def where(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        """A scalar's text; empty for null and for what is no scalar."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def map(self) -> dict[str, Node]:
        """A mapping's entries; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """A list's entries; none for anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def is_scalar(self) -> bool:
        """Whether it is text, a number, a truth value or null."""
        return not isinstance(self.value, list | dict)

    @property
    def is_true(self) -> bool:
        """Whether it says yes."""
        return self.text.lower() in {"true", "yes", "on", "y", "1"}

    def get(self, *keys: str) -> Node | None:
        """What stands below some keys, None if nothing does."""
        found: Node | None = self
        for key in keys:
            found = found.map.get(key) if found else None
        return found

    def leaves(self) -> Iterator[Node]:
        """The scalars below, and the empty lists and mappings."""
        children = self.items or list(self.map.values())
        if not children:
            yield self
        for child in children:
            yield from child.leaves()

    def moved(self, path: Path) -> Node:
        """The same at another place of the tree."""
        value: Any = self.value
        if isinstance(value, dict):
            value = {key: child.moved((*path, key)) for key, child in value.items()}
        elif isinstance(value, list):
            value = [child.moved((*path, at)) for at, child in enumerate(value)]
        return dataclasses.replace(self, path=path, value=value)


def read(text: str, file: str) -> Node:
    """The tree of a text.

    Raises:
        UsageError: it is not YAML, or more than can be read; file and line are named.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        what = " ".join(str(error.problem or error.context or "not readable").split())
        raise UsageError(f"{place}: is not YAML: {what}", hint="check indentation and quotes") from error
    except Exception as error:  # the parser leaks many kinds: ValueError, IndexError, RecursionError
        raise UsageError(f"{file}: is not YAML", hint="check indentation and quotes") from error
    if not isinstance(root, MappingNode):
        raise UsageError(f"{file}: holds no services", hint="name a Compose file")
    return _Builder(file).node(root, ())


class _Builder:
    """Copies the parser's graph into a tree; aliases are written out, so their number is bounded."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.count = 0

    def node(self, node: Any, path: Path) -> Node:
        self.count += 1
        line = node.start_mark.line + 1
        if self.count > MOST_NODES or len(path) > DEEPEST:
            raise UsageError(f"{self.file}:{line}: repeats or nests more than can be read")
        value: Any
        if isinstance(node, MappingNode):
            value = self._mapping(node, path)
        elif isinstance(node, SequenceNode):
            value = [self.node(child, (*path, at)) for at, child in enumerate(node.value)]
        else:
            value = None if node.tag == f"{_TAGS}null" else str(node.value)
        raw = value if isinstance(value, str) else ""
        tag = str(node.tag or "")
        return Node(self.file, line, path, value, raw, tag="" if tag.startswith(_TAGS) else tag)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Node]:
        own: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise UsageError(f"{self.file}:{line}: has a list or a mapping as a key")
            if key.value == "<<" and key.style is None:
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    if not isinstance(source, MappingNode):
                        raise UsageError(f"{self.file}:{line}: merges what is no mapping")
                    for name, entry in self._mapping(source, path).items():
                        merged.setdefault(name, entry)
                continue
            if str(key.value) in own:
                raise UsageError(f"{self.file}:{line}: gives {key.value} twice", hint="keep one of the two")
            child = self.node(value, (*path, str(key.value)))
            # What has no text of its own, or stands on the lines below, is looked for at its key.
            at_key = child.value is None or not child.is_scalar
            own[str(key.value)] = dataclasses.replace(child, line=line) if at_key else child
        return {**{key: value for key, value in merged.items() if key not in own}, **own}
