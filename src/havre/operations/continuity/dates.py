"""Look whether the date may be believed before anything is removed by it; what is known is kept in a file.

In a file of its own, not in the records: those are brought back on another server, whose clocks are others.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Final

from havre.adapters.host import moments
from havre.domain.continuity.dates import Belief, looked

log = logging.getLogger(__name__)

_WRITTEN_EACH: Final = 300.0  # seconds
_LOOKING: Final = threading.Lock()


def look(file: Path) -> Belief:
    """Look at the clocks, and remember what is known of them.

    Args:
        file: of the worker, which alone writes it.
    """
    with _LOOKING:
        before = _read(file)
        found = looked(before, moments.now())
        if before is None or bool(before.doubt) != bool(found.doubt) or _is_old(before, found):
            _write(file, found)
    return found


def known(file: Path) -> Belief:
    """The same without remembering it, for who only tells."""
    return looked(_read(file), moments.now())


def _is_old(before: Belief, found: Belief) -> bool:
    is_same = before.last.boot == found.last.boot
    return not is_same or found.last.steady - before.last.steady > _WRITTEN_EACH


def _read(file: Path) -> Belief | None:
    try:
        return Belief.stored(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read, so the date is believed: %s", file, error)
        return None


def _write(file: Path, found: Belief) -> None:
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_text(json.dumps(found.facts()), encoding="utf-8")
        draft.replace(file)
    except OSError as error:  # a full disk: what is known stands in the next look
        log.warning("%s cannot be written: %s", file, error)
