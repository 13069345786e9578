"""The API by its own OpenAPI document: whatever is sent, it answers as documented and never fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs" / "reference" / "openapi.json").read_text())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
STREAMS = ("/events", "/logs")
EXAMPLES = 12


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_every_answer_is_one_that_is_documented(
    ask: Callable[..., httpx.Response], operation: schemathesis.APIOperation
) -> None:
    if operation.path.endswith(STREAMS):
        pytest.skip("a stream that does not end; its own tests follow it")

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        path = case.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        body = None if isinstance(case.body, schemathesis.core.NotSet) else case.body
        answer = ask(case.method, path, body, params=dict(case.query or {}))
        assert answer.status_code < 500 or answer.status_code == 503, (answer.status_code, answer.text)
        assert "Traceback" not in answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == answer.status_code

    check()
