"""Times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime

from havre.errors import UsageError


def shown(at: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def read(text: str) -> datetime:
    """A time that somebody wrote, in UTC: as ISO 8601 has it, of this machine's zone unless it names one.

    Raises:
        UsageError: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text!r} is not a time", hint="write it like '2026-11-20 14:32', or '2026-11-20T14:32:05Z'"
        ) from error
