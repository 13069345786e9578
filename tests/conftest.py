"""What every test run has in common: cheap tests first, one line of coverage at the end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
from pathlib import Path
from typing import Any

import coverage
import coverage.exceptions
import pytest
import pytest_rerunfailures
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
KINDS = ("unit", "integration", "e2e")
"""Folders of tests, cheapest first."""

# The machines are shared: how long an example takes says nothing about the code.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")

# Of two test processes each is in the network of its engine, where the one who counts reruns over the
# crash of a process cannot be reached.
pytest_rerunfailures.HAS_PYTEST_HANDLECRASHITEM = False

# A shell without job control starts what it puts into the background with Ctrl-C ignored, which
# children inherit; tests send it to commands.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _audit_log_is_emptied_between_tests() -> None:
    """Let Django empty the tables after a test: the log's own triggers would refuse that."""
    from django.db.backends.sqlite3.operations import DatabaseOperations  # noqa: PLC0415 - after settings

    from havre.records import append_only  # noqa: PLC0415

    table, vendor, flush = "records_auditentry", "sqlite", DatabaseOperations.sql_flush

    def emptied(self: DatabaseOperations, *arguments: Any, **named: Any) -> list[str]:
        statements = flush(self, *arguments, **named)
        if not any(table in each for each in statements):
            return statements
        return [*append_only.opening(vendor, table), *statements, *append_only.closing(vendor, table)]

    DatabaseOperations.sql_flush = emptied  # type: ignore[method-assign]


def _kind(item: pytest.Item) -> str:
    """The folder below tests/ that a test lies in; what lies elsewhere counts as unit."""
    relative = item.path.relative_to(TESTS) if item.path.is_relative_to(TESTS) else item.path
    return relative.parts[0] if relative.parts[0] in KINDS else KINDS[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The crash matrix last: it does everything at once, and of two processes the other one is idle then.
    items.sort(key=lambda item: (KINDS.index(_kind(item)), "crash" in item.path.parts))
    for item in items:
        kind = _kind(item)
        if kind != "unit":
            item.add_marker(kind)
            if "HAVRE_TEST_DOCKER_HOST" not in os.environ:
                item.add_marker(pytest.mark.skip(reason=f"needs an engine: bin/test {kind}"))
            # The machines are shared: what fails is tried twice more, and the summary counts it.
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    controller = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is None:
        return
    with contextlib.suppress(coverage.exceptions.NoDataError):
        total = controller.cov.report(file=io.StringIO(), ignore_errors=True)
        terminalreporter.write_line(f"coverage {total:.0f} % (details: .venv/bin/coverage report)")
