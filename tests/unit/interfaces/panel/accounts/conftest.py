"""Requests to the panel through the whole process, as in the tests of the API."""

from __future__ import annotations

from support.api_process import state

__all__ = ["state"]
