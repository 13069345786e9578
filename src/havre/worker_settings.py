"""Django's settings of the worker: the records alone, without the pages and the accounts' flows.

What those would import is 13 MB that the worker never uses.
"""

from __future__ import annotations

from havre.settings import *  # noqa: F403 - the same settings, but for what follows

INSTALLED_APPS = ["havre.records"]
MIDDLEWARE = []
