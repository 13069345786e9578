"""A canary: the new release gets a growing share of the requests, while it is compared with the old one.

Both run at full strength, so giving up is one file write. What each answered comes from the router's own
counters, read every second; compared is what both did in the same last minute.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from havre.adapters import traefik
from havre.adapters.host import moments
from havre.domain import canary, naming, promotion
from havre.domain.canary import Limits, Stage, Traffic
from havre.domain.moments import Moment, seconds_between
from havre.domain.promotion import ABORT
from havre.domain.snapshot import ENDED
from havre.errors import Cancelled, EngineError, RolloutError, ServerError
from havre.operations.context import Run
from havre.operations.rollout.gate import watch
from havre.operations.rollout.shifting import share
from havre.operations.rollout.target import Target
from havre.records import canaries

_LOOK: Final = 0.25  # seconds between looks at tasks and requests
_READ: Final = 1.0  # seconds between readings of the router's counters
_WINDOW: Final = 60.0  # seconds that are compared
_TELL: Final = 10.0  # seconds between lines of the log
_BLIND: Final = 15.0  # seconds without the router's counters after which a canary is given up


def run_canary(target: Target) -> str:
    """Take the services that go out as canaries through their weights; says what it came to.

    Raises:
        Cancelled: somebody asked to give it up.
        RolloutError: the new release is worse, or nobody promoted it in time.
    """
    names = [name for name in target.release.swarm_services if target.is_canary(name)]
    if not names:
        return ""
    watched = _Watch(target, tuple(names))
    stages = canary.stages({name: target.service(name).strategy.weights or () for name in names})
    at = int((target.run.operation.result.get("canary") or {"stage": 0})["stage"])
    held = []
    while at < len(stages):
        held.append(str(stages[at]))
        at = _hold(target, watched, stages, at)
    return f"{', '.join(held)}; {watched.said}" if held else "was a canary already"


def _hold(target: Target, watched: _Watch, stages: Sequence[Stage], at: int) -> int:
    """Stay at one stage until its time is over or somebody asks; the stage that follows."""
    run, stage = target.run, stages[at]
    begun = run.operation.result.get("canary") or {}
    if begun.get("stage") != at or not begun.get("since"):
        run.remember(canary={"stage": at, "since": moments.now().facts()})
    sticky = frozenset(name for name, _ in stage.weights if target.service(name).strategy.sticky)
    run.part(f"stage-{at}", f"release {target.release.number} gets {stage} of the requests")
    share(run, target.release, target.replaced_target().release, dict(stage.weights), sticky=sticky)
    run.part(f"stage-{at}-waits")
    patience = _patience(target, watched.names)
    spent = seconds_between(Moment(**run.operation.result["canary"]["since"]), moments.now())
    left = patience.seconds - spent
    watched.begin()
    for elapsed in run.wait(every=_LOOK, at_most=inf):
        watched.look()
        request = canaries.asked(run.operation)
        asked = request.at(at)
        if asked == ABORT:
            raise Cancelled(f"the canary was given up at {stage}, as asked")
        is_time_over = elapsed >= left and watched.has_seen
        if is_time_over and patience.is_manual and not asked:
            raise RolloutError(
                f"nobody promoted the canary within {patience.seconds / 3600:g} h at {stage}",
                hint="`havre promote` goes on; `expires` in havre.yaml says how long it is waited for",
            )
        if asked or is_time_over:
            following = promotion.following(at, len(stages), asked)
            moved = {"stage": following, **({"over": True} if following == len(stages) else {})}
            if canaries.move(run.operation, request, moved):
                run.log(f"promoted at {stage}" if asked else f"goes on after {stage}")
                return following
    raise RuntimeError("the wait has no end")


@dataclass(frozen=True)
class _Patience:
    seconds: float
    is_manual: bool


def _patience(target: Target, names: tuple[str, ...]) -> _Patience:
    """How long a stage lasts: of several services the most careful one says."""
    strategies = [target.service(name).strategy for name in names]
    if any(strategy.promote == "manual" for strategy in strategies):
        return _Patience(min(s.expires or 0.0 for s in strategies if s.promote == "manual"), is_manual=True)
    return _Patience(max(s.pause or 0.0 for s in strategies), is_manual=False)


class _Watch:
    """Reads what both releases answered, and gives up when the new one is worse."""

    def __init__(self, target: Target, names: tuple[str, ...]) -> None:
        self.names = names
        self.said = ""
        self.has_seen = False
        self._target = target
        self._read: dict[str, tuple[Traffic, Traffic]] = {}
        self._counts: dict[str, tuple[Traffic, Traffic]] = {}
        self._warm: dict[str, tuple[Traffic, Traffic]] = {}
        self._readings: deque[tuple[float, Mapping[str, tuple[Traffic, Traffic]]]] = deque()
        self._read_at = self._seen_at = self._told_at = time.monotonic()
        serving = target.release.swarm_services.values()
        tasks = target.tasks(serving).values()
        self._ended = {task.id for each in tasks for task in each if task.state in ENDED}

    def begin(self) -> None:
        """A new stage begins: it has not been seen yet."""
        self.has_seen = False

    def look(self) -> None:
        """Look at the tasks, and every second at the counters.

        Raises:
            RolloutError: a task of the new release ended, or the release is worse than the old one.
        """
        watch(self._target, self._ended)
        now = time.monotonic()
        if self._readings and now - self._read_at < _READ:
            return
        self._read_at = now
        try:
            text = self._target.routing.connect().metrics()
        except (ServerError, EngineError) as error:
            if now - self._seen_at > _BLIND:
                raise RolloutError(
                    f"the canary cannot be watched: {error.message}", hint=error.hint, retryable=True
                ) from error
            return
        self._seen_at = now
        self.has_seen = True
        self._readings.append((now, {name: self._counted(name, text) for name in self.names}))
        while len(self._readings) > 2 and now - self._readings[1][0] >= _WINDOW:  # noqa: PLR2004 - keep one
            self._readings.popleft()
        self._judge()

    def _counted(self, name: str, text: str) -> tuple[Traffic, Traffic]:
        """What the live release and the new one answered since this watch began; it never falls."""
        read = traefik.traffic(text, self._full(name))
        before, counted = self._read.get(name, read), self._counts.get(name, (Traffic(), Traffic()))
        self._read[name] = read
        live, new = (
            total.plus(now.since(then)) for total, now, then in zip(counted, read, before, strict=True)
        )
        self._counts[name] = (live, new)
        return live, new

    def _judge(self) -> None:
        (_, first), (now, last) = self._readings[0], self._readings[-1]
        said = []
        for name in self.names:
            old, new = (after.since(before) for before, after in zip(first[name], last[name], strict=True))
            strategy = self._target.service(name).strategy
            limits = Limits(
                strategy.max_error_rate or 1.0, strategy.max_latency or 1.0, strategy.min_requests or 1
            )
            said.append(f"{name}: new {new}; old {old}")
            warm = self._since_warm(name, last[name], limits)
            if reason := canary.worse(new, old, limits, warm=(warm[1], warm[0])):
                raise RolloutError(
                    f"{name} of release {self._target.release.number} is worse than the release it was to"
                    f" replace: {reason}",
                    hint="all requests go to the old release again; `havre logs` shows what the new one said",
                )
        self.said = ", ".join(said)
        if now - self._told_at >= _TELL:
            self._told_at = now
            self._target.run.log(self.said)

    def _since_warm(self, name: str, now: tuple[Traffic, Traffic], limits: Limits) -> tuple[Traffic, Traffic]:
        """What both answered in the window since the new release had its first requests: old, new."""
        _, in_window = self._readings[0]
        if name not in self._warm and now[1].requests >= limits.min_requests:
            self._warm[name] = now
        begun = self._warm.get(name, now)
        if in_window[name][1].requests > begun[1].requests:
            begun = in_window[name]
        old, new = (after.since(before) for before, after in zip(begun, now, strict=True))
        return old, new

    def _full(self, name: str) -> str:
        run: Run = self._target.run
        return naming.service_name(run.project, run.environment.name, name)
