"""The Dockerfiles that ``havre init`` writes: templates beside this file, filled in with plain values.

What comes out of a repository (paths, package names, commands) stands in a Dockerfile only quoted: in
JSON arrays (``tojson``), or as words of a shell (``words``). Nothing needs a newer Dockerfile syntax
than the one built into Docker 20.10.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined

from havre.domain.blueprint.proposal import NewFile
from havre.domain.build import CA_MOUNT


def render(file: NewFile) -> str:
    """The text of a file that ``havre init`` writes.

    Raises:
        jinja2.UndefinedError: the template wants a value that the proposal does not give.
    """
    return _environment().get_template(file.template).render(**file.values, ca=CA_MOUNT)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("havre", "blueprints"),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Dockerfiles, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["words"] = _words
    environment.filters["array"] = _array
    return environment


def _words(command: str | Iterable[str]) -> str:
    """Words as a shell reads them back."""
    return command if isinstance(command, str) else shlex.join(command)


def _array(words: Iterable[str]) -> str:
    """Words as the exec form of an instruction (see :mod:`havre.adapters.buildkit.static`)."""
    import json  # noqa: PLC0415 - of this function alone

    return json.dumps(list(words), ensure_ascii=False).replace("<", "\\u003c")
