"""The steps of a rollout, as operations put them into their runbooks."""

from __future__ import annotations

from havre.operations import data_services, drift
from havre.operations.context import Run, Step
from havre.operations.rollout.canary import run_canary
from havre.operations.rollout.gate import gate
from havre.operations.rollout.rolling import roll
from havre.operations.rollout.start import hold, start
from havre.operations.rollout.switch import converge, drain, prove, switch
from havre.operations.rollout.target import Target
from havre.operations.rollout.undo import undo
from havre.operations.workloads import Composition
from havre.records.models import Release


class Rollout:
    """Takes an environment to the release that ``take`` names; its draft says what to run.

    Args:
        run: the operation.
        is_gradual: whether services whose strategy is canary go out as one. Returning to what served
            before, and starting it anew, should not take its time.
    """

    def __init__(self, run: Run, *, is_gradual: bool = False) -> None:
        self.run = run
        self._target = Target(run, is_gradual=is_gradual)

    def take(self, release: Release, *, force: frozenset[str] = frozenset()) -> None:
        """Say which release to go to, and which services start anew even if nothing changed."""
        self._target.take(release, force=force)

    @property
    def is_taken(self) -> bool:
        """Whether an earlier step, or an earlier run of it, said which release to go to."""
        return self._target.is_taken

    @property
    def composition(self) -> Composition:
        """The release as workloads; made when its images are known."""
        return self._target.composition

    @property
    def data_step(self) -> Step:
        """The step that comes before a release command may use the databases."""
        return Step("data", "Prepare databases and networks", self.prepare_data)

    @property
    def kept_data_step(self) -> Step:
        """The same where code changes and data does not."""
        return Step("data", "Find databases and networks", self.keep_data)

    @property
    def switch_steps(self) -> tuple[Step, ...]:
        """The steps from a prepared release to one that serves alone."""
        return (
            Step("start", "Start the release beside the one that serves", self.start),
            Step("gate", "Wait until it is healthy", self.gate),
            Step("shift", "Shift the traffic in steps", self.shift),
            Step("switch", "Switch the traffic", self.switch),
            Step("prove", "Ask it through the public route", self.prove),
            Step("drain", "Let the replaced release finish", self.drain),
            Step("converge", "Wait for the engine to converge", self.converge),
        )

    def prepare_data(self) -> str:
        """Networks, secrets, databases and caches, as this release wants them."""
        return data_services.apply(self.run, self.composition, self._target.data_failure)

    def keep_data(self) -> str:
        """Networks and secrets, and databases and caches as they run now."""
        return data_services.keep(self.run, self.composition, self._target.data_failure)

    def hold(self) -> str:
        """Stop every application of both releases: while data change places nobody may write."""
        return hold(self._target)

    def start(self) -> str:
        """Start what changed, beside what serves."""
        return start(self._target)

    def gate(self) -> str:
        """Wait until it is healthy."""
        return gate(self._target)

    def shift(self) -> str:
        """Let it take over step by step, where the manifest asks for it."""
        done = [run_canary(self._target), roll(self._target)]
        return "; ".join(filter(None, done)) or "at once"

    def switch(self) -> str:
        """Make it the live one."""
        return switch(self._target)

    def prove(self) -> str:
        """Ask it through the public route."""
        return prove(self._target)

    def drain(self) -> str:
        """Let what served before finish."""
        return drain(self._target)

    def converge(self) -> str:
        """Wait for the engine to run just what it wants; what was changed by hand is put back then."""
        done = converge(self._target)
        drift.settle(self.run.platform, self.run.environment)
        return done

    def undo(self) -> str:
        """Let what served before serve again."""
        return undo(self._target)
