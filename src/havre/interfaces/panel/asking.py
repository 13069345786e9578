"""What only the worker sees of an environment, for as long as a page may wait for it."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import async_to_sync

from havre.config import config
from havre.errors import HavreError
from havre.interfaces import worker_client
from havre.records.models import Environment


def ask(row: Environment, query: str, *, patience: float, late: str) -> dict[str, Any]:
    """The worker's answer to a question about an environment.

    Args:
        row: the environment.
        query: one of those of ``havre.controllers.queries``.
        patience: seconds after which it is given up.
        late: what is said then.

    Raises:
        ServerError: the worker does not answer.
        HavreError: what it answered instead, or it took too long.
    """
    question = {"query": query, "project": row.project.name, "environment": row.name}
    try:
        return async_to_sync(_within)(patience, question)
    except TimeoutError as error:
        raise HavreError(late, retryable=True) from error


async def _within(patience: float, question: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(patience):
        return await worker_client.ask(config().paths, question)
