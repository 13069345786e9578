"""What the figures of a database mean: what deserves attention, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_FULL: Final = 0.8
_COLD: Final = 0.9
_SEEN_ENOUGH: Final = 10_000  # commits since the figures began
_LONG: Final = 3600.0  # seconds
_LATE: Final = 60.0  # seconds
_HELD_BYTES: Final = 1000**3
_WASTED: Final = 0.5
_WASTED_BYTES: Final = 100 * 1000**2


def warnings(figures: Mapping[str, Any]) -> Iterator[str]:
    """What somebody should look at, each with the remedy."""
    connections = figures["connections"]
    if connections["now"] >= _FULL * connections["most"]:
        yield (
            f"{connections['now']} of {connections['most']} connections are taken: use a pool, or fewer tasks"
        )
    hit = figures["cache_hit"]
    if hit is not None and hit < _COLD and figures["counts"]["commits"] > _SEEN_ENOUGH:
        yield f"only {hit:.0%} of the pages come from memory: give it more (resources.limits.memory)"
    longest = figures["longest_transaction"]
    if longest and longest["seconds"] > _LONG:
        yield (
            f"a transaction of {longest['user']} is open for {longest['seconds'] / 3600:.1f} hours (pid"
            f" {longest['pid']}, {longest['state']}), so nothing deleted since is cleaned up: end it,"
            f" SELECT pg_terminate_backend({longest['pid']})"
        )
    for slot in figures["slots"]:
        if not slot["is_active"] and (slot["held_bytes"] or 0) > _HELD_BYTES:
            yield (
                f"nobody reads the replication slot {slot['name']}, which holds"
                f" {slot['held_bytes'] / 1e6:.0f} MB of WAL on the disk: drop it,"
                f" SELECT pg_drop_replication_slot('{slot['name']}')"
            )
    archive = figures["archive"]
    if archive["is_on"] and archive["waiting_seconds"] > _LATE:
        yield (
            f"{archive['waiting']} segments of WAL wait to be saved, the first one for"
            f" {archive['waiting_seconds']:.0f} s: havre backup list says why"
        )
    if not archive["is_on"]:
        yield "changes are not saved continuously: switch backups on (backups: true)"
    for table in figures["bloat"]:
        if table["wasted"] > max(_WASTED_BYTES, _WASTED * table["size"]):
            yield (
                f"{table['schema']}.{table['table']} wastes about {table['wasted'] / 1e6:.0f} of"
                f" {table['size'] / 1e6:.0f} MB: VACUUM FULL rewrites it, and locks it meanwhile"
            )
