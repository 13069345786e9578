"""The harness of the benches: goals decide the exit code, results are complete."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def harness() -> ModuleType:
    path = Path(__file__).parents[3] / "bench" / "harness.py"
    spec = importlib.util.spec_from_file_location("bench_harness", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_harness"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("value", "goal", "comparator", "reached"),
    [(1.5, 1.5, "<=", True), (1.51, 1.5, "<=", False), (200, 200, ">=", True), (199, 200, ">=", False),
     (0, 0, "==", True), (1, 0, "==", False), (7, None, "<=", None)],
)  # fmt: skip
def test_a_goal_is_reached_or_missed(
    harness: ModuleType, value: float, goal: float | None, comparator: str, reached: object
) -> None:
    bench = harness.Bench("x")
    assert bench.figure("f", value, goal=goal, comparator=comparator).reached is reached


def test_a_missed_goal_is_the_exit_code_and_in_the_file(
    harness: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HAVRE_TEST_DOCKER_HOST", raising=False)
    bench = harness.Bench("x")
    bench.figure("fine", 1, goal=2, unit="s")
    assert bench.finish(results=tmp_path) == 0
    bench.figure("bad", 3, goal=2, unit="s")
    assert bench.finish(results=tmp_path) == 1
    written = json.loads((tmp_path / "x.json").read_text())
    assert written["goals_missed"] == ["bad"]
    assert [figure["reached"] for figure in written["figures"]] == [True, False]
    assert written["machine"]["cores"] >= 1
    assert written["commit"]
    assert "missed" in capsys.readouterr().out


def test_a_quick_run_never_replaces_a_full_one(
    harness: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAVRE_TEST_DOCKER_HOST", raising=False)
    assert harness.Bench("x", quick=True).finish(results=tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.quick.json"]
