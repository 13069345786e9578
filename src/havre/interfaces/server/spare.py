"""Sparing memory: what libraries import for uses that a process has none of stays out of it.

They do without, as where these modules are not installed. It has to be said before they are imported.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Final, cast

_PROGRAM: Final = "httpx._main"
"""The program of httpx, which brings rich and pygments: 4 MB."""
_ALPHABETS: Final = ("charset_normalizer", "chardet")
"""What requests guesses the alphabet of an answer by that names none; the engine speaks JSON: 2 MB."""


def worker() -> None:
    """Spare the worker."""
    _leave_out(_PROGRAM, *_ALPHABETS)
    warnings.filterwarnings("ignore", message="Unable to find acceptable character detection")


def web() -> None:
    """Spare the web process: of ``django.test`` it imports only what is asked for by name.

    ninja wants one signal of it, and would get all, with unittest and jinja2: 4 MB.
    """
    _leave_out(_PROGRAM)
    django = importlib.util.find_spec("django")
    package = ModuleType("django.test")
    package.__path__ = [
        str(Path(each) / "test") for each in (django and django.submodule_search_locations) or ()
    ]
    sys.modules.setdefault("django.test", package)


def _leave_out(*names: str) -> None:
    for name in names:
        # None: https://docs.python.org/3/reference/import.html#the-module-cache
        sys.modules.setdefault(name, cast("ModuleType", None))
