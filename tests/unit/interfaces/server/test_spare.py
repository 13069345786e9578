"""What the processes of a server do not import: it would be in memory for as long as they run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support.server_processes import environment

WEB = """
spare.web()
from havre.interfaces.server.asgi import make_application
make_application()
from django.urls import get_resolver
assert get_resolver().url_patterns
"""
WORKER = """
spare.worker()
import django
django.setup()
import havre.controllers.worker
"""
NEITHER = {"rich", "pygments", "jinja2", "unittest", "apprise", "opentelemetry", "faker", "typer"}


@pytest.mark.parametrize(
    ("role", "others"),
    [
        (WEB, {"smtplib", "docker", "httpx", "requests", "asyncssh"}),
        (WORKER, {"charset_normalizer", "ninja"}),
    ],
    ids=["web", "worker"],
)
def test_what_a_process_does_not_need_is_not_in_its_memory(role, others, tmp_path):
    told = "print(*(name for name, module in sys.modules.items() if module))"
    code = f"import sys\nfrom havre.interfaces.server import spare\n{role}\n{told}"
    module = "havre.worker_settings" if role == WORKER else "havre.settings"
    settings = environment(tmp_path) | {"DJANGO_SETTINGS_MODULE": module}
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", code],
        env=settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {name.partition(".")[0] for name in done.stdout.split()}
    assert sorted(found & (NEITHER | others)) == []
