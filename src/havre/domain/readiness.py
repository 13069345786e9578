"""When a line of a log says that a task is ready."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

LONGEST_LINE: Final = 4000
"""Characters of a line that are looked at."""


class LogPattern:
    """A regular expression of RE2 (https://github.com/google/re2/wiki/Syntax), found anywhere in a line.

    RE2 takes time linear in the line, whatever the expression is: users write it, and the worker, which
    everything waits for, runs it.

    Args:
        text: the expression.

    Raises:
        ValueError: it is not one; the text says what is wrong.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._compiled = _compile(text)

    def found_in(self, line: str) -> bool:
        """Whether a line matches; what is beyond :data:`LONGEST_LINE` is not looked at."""
        return self._compiled.search(line[:LONGEST_LINE]) is not None


@lru_cache(maxsize=64)
def _compile(text: str) -> Any:
    import re2  # noqa: PLC0415 - megabytes of C++ that a manifest without patterns does not need

    options = re2.Options()
    options.log_errors = False  # it would write to standard error by itself
    options.max_mem = 1 << 20
    try:
        return re2.compile(text, options=options)
    except re2.error as error:
        told = error.args[0] if error.args else ""
        raise ValueError(told.decode() if isinstance(told, bytes) else str(told)) from error
