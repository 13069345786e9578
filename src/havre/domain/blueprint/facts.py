"""What was read of a repository: which files there are, and the text of those that tell something."""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

CODE = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".py")
_NOT_THE_PROGRAM = re.compile(
    r"(^|/)(tests?|__tests__|e2e|spec|fixtures|examples?|scripts|node_modules)/|\.(test|spec|stories|d)\.[a-z]+$"
    r"|(^|/)test_[^/]*\.py$|(^|/)conftest\.py$|\.config\.[a-z]+$"
)


@dataclass(frozen=True)
class Facts:
    """A bounded reading of a checkout.

    Args:
        name: name of its folder.
        paths: every file, relative, with ``/``; generated and installed ones are left out.
        texts: what stands in those that tell something (package files, settings, code).
        branch: the branch that counts as the main one, as far as Git tells; empty without Git.
        branches: all branches, local and of the remote.
        cut: what was left out because a bound was reached, for people; empty if nothing was.
    """

    name: str
    paths: frozenset[str]
    texts: Mapping[str, str]
    branch: str = ""
    branches: frozenset[str] = frozenset()
    cut: tuple[str, ...] = ()
    _parsed: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def has(self, *parts: str) -> bool:
        """Whether there is a file of this path."""
        return join(*parts) in self.paths

    def text(self, *parts: str) -> str:
        """The text of a file, empty if there is none or it was not read."""
        return self.texts.get(join(*parts), "")

    def first(self, folder: str, *names: str) -> str:
        """The path of the first of some files that is there, or nothing."""
        return next((join(folder, name) for name in names if self.has(folder, name)), "")

    def below(self, folder: str) -> Iterator[str]:
        """The files in a folder and its folders, sorted."""
        prefix = "" if folder == "." else f"{folder}/"
        yield from (path for path in self._sorted if path.startswith(prefix))

    def folders(self, folder: str = ".") -> frozenset[str]:
        """Names of the folders directly in a folder."""
        prefix = "" if folder == "." else f"{folder}/"
        return frozenset(
            path.removeprefix(prefix).split("/")[0]
            for path in self.paths
            if path.startswith(prefix) and "/" in path.removeprefix(prefix)
        )

    def code(self, folder: str) -> Iterator[tuple[str, str]]:
        """Paths and texts of the program's own sources in a folder, without tests and settings of tools."""
        for path in self.below(folder):
            if path.endswith(CODE) and path in self.texts and not _NOT_THE_PROGRAM.search(path):
                yield path, self.texts[path]

    def json(self, *parts: str) -> dict[str, Any]:
        """The object in a JSON file, with comments and trailing commas forgiven; empty if there is none."""
        return self._parse(join(*parts), _json)

    def toml(self, *parts: str) -> dict[str, Any]:
        """The table in a TOML file, empty if there is none or it cannot be read."""
        return self._parse(join(*parts), _toml)

    def is_json(self, path: str) -> bool:
        """Whether a file that was read holds an object in JSON."""
        return isinstance(_json(self.texts.get(path, "")), dict)

    def is_toml(self, path: str) -> bool:
        """Whether a file that was read holds TOML."""
        return isinstance(_toml(self.texts.get(path, "")), dict)

    def _parse(self, path: str, parser: Any) -> dict[str, Any]:
        if path not in self._parsed:
            found = parser(self.texts.get(path, ""))
            self._parsed[path] = found if isinstance(found, dict) else {}
        return self._parsed[path]  # type: ignore[no-any-return]

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(self.paths, key=lambda path: (path.count("/"), path))


def join(*parts: str) -> str:
    """A path of parts, without ``.`` at its beginning."""
    return posixpath.normpath(posixpath.join("", *(part for part in parts if part)))


def table(value: object) -> dict[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        bare = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m[1] or "", text, flags=re.DOTALL)
        try:
            return json.loads(re.sub(r",(\s*[}\]])", r"\1", bare))
        except (ValueError, RecursionError):
            return None


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
