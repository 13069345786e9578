"""Collects what services write: follows each, stores four times a second, thins out floods, packs days.

One thread with an event loop. What is decided about lines is in :mod:`havre.domain.logs`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import close_old_connections

from havre.adapters.logs import day as days
from havre.adapters.logs import packing
from havre.adapters.logs.writer import LogWriter
from havre.adapters.swarm.log_stream import follow
from havre.domain import naming
from havre.domain.logs.intake import Intake, said
from havre.domain.logs.levels import Level
from havre.domain.logs.record import Record
from havre.domain.logs.resuming import Resumed, read_from
from havre.domain.logs.sampling import Meter, rate_within, rates
from havre.domain.logs.sources import source_of_service
from havre.domain.snapshot import Service
from havre.errors import EngineError, HavreError
from havre.operations.context import Platform
from havre.operations.live_log import LiveLog
from havre.operations.log_marks import LogMarks
from havre.operations.log_secrets import LogSecrets

log = logging.getLogger(__name__)

FLUSH: Final = 0.25  # seconds between two commits
_LOOK: Final = 10.0  # seconds between looks for services when the engine tells of nothing
_KEEP: Final = 60.0  # seconds between looks for days to pack or to delete
_AGAIN: Final = 1.0  # seconds until a stream that ended is opened again
_LONGEST_PAUSE: Final = 10.0  # seconds
_ALL: Final = 20_000.0  # lines a second of all sources together
_BURST: Final = 10  # seconds at full rate that may come at once
_SHARE: Final = 8  # a source may take this part of the disk for logs in a day
_MOST_WAITING: Final = 50_000  # records that wait for a commit; readers wait above it
_LAST_LINES: Final = 10.0  # seconds after a service has gone in which its stream may still end by itself
_PACK_AFTER: Final = 3600.0  # seconds after its end at which a day is packed


@dataclass
class _Followed:
    service: Service
    source: str
    intake: Intake
    task: asyncio.Task[None]
    gone_since: float = 0.0


class LogCollector:
    """The collector of this worker.

    Args:
        platform: what the worker works with.
        store: where records go.
        live: those who follow.
    """

    def __init__(self, platform: Platform, store: LogWriter, live: LiveLog) -> None:
        self._platform = platform
        self._store = store
        self._live = live
        self._secrets = LogSecrets(platform.config)
        self._marks = LogMarks(store)
        self._followed: dict[str, _Followed] = {}
        self._meters: dict[str, Meter] = {}
        self._waiting: dict[str, list[Record]] = {}
        self._count = 0
        self._used: dict[str, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None
        self._storing: asyncio.Lock | None = None

    def start(self) -> threading.Thread:
        """Begin to collect."""
        thread = threading.Thread(target=self._run, name="log-collector", daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        """Something happened in the engine: a service may have come or gone."""
        loop, changed = self._loop, self._changed
        if loop is not None and changed is not None:
            with suppress(RuntimeError):  # the loop is closed: the worker stops
                loop.call_soon_threadsafe(changed.set)

    def _run(self) -> None:
        while not self._platform.stopping.is_set():
            try:
                asyncio.run(self._collect())
            except Exception:
                log.exception("logs")
                self._platform.stopping.wait(_AGAIN)

    async def _collect(self) -> None:
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        self._storing = asyncio.Lock()
        await asyncio.to_thread(packing.tidy, self._platform.config.paths.logs)
        looking = asyncio.create_task(self._look_forever(self._changed))
        keeping = asyncio.create_task(self._keep_forever())
        try:
            while not self._platform.stopping.is_set():
                await asyncio.sleep(FLUSH)
                self._set_rates()
                await self._flush()
        finally:
            tasks = [looking, keeping, *(each.task for each in self._followed.values())]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in self._followed.values():
                self._take(each.source, each.intake.end())
            self._followed.clear()
            await self._flush()
            self._store.close()

    # Which services are followed

    async def _look_forever(self, changed: asyncio.Event) -> None:
        while True:
            try:
                services = await asyncio.to_thread(self._look)
                for service in services:
                    if service.id not in self._followed:
                        await self._begin(service)
                self._end_gone({service.id for service in services})
            except HavreError as error:
                log.warning("logs: %s", error.message)
            except Exception:
                log.exception("logs")
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _LOOK)
            changed.clear()

    def _look(self) -> list[Service]:
        """The services that there are; secrets are learned before their lines come, and marks are set."""
        close_old_connections()
        self._secrets.look()
        for source, records in self._marks.look().items():
            self._take_later(source, records)
        return list(self._platform.engine.snapshot().services)

    async def _begin(self, service: Service) -> None:
        source = source_of_service(service.name, dict(service.labels))
        if source is None:
            return
        name = str(source)
        positions = await asyncio.to_thread(self._store.positions, name)
        redact = self._secrets.redactor(source.project, source.environment)
        release = int(service.label(naming.RELEASE) or 0)
        intake = Intake(release, self._meter(name), Resumed(positions), redact)
        since = read_from(positions, int(time.time()))
        task = asyncio.create_task(self._follow(service, name, intake, since))
        self._followed[service.id] = _Followed(service, name, intake, task)

    def _end_gone(self, present: set[str]) -> None:
        """End following what is not there any more, once its stream has ended: it has last lines."""
        now = time.monotonic()
        for number, followed in list(self._followed.items()):
            if number in present:
                continue
            followed.gone_since = followed.gone_since or now
            if followed.task.done() or now - followed.gone_since > _LAST_LINES:
                followed.task.cancel()
                self._take(followed.source, followed.intake.end())
                del self._followed[number]

    async def _follow(self, service: Service, source: str, intake: Intake, since: int) -> None:
        address = self._platform.config.docker_host
        patience = _AGAIN
        while True:
            began = time.monotonic()
            try:
                async with aclosing(follow(address, service.id, since)) as stream:
                    await self._read(stream, source, intake)
            except EngineError as error:
                log.info("%s", error.message)
                if not error.retryable:
                    return
            except ValueError as error:  # a terminal's stream has no frames
                log.warning("the log of %s is not kept: %s", service.name, error)
                return
            except Exception:
                log.exception("the log of %s", service.name)
            is_behind = intake.jump(time.time()) is not None
            self._take(source, intake.end())
            if service.id in self._followed and self._followed[service.id].gone_since:
                return
            # An engine that is away, or a log that ends at once, is asked less and less often.
            patience = (
                _AGAIN if time.monotonic() - began > _LONGEST_PAUSE else min(2 * patience, _LONGEST_PAUSE)
            )
            await asyncio.sleep(patience)
            await self._flush()
            positions = await asyncio.to_thread(self._store.positions, source)
            since = int(time.time()) if is_behind else read_from(positions, int(time.time()))
            intake.restarted(Resumed(positions))

    async def _read(self, stream: AsyncIterator[bytes], source: str, intake: Intake) -> None:
        """Take what comes until the stream ends, or until it is too far behind to be read any further."""
        async for data in stream:
            self._take(source, intake.feed(data, time.monotonic()))
            if jump := intake.jump(time.time()):
                text = f"{jump.seconds:.0f} s of this log left out: it is written faster than it can be read"
                self._take(source, [said(text, time.time_ns(), level=Level.WARN)])
                return
            if self._count > _MOST_WAITING:
                await self._flush()

    # What is stored

    def _take(self, source: str, records: list[Record]) -> None:
        if records:
            self._waiting.setdefault(source, []).extend(records)
            self._count += len(records)

    def _take_later(self, source: str, records: list[Record]) -> None:
        """Take records from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._take, source, records)

    async def _flush(self) -> None:
        """Store what waits; whatever was taken before this began is stored when it returns."""
        async with self._storing or asyncio.Lock():
            await self._store_waiting()

    async def _store_waiting(self) -> None:
        now = time.monotonic()
        for each in self._followed.values():
            self._take(each.source, each.intake.quiet())
        for source, meter in self._meters.items():
            if text := meter.notice(now):
                self._take(source, [said(text, time.time_ns(), level=Level.WARN)])
        batch, self._waiting = self._waiting, {}
        count, self._count = self._count, 0
        if not batch:
            return
        try:
            self._live.publish(await asyncio.to_thread(self._store.append, batch))
        except days.LogStoreError as error:
            log.warning("%s", error.message)
            await asyncio.to_thread(self._expire)
            if count < _MOST_WAITING:  # else they are lost: a worker that dies of them would lose more
                for source, records in batch.items():
                    self._waiting[source] = [*records, *self._waiting.get(source, [])]
                self._count += count

    # Fair shares

    def _meter(self, source: str) -> Meter:
        rate = float(self._platform.config.logs_rate)
        return self._meters.setdefault(source, Meter(rate, rate * _BURST))

    def _set_rates(self) -> None:
        """Give each source its rate, by what it wrote lately and what it took of the day's disk."""
        config = self._platform.config
        quota = config.logs_size // _SHARE
        left = days.ends(_today()) / 1e6 - time.time()
        base = {
            source: rate_within(quota, self._used.get(source, 0), left, float(config.logs_rate))
            for source in self._meters
        }
        wanted = {source: meter.seen / FLUSH for source, meter in self._meters.items()}
        for source, rate in rates(wanted, base, _ALL).items():
            self._meters[source].rate = rate
            self._meters[source].seen = 0

    # Days that are over

    async def _keep_forever(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._keep, self._platform.stopping.is_set)
            except (OSError, HavreError):
                log.exception("keeping logs")
            await asyncio.sleep(_KEEP)

    def _keep(self, stopped: Callable[[], bool]) -> None:
        self._expire()
        self._used = self._store.sizes()
        folder = self._platform.config.paths.logs
        for name, path in packing.unpacked(folder).items():
            if time.time() > days.ends(name) / 1e6 + _PACK_AFTER and not stopped():
                with self._store.resting(name):
                    packing.pack(path, stopped)

    def _expire(self) -> None:
        config = self._platform.config
        self._store.close(before=_today())
        gone = packing.expire(
            config.paths.logs, today=_today(), days_kept=config.logs_days, most_bytes=config.logs_size
        )
        if gone:
            log.info("logs of %s are deleted", ", ".join(gone))


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"
