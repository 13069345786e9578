"""Serves the panel over the harbour that never was, for people and for pictures of the pages.

``PYTHONPATH=src:tests python -m support.panel_serving STATE PORT`` makes it in an empty state directory and
serves it on a loopback port, by the panel's door. It says a link by which one comes in for the first time.
With ``--empty`` nothing was ever deployed there.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import uvicorn
from django.core.management import call_command
from django.utils import timezone

from havre.domain.access import EVERYTHING

Answer = Callable[[dict[str, Any]], dict[str, Any]]


async def _worker(path: Path, answer: Answer) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = json.loads(await reader.readline())
        told = {"ok": True} if question["query"] == "wake" else answer(question)
        writer.write(json.dumps(told).encode() + b"\n")
        await writer.drain()
        writer.close()

    await asyncio.start_unix_server(handle, path)


def main(state: Path, port: int, *, empty: bool = False) -> None:
    """Make it and serve it."""
    os.environ |= {"HAVRE_STATE": str(state), "DJANGO_SETTINGS_MODULE": "havre.settings"}
    is_new = not (state / "keys").exists()
    for folder in ("keys", "db", "run"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    if is_new:
        (state / "keys" / "django.key").write_text("only for pictures")
    django.setup()
    # These read the settings and the models, which are there from now on.
    asgi = importlib.import_module("havre.interfaces.server.asgi")
    harbour = importlib.import_module("support.panel_harbour")
    accounts = importlib.import_module("havre.records.accounts")
    if is_new:
        call_command("migrate", verbosity=0)
        if not empty:
            harbour.fill(timezone.now())
        user = accounts.create_user("lea", EVERYTHING)
        _link, text = accounts.make_link(user, actor="root")
        sys.stdout.write(f"http://localhost:{port}/account/welcome/{text}/\n")
        sys.stdout.flush()
    application = asgi.Gate(asgi.make_application(), None, "panel")
    settings = uvicorn.Config(
        application, port=port, lifespan="off", log_level="warning", timeout_graceful_shutdown=1
    )

    async def both() -> None:
        await _worker(state / "run" / "worker.sock", harbour.answer)
        await uvicorn.Server(settings).serve()

    asyncio.run(both())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), empty="--empty" in sys.argv)
