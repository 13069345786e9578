"""What becomes of the bytes of one service's log: which lines are kept, and the records they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from havre.domain.logs.frames import Frames, Lines
from havre.domain.logs.joining import Joiner
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record
from havre.domain.logs.resuming import Resumed
from havre.domain.logs.sampling import Jump, Meter, when_behind

HAVRE: Final = "havre"
"""The stream of what Havre itself says."""
_NANO: Final = 1_000_000_000


@dataclass
class Intake:
    """The state of following one service.

    Args:
        release: number of the release that it runs, 0 if none.
        meter: of its source; services of one source share it.
        resumed: what of it is stored already.
        redact: takes secrets out.
    """

    release: int
    meter: Meter
    resumed: Resumed
    redact: Callable[[str], str] = str
    newest: int = 0
    """Nanoseconds of the last line that was seen."""
    _frames: Frames = field(default_factory=Frames)
    _lines: Lines = field(default_factory=Lines)
    _joiner: Joiner = field(init=False)
    _is_thinning: bool = False

    def __post_init__(self) -> None:
        self._joiner = Joiner(self.release, self.redact)

    def feed(self, data: bytes, steady: float) -> list[Record]:
        """Take what came; the records that are complete.

        Args:
            data: bytes of the engine's stream.
            steady: seconds of a steady clock.

        Raises:
            ValueError: it is no stream of frames.
        """
        frames = self._frames.feed(data)
        kept = self.meter.admit(steady, len(frames))
        self._is_thinning = kept < len(frames)
        found = []
        for frame in frames[:kept]:
            line = self._lines.line(frame)
            if line is None:
                continue
            self.newest = max(self.newest, line.at)
            if self.resumed.is_new(line) and (record := self._joiner.add(line)) is not None:
                found.append(record)
        if self._is_thinning and (line := self._lines.line(frames[-1])) is not None:
            self.newest = max(self.newest, line.at)
        return found

    def restarted(self, resumed: Resumed) -> None:
        """The stream is read anew: halves of what came before are forgotten."""
        self._frames, self._lines, self.resumed = Frames(), Lines(), resumed

    def quiet(self) -> list[Record]:
        """The records that got no line for a while; to be asked every half second or so."""
        return list(self._joiner.complete(only_idle=True))

    def end(self) -> list[Record]:
        """The records that are not complete, when nothing more comes."""
        return list(self._joiner.complete())

    def jump(self, now: float) -> Jump | None:
        """Whether to leave out what was written meanwhile, ``now`` in seconds of the epoch."""
        return when_behind(self.newest / _NANO, now, is_thinning=self._is_thinning) if self.newest else None


def said(text: str, at: int, *, level: Level = Level.INFO, key: str = "") -> Record:
    """What Havre itself says in a stream.

    Args:
        text: what.
        at: nanoseconds of the epoch.
        level: how bad it is.
        key: names it, where it must not be said twice.
    """
    return Record(at, at, level, key, HAVRE, 0, text)
