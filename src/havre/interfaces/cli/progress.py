"""What is known of an operation from its events, as plain values."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from havre.interfaces.cli.client import Received

_KEPT_LINES = 200


@dataclass
class StepSeen:
    """A step as last heard of; ``seconds`` is its final duration, ``started`` a time of this machine."""

    name: str
    title: str
    state: str = "pending"
    message: str = ""
    started: datetime | None = None
    seconds: float | None = None

    def lasting(self, now: datetime) -> float | None:
        """Seconds that it took, or takes already."""
        if self.seconds is not None or self.started is None or self.state == "pending":
            return self.seconds
        return max(0.0, (now - self.started).total_seconds())


@dataclass
class Progress:
    """An operation being followed."""

    steps: dict[str, StepSeen] = field(default_factory=dict)
    lines: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES))
    failed_lines: list[str] = field(default_factory=list)
    attempt: int = 1
    state: str = "queued"
    error: dict[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    over: bool = False

    @classmethod
    def of(cls, operation: dict[str, Any]) -> Progress:
        """Begin from the operation as the API describes it: its steps stay pending until their events."""
        steps = {
            step["name"]: StepSeen(step["name"], step.get("title") or step["name"])
            for step in operation.get("steps") or ()
        }
        return cls(steps=steps, state=str(operation.get("state") or "queued"))

    def apply(self, event: Received, now: datetime) -> None:
        """Take in one event, received now.

        An event that is replayed carries the server's time; a step that began before this command
        then shows its true duration, as far as the two clocks agree.
        """
        data = event.data
        if event.kind == "plan":
            self._plan(data)
        elif event.kind == "step":
            self.state = "running"
            self._step(data, _moment(data.get("at"), now))
        elif event.kind == "log":
            self.lines.append((str(data.get("source") or ""), str(data.get("line") or "")))
        elif event.kind == "outcome":
            self.over = True
            self.state = str(data.get("state") or "failed")
            self.error = data.get("error")
            self.result = data.get("result") or {}

    def _plan(self, data: dict[str, Any]) -> None:
        """Take the steps to come in their order; those of an earlier attempt begin anew."""
        self.attempt = int(data.get("attempt") or 1)
        self.steps = {
            step["name"]: StepSeen(step["name"], step.get("title") or step["name"])
            for step in data.get("steps") or ()
        }

    def _step(self, data: dict[str, Any], at: datetime) -> None:
        name = str(data["name"])
        step = self.steps.setdefault(name, StepSeen(name, name))
        before = step.state
        step.title = str(data.get("title") or step.title)
        step.state = str(data.get("state") or step.state)
        step.message = str(data.get("message") or "")
        if step.state == "running":
            if before != "running" or step.started is None:
                step.started, step.seconds = at, None
                self.lines.clear()
        elif step.state != "pending":
            seconds = data.get("seconds")
            step.seconds = float(seconds) if seconds is not None else step.lasting(at)
            if step.state == "failed" and not self.failed_lines:
                # What follows, undoing, has lines of its own: they are not the cause.
                self.failed_lines = [line for _, line in self.lines]

    def current(self) -> StepSeen | None:
        """The step that runs, None between steps."""
        return next((step for step in reversed(self.steps.values()) if step.state == "running"), None)

    def last_lines(self, count: int) -> list[str]:
        """The last log lines of the step that runs."""
        return [line for _, line in list(self.lines)[-count:]]

    def cause(self, count: int) -> list[str]:
        """The last log lines of the step that failed, empty if none did."""
        return self.failed_lines[-count:]


def _moment(text: Any, now: datetime) -> datetime:
    """A server's time, but never in the future of this machine's clock."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return now
    return min(now, at if at.tzinfo else at.replace(tzinfo=UTC))
