"""The variables in ``.env.example``, and which service each belongs to."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from dotenv.parser import Binding, parse_stream

from havre.domain.blueprint.facts import Facts
from havre.domain.blueprint.proposal import Component, Gap

FILES = (".env.example", ".env.sample", ".env.dist", ".env.template", "env.example", ".env.local.example")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SETTINGS = re.compile(r"\.prisma$|\.config\.[a-z]+$")
_PREFIX = re.compile(r"\benv_prefix\s*[=:]\s*[\"'](\w*)[\"']")
_DELIMITER = re.compile(r"\benv_nested_delimiter[\"']?\s*[=:]\s*[\"']([^\"'\s]+)[\"']")


@dataclass(frozen=True)
class Example:
    """A variable of an example file; ``value`` is empty where the file gives none."""

    name: str
    value: str
    file: str


def examples(facts: Facts, components: Collection[Component]) -> dict[str, list[Example]]:
    """The variables of each component, by its name.

    They are those of its own example file, else those of the file at the top: all of them for a program
    that is alone in the repository, and those that its code names if there are several. A static site has
    no variables when it is served, so it gets the public ones alone.
    """
    is_alone = len({one.folder for one in components}) == 1
    found: dict[str, list[Example]] = {}
    for component in components:
        own = facts.first(component.folder, *FILES)
        file = own or facts.first(".", *FILES)
        variables = list(read(facts, file)) if file else []
        public = component.public or ("\0",)
        if component.kind == "static":
            variables = [one for one in variables if one.name.startswith(public)]
        elif not own and not is_alone:
            named = _Named.by(facts, component)
            variables = [one for one in variables if one.name.startswith(public) or one.name in named]
        found[component.name] = variables
    return found


def untaken(facts: Facts, components: Collection[Component], taken: Collection[str]) -> list[Example]:
    """The variables in the example files of these components and of the top that are not ``taken``."""
    found = (one for path in _files(facts, components) for one in read(facts, path))
    return [one for one in found if one.name not in taken]


def _files(facts: Facts, components: Collection[Component]) -> list[str]:
    paths = dict.fromkeys(
        facts.first(folder, *FILES) for folder in (*(one.folder for one in components), ".")
    )
    return [path for path in paths if path]


def unnamed(facts: Facts, rest: Collection[Example]) -> Iterator[Gap]:
    """What is said of variables that no service got: who names them, if anybody does."""
    names: dict[str, list[str]] = {}
    for one in rest:
        place = next(
            (path for path, text in facts.code(".") if one.name in text and one.name in _words(text)), ""
        )
        if place:
            yield Gap(
                one.file,
                f"{one.name} is named by {place} alone, which is code of no app",
                "add it to env of the apps that use it; for a static site to build.args or build.secrets",
            )
        else:
            names.setdefault(one.file, []).append(one.name)
    for file, unknown in names.items():
        it = "it" if len(unknown) == 1 else "them"
        yield Gap(
            file,
            f"no code names {', '.join(unknown)}, so no service gets {it}",
            f"add {it} to env of the service that needs {it}",
        )


def in_code(facts: Facts, component: Component) -> list[Example]:
    """The public variables that a component's code asks for; what ends with URL counts as an address."""
    prefixes = "|".join(map(re.escape, component.public))
    asked = re.compile(rf"\benv(?:\.|\[[\"'])(({prefixes})[A-Z0-9_]+)")
    found: dict[str, Example] = {}
    for path, text in facts.code(component.folder):
        for name, _ in asked.findall(text):
            is_address = name.endswith(("URL", "URI", "ORIGIN"))
            found.setdefault(name, Example(name, "http://localhost" if is_address else "", path))
    return list(found.values())


def read(facts: Facts, path: str) -> Iterator[Example]:
    """The variables of an example file; of several with one name the last counts."""
    found = {one.key: one.value for one in _bindings(facts, path) if one.key and not one.error}
    for name, value in found.items():
        if _NAME.fullmatch(name):
            yield Example(name, (value or "").strip(), path)


def malformed(facts: Facts, components: Collection[Component]) -> Iterator[Gap]:
    """What is said of lines in the example files of these components that are no variables."""
    for path in _files(facts, components):
        for one in _bindings(facts, path):
            if one.error:
                text = one.original.string
                blank = text[: len(text) - len(text.lstrip())].count("\n")
                yield Gap(
                    path,
                    f"line {one.original.line + blank} could not be read",
                    "write it as NAME=value, with a quote at both ends or at none",
                )


def _bindings(facts: Facts, path: str) -> Iterator[Binding]:
    return parse_stream(io.StringIO(facts.text(path)))


@dataclass(frozen=True)
class _Named:
    """The variables that a component's code names.

    Settings of Pydantic name them by their fields, in any case and with a prefix of their own:
    https://docs.pydantic.dev/latest/concepts/pydantic_settings/.
    """

    words: frozenset[str]
    fields: frozenset[str]
    prefixes: tuple[str, ...]
    delimiters: tuple[str, ...]

    @classmethod
    def by(cls, facts: Facts, component: Component) -> _Named:
        texts = [text for _, text in facts.code(component.folder)]
        texts += [facts.text(path) for path in facts.below(component.folder) if _SETTINGS.search(path)]
        code = "\n".join(texts)
        words = _words(code)
        is_pydantic = "pydantic-settings" in component.dependencies or "BaseSettings" in words
        fields = frozenset(word.lower() for word in words) if is_pydantic else frozenset[str]()
        prefixes = (one.lower() for one in _PREFIX.findall(code))
        delimiters = (one.lower() for one in _DELIMITER.findall(code))
        return cls(words, fields, ("", *prefixes), tuple(delimiters))

    def __contains__(self, name: str) -> bool:
        if name in self.words:
            return True
        lower = name.lower()
        fields = [lower.removeprefix(prefix) for prefix in self.prefixes]
        fields += [field.partition(mark)[0] for field in fields for mark in self.delimiters]
        return not self.fields.isdisjoint(fields)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))
