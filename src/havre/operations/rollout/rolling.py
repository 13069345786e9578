"""A rolling update: some new tasks, as many old ones fewer, until all are new.

Swarm picks the tasks that it stops itself when a service is scaled down, and tells nobody before. To
take the requests from a task before it is stopped, one has to know which it will be. So the task is
chosen here, gets no new requests, has its ``drain`` to finish those it has, and is stopped like Swarm
stops it; Swarm plans another one in its place, and while that one does not run yet, the service is
scaled down: tasks that do not run are the first that Swarm gives up (moby/swarmkit,
``slotsByRunningState`` in ``manager/orchestrator/replicated``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from havre.domain import rollout
from havre.domain.rollout import Move
from havre.domain.snapshot import ENDED, Service, Task
from havre.errors import RolloutError
from havre.operations.rollout.gate import gate, watch
from havre.operations.rollout.shifting import share
from havre.operations.rollout.target import Target
from havre.operations.routing import shift_of

_REPLACED_WITHIN: Final = 10.0  # seconds until Swarm has planned a task in the place of one that ended
_AT_ONCE: Final = 0.02  # seconds between looks: the planned task starts half a second later


def roll(target: Target) -> str:
    """Take the services that roll to the release, one after the other."""
    done = [
        f"{name} in steps of {target.step(name)}"
        for name in target.release.swarm_services
        if target.rolls(name) and _Update(name, target, target.replaced_target(), target.step(name)).run()
    ]
    return ", ".join(done)


def roll_back(target: Target, name: str) -> None:
    """Take one service back to the replaced release in the same steps: there is no room for more."""
    _Update(name, target.replaced_target(), target, target.step(name)).run()


@dataclass(frozen=True)
class _Update:
    """One service from the release of ``source`` to the one of ``target``."""

    name: str
    target: Target
    source: Target
    step: int

    def run(self) -> bool:
        """Move by move until only the target's tasks are left; False if nothing had to be done."""
        wanted, before = self.target.wanted(self.name), self.source.wanted(self.name)
        moved = False
        while True:
            old, new = self._services()
            move, count = rollout.next_move(
                old=old.replicas if old else 0,
                new=new.replicas,
                wanted=wanted,
                step=self.step,
                ceiling=max(wanted, before) + self.step,
            )
            if move is Move.DONE:
                return moved
            moved = True
            there = old.replicas if old else 0
            part = f"{self.name}-{there}-{new.replicas}"
            self.target.run.part(part, f"{self.name}: {there} old tasks, {new.replicas} new")
            if move is Move.ADD:
                self._add(new, new.replicas + count)
            elif old:
                self._retire(old, count, part)

    def _add(self, service: Service, replicas: int) -> None:
        self.target.engine.scale(service.name, replicas)
        gate(self.target, {self.name: replicas})
        self._share()

    def _retire(self, service: Service, count: int, part: str) -> None:
        leaving = shift.leaving if (shift := shift_of(self.target.run.environment)) else frozenset()
        serving = frozenset(task.id for task in service.tasks if self.target.routing.is_admitted(task.id))
        chosen = rollout.victims(service.tasks, count, leaving=leaving, serving=serving)
        self._share(frozenset(task.id for task in chosen))
        if any(task.is_running and task.id in serving for task in chosen):
            self._drain()
        self.target.run.part(f"{part}-drained")
        for task in chosen:
            self._stop(service.name, task, part)
        self._share()

    def _share(self, leaving: frozenset[str] = frozenset()) -> None:
        share(self.target.run, self.target.release, self.source.release, {self.name: None}, leaving=leaving)

    def _drain(self) -> None:
        """Let the chosen tasks finish what they have; only the router can be told to send no more."""
        service = self.source.service(self.name)
        if not service.domains:
            return
        own = self.target.release.swarm_services[self.name]
        known = {task.id for task in self.target.tasks([own])[own] if not task.is_running}
        for _ in self.target.run.wait(every=0.2, at_most=float(service.drain)):
            if not self.target.run.undoing:
                watch(self.target, known)

    def _stop(self, swarm_name: str, task: Task, part: str) -> None:
        """Stop this task, and let Swarm want one fewer while its successor does not run yet."""
        engine, run = self.target.engine, self.target.run
        grace = float(self.source.service(self.name).stop_grace)
        for _ in run.wait(every=_AT_ONCE, at_most=_REPLACED_WITHIN):
            # The chosen task, then what Swarm plans in its place; that never got a request.
            current = self._in_slot(swarm_name, task)
            if current and current.container and current.state in {"starting", "running"}:
                if not engine.stop_container(current.container, grace):
                    break  # on another node: Swarm chooses
            elif current and current.node and current.state not in ENDED:
                break  # planned and placed; before that Swarm would keep its place
        run.part(f"{part}-stopped-{task.slot}")
        old, _ = self._services()
        replicas = old.replicas - 1 if old else 0
        engine.scale(swarm_name, replicas)
        for _ in run.wait(every=0.1, at_most=grace + _REPLACED_WITHIN):
            left = [t for t in engine.tasks_of([swarm_name]) if t.state not in ENDED and t.container]
            if len(left) <= replicas:
                return
        raise RolloutError(
            f"a task of {swarm_name} does not stop", hint="`havre ps` and `havre logs` show its state"
        )

    def _in_slot(self, swarm_name: str, task: Task) -> Task | None:
        """The newest task in the place of this one, if Swarm wants one there."""
        return next(
            (
                other
                for other in self.target.engine.tasks_of([swarm_name])
                if other.slot == task.slot and other.desired in {"ready", "running"}
            ),
            None,
        )

    def _services(self) -> tuple[Service | None, Service]:
        run = self.target.run
        snapshot = self.target.engine.environment(run.project, run.environment.name)
        new = snapshot.get(self.target.release.swarm_services[self.name])
        if new is None:
            raise RolloutError(f"{self.target.release.swarm_services[self.name]} is gone")
        return snapshot.get(self.source.release.swarm_services[self.name]), new
