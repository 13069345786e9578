"""What a service answered between two looks: requests a second, share of errors, latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from havre.domain.metrics.counters import Reading, growth, percentile, rates

PERCENTILES: Final = {"latency.p50": 0.5, "latency.p95": 0.95, "latency.p99": 0.99}
_ERRORS: Final = "5xx"


def traffic(
    before: Reading | None,
    now: Reading,
    within_before: Mapping[float, float],
    within: Mapping[float, float],
) -> dict[str, float]:
    """By the name of the series; without requests there is neither a latency nor a share of errors.

    Args:
        before: the earlier reading; None if this is the first one.
        now: counters ``1xx`` to ``5xx`` (answers) and ``sent_bytes``.
        within_before: cumulative histogram of seconds, of the earlier reading.
        within: the same of this one.
    """
    if before is not None:
        # A class of which there was no answer yet is not told at all: it was zero.
        before = Reading(before.at, dict.fromkeys(now.counts, 0.0) | dict(before.counts))
    grown = rates(before, now)
    if not grown:
        return {}
    classes = {name: rate for name, rate in grown.items() if name.endswith("xx")}
    total = sum(classes.values())
    found = {f"requests.{name}": rate for name, rate in classes.items()}
    found["requests"] = total
    if "sent_bytes" in grown:
        found["sent_bytes"] = grown["sent_bytes"]
    if total:
        found["errors_share"] = classes.get(_ERRORS, 0.0) / total
        between = growth(within_before, within)
        for name, share in PERCENTILES.items():
            if (seconds := percentile(share, between)) is not None:
                found[name] = seconds
    return found
