"""The page of the benchmarks: what it shows, and that it is current."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "bench" / "results"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_page", ROOT / "bench" / "_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(bench: str = "footprint", *, quick: bool = False, **figure: Any) -> dict[str, Any]:
    shown = {
        "name": "resident",
        "value": 147.26,
        "unit": "MB",
        "goal": 160.0,
        "comparator": "<=",
        "note": "",
        "reached": True,
        **figure,
    }
    return {
        "bench": bench,
        "quick": quick,
        "at": "2026-11-22T23:00:00+00:00",
        "seconds": 81.4,
        "commit": "0123456789ab",
        "machine": {
            "cpu": "A processor",
            "cores": 2,
            "memory_gb": 23.5,
            "kernel": "6.18",
            "system": "Debian",
            "python": "3.11.2",
            "engine": "20.10.24",
        },
        "figures": [shown],
    }


def test_the_page_is_what_the_results_make(pages: ModuleType) -> None:
    assert pages.PAGE.read_text() == pages.current(RESULTS), "run: python bench/_page.py"


def test_the_results_are_of_full_runs_of_committed_code() -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "bench/results/*.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split():
        stored = json.loads((ROOT / name).read_text())
        assert stored["quick"] is False, name
        assert stored["bench"] == Path(name).stem
        assert stored["machine"]["engine"] != "none"


def test_a_figure_is_shown_with_its_goal_and_verdict(pages: ModuleType) -> None:
    text = pages.page([result(note="of 3 runs")])
    assert "| resident | 147 MB | ≤ 160 | reached; of 3 runs |" in text
    assert "Idle footprint" in text
    assert "commit `0123456789ab`" in text


def test_a_missed_goal_stands_out_and_a_bar_does_not_end_the_cell(pages: ModuleType) -> None:
    text = pages.page([result(name="a|b", value=0.0312, goal=0.01, reached=False)])
    assert "| a\\|b | 0.0312 MB | ≤ 0.01 | **missed** |" in text


def test_short_runs_are_left_out_and_missing_results_named(pages: ModuleType) -> None:
    text = pages.page([result("rollout", quick=True), result("footprint")])
    assert "## rollout" not in text
    assert "`rollout`" in text.split("## Without a result")[1]
