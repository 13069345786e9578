"""Whether what is stored elsewhere survives somebody who has this server's keys."""

from __future__ import annotations

from dataclasses import dataclass

from havre.domain.doctor import Level, Verdict

_NAME = "Deletion"
_REMEDY = "switch versioning or object lock of the bucket on, and give a key that may not delete versions"


@dataclass(frozen=True)
class Kept:
    """What a bucket says.

    Attributes:
        versioning: ``Enabled``, ``Suspended``, or empty for never switched on; None where it does not say.
        mode: of the lock that new objects get, ``GOVERNANCE`` or ``COMPLIANCE``; empty for none.
        days: for which they are locked.
        has_lock: whether it could lock them.
    """

    versioning: str | None
    mode: str = ""
    days: int = 0
    has_lock: bool = False

    @property
    def survives(self) -> bool | None:
        """Whether what is deleted can be had back; None where nobody knows."""
        if self.mode and self.days:
            return True
        return None if self.versioning is None else self.versioning == "Enabled"

    def __str__(self) -> str:
        if self.mode and self.days:
            kind = "nobody" if self.mode == "COMPLIANCE" else "only who may bypass it"
            return f"objects are locked for {self.days} days: {kind} can delete them before"
        if self.versioning is None:
            return "the storage does not say whether deleted objects are kept"
        if self.versioning == "Enabled":
            kept = (
                "deleted objects are kept as versions, which a key that may delete them could still destroy"
            )
            return f"{kept}; the bucket can lock them: havre backup storage lock" if self.has_lock else kept
        return "DELETED IS GONE: whoever takes this server over can destroy the off-site copies too"


def verdict(kept: Kept) -> Verdict:
    """As ``havre doctor`` says it."""
    return Verdict(
        _NAME,
        Level.WARNING if kept.survives is False else Level.OK,
        str(kept),
        _REMEDY if kept.survives is False else "",
    )
