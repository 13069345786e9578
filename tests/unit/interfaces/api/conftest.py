"""The API as its callers meet it."""

from __future__ import annotations

from support.api_process import ask, ask_remotely, state

__all__ = ["ask", "ask_remotely", "state"]
