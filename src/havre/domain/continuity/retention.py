"""How long copies in restic's repositories are kept, and whose policy counts for which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from havre.domain.continuity.archive import REPLACED, STATE


@dataclass(frozen=True)
class Retention:
    """How many days, weeks and months keep their newest copy; the newest of everything stays anyway."""

    daily: int = 7
    weekly: int = 0
    monthly: int = 0

    @property
    def arguments(self) -> tuple[str, ...]:
        """As ``restic forget`` takes it.

        The newest two stay even if they are of one day: one of them may be found bad.
        """
        counts = (("daily", self.daily), ("weekly", self.weekly), ("monthly", self.monthly))
        return ("--keep-last=2", *(f"--keep-{name}={count}" for name, count in counts if count))

    def kept_until(self, moment: datetime) -> datetime:
        """When the newest copy of before a moment is gone at the latest, while copies go on being made."""
        return moment + timedelta(days=max(self.daily, 7 * self.weekly, 31 * self.monthly))

    def __str__(self) -> str:
        counts = ((self.daily, "days"), (self.weekly, "weeks"), (self.monthly, "months"))
        return ", ".join(f"{count} {name}" for count, name in counts if count)


def longest(policies: Iterable[Retention]) -> Retention:
    """What keeps at least as much as each of them; the default without any."""
    found = list(policies)
    if not found:
        return Retention()
    return Retention(
        max(each.daily for each in found),
        max(each.weekly for each in found),
        max(each.monthly for each in found),
    )


def by_policy(tags: Iterable[str], policies: Mapping[str, Retention]) -> dict[Retention, tuple[str, ...]]:
    """Which things go by which policy: one repository holds those of every environment of the server.

    Args:
        tags: of what is saved.
        policies: by environment (``PROJECT-NAME``). What is of none of them, such as the state of the server
            or what a destroyed one left, is kept as long as any of them keeps. What restores replaced goes by
            none: somebody confirms that it may go.
    """
    found: dict[Retention, list[str]] = {}
    common = longest(policies.values())
    for tag in sorted({each for each in tags if not each.startswith(REPLACED)}):
        owner = _owner(tag, policies)
        found.setdefault(policies[owner] if owner else common, []).append(tag)
    return {policy: tuple(of) for policy, of in found.items()}


def _owner(tag: str, policies: Mapping[str, Retention]) -> str:
    """The environment that a thing is of; the longest name, for one may begin as another."""
    if tag == STATE:
        return ""
    name = tag.partition(":")[2].partition("/")[0]
    fitting = [each for each in policies if name == each or name.startswith(f"{each}-")]
    return max(fitting, key=len, default="")
