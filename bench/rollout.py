"""Deployments under load: failed requests, and how soon the new release answers.

Back and forth between versions with 1, 2 and 4 replicas, three shapes of application, 215 requests/s;
then rollbacks to the kept release; then the same load on the baseline (bench/_baseline.py).
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any, Final

from bench._baseline import Baseline, RollingUpdates
from bench._rollouts import LEAST_RATE, SHAPES, Deployments, Measured
from bench._stage import engine, havre, load_average, rounded, scratch
from bench.harness import Bench

BEYOND_BOOT_GOAL: Final = 1.5
ROLLBACK_GOAL: Final = 1.5
# What drains is what the new release's manifest says, so shapes that need more come later.
ORDER: Final = ("graceful",) * 3 + ("boots",) * 3 + ("abrupt",) * 4
BASELINE_ORDER: Final = ("graceful", "boots", "abrupt")


def plan(*, quick: bool) -> dict[int, tuple[tuple[str, ...], tuple[str, ...], int]]:
    """By number of replicas: Havre's deployments, the baseline's updates, and how many rollbacks."""
    if quick:
        return {1: (("boots", "abrupt"), ("abrupt",), 0), 2: (("graceful", "abrupt"), (), 1)}
    return dict.fromkeys((1, 2, 4), (ORDER, BASELINE_ORDER, 3))


def tell(bench: Bench, measured: list[Measured], baselines: dict[int, Baseline]) -> None:
    """Add the figures."""
    for one in measured:
        label = "1 replica" if one.replicas == 1 else f"{one.replicas} replicas"
        _tell_failures(bench, label, one)
        if base := baselines.get(one.replicas):
            _tell_baseline(bench, label, base)
        _tell_times(bench, label, one)
        if one.rollbacks:
            _tell_rollbacks(bench, label, one)
    failed = sum(one.load["failed"] + one.rollback_failures for one in measured)
    sent = sum(one.load["sent"] + one.rollback_requests for one in measured)
    bench.figure("failed requests in all", failed, goal=0, note=f"of {sent:,}")
    bench.figure("baseline, failed requests in all", sum(base.load["failed"] for base in baselines.values()))
    _tell_parts(bench, measured)
    bench.details |= {
        "shapes": {name: shape.title for name, shape in SHAPES.items()},
        "havre": {str(one.replicas): _as_json(one) for one in measured},
        "baseline": {
            str(base.replicas): {"first_answers": base.first_answers, "load": _brief(base.load)}
            for base in baselines.values()
        },
    }


def _tell_failures(bench: Bench, label: str, one: Measured) -> None:
    bench.figure(
        f"failed requests, {label}, {len(one.deployments)} deployments",
        one.load["failed"],
        goal=0,
        note=f"of {one.load['sent']:,}",
    )
    bench.figure(f"load, {label}", one.rate, unit="requests/s", goal=LEAST_RATE, comparator=">=")


def _tell_baseline(bench: Bench, label: str, base: Baseline) -> None:
    bench.figure(
        f"baseline, failed requests, {label}, {base.updates} updates",
        base.load["failed"],
        note=f"of {base.load['sent']:,}",
    )
    if base.first_answers:
        bench.figure(
            f"baseline, update command to first answer, {label}",
            statistics.median(base.first_answers),
            unit="s",
            note="median, boot included",
        )


def _tell_times(bench: Bench, label: str, one: Measured) -> None:
    bench.figure(
        f"image ready to first answer beyond the app's boot, {label}",
        statistics.median(one.beyond_boot),
        unit="s",
        goal=BEYOND_BOOT_GOAL,
        note=f"median, worst {max(one.beyond_boot):.2f}",
    )
    quickest = min(one.boots.values(), key=lambda boot: boot.own)
    boots = ", ".join(f"{shape} {boot.own:.2f}" for shape, boot in one.boots.items())
    bench.figure(
        f"app's own boot, {label}", quickest.own, unit="s", note=f"container start to answer: {boots}"
    )
    bench.figure(
        f"bare docker start to first answer, {label}", quickest.started, unit="s", note="same load, no Swarm"
    )
    bench.figure(
        f"bare service create to running containers, {label}",
        one.engine,
        unit="s",
        note="the engine's own share, same load, same networks",
    )


def _tell_rollbacks(bench: Bench, label: str, one: Measured) -> None:
    bench.figure(
        f"rollback requested to first answer, {label}",
        statistics.median(row["first_answer"] for row in one.rollbacks),
        unit="s",
        goal=ROLLBACK_GOAL,
        note="median; queue, container start, app's boot, probes and switch are in it",
    )
    bench.figure(
        f"failed requests during rollbacks, {label}",
        one.rollback_failures,
        goal=0,
        note=f"of {one.rollback_requests:,} in {len(one.rollbacks)}",
    )


def _tell_parts(bench: Bench, measured: list[Measured]) -> None:
    """What the time until the first answer is made of, of the shapes that start at once."""
    kinds = {
        "image ready": {one.replicas: one.deployments for one in measured},
        "rollback requested": {one.replicas: one.rollbacks for one in measured},
    }
    for since, by_count in kinds.items():
        rows = {
            count: [row["parts"] for row in found if row["shape"] != "boots"]
            for count, found in by_count.items()
        }
        parts = {count: found for count, found in rows.items() if found}
        for name in next(iter(parts.values()), [{}])[0]:
            seconds = {count: statistics.median(one[name] for one in found) for count, found in parts.items()}
            bench.figure(
                f"{since} to first answer: {name}",
                statistics.median(seconds.values()),
                unit="s",
                note="by replicas " + ", ".join(f"{count}: {value:.3f}" for count, value in seconds.items()),
            )


def _as_json(one: Measured) -> dict[str, Any]:
    return {
        "load": _brief(one.load),
        "requests_per_second": round(one.rate, 1),
        "engine_seconds": round(one.engine, 3),
        "boot_seconds": {shape: round(boot.own, 3) for shape, boot in one.boots.items()},
        "beyond_boot_seconds": rounded(one.beyond_boot),
        "deployments": one.deployments,
        "rollbacks": one.rollbacks,
    }


def _brief(load: dict[str, Any]) -> dict[str, Any]:
    return {key: load[key] for key in ("sent", "ok", "failed", "causes", "p50_ms")} | {
        "first_failures": load["failures"][:10]
    }


def main() -> int:
    """Measure Havre and the baseline in one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1 and 2 replicas, 2 deployments each")
    quick = parser.parse_args().quick
    bench = Bench("rollout", quick=quick)
    bench.details["load_average_before"] = load_average()
    wanted = plan(quick=quick)
    with scratch() as folder, engine() as client:
        with havre() as server:
            measured = [
                Deployments(server, client, folder, replicas).run(order, rollbacks=rollbacks)
                for replicas, (order, _, rollbacks) in wanted.items()
            ]
        baselines = {
            replicas: RollingUpdates(client, folder, replicas).run(order)
            for replicas, (_, order, _) in wanted.items()
            if order
        }
    tell(bench, measured, baselines)
    return bench.finish()


if __name__ == "__main__":
    sys.exit(main())
