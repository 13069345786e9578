"""The worker process: it alone holds the engine's socket and the key that opens secrets."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
import uuid
from types import FrameType

from django.utils import timezone

from havre.adapters.host import moments
from havre.adapters.logs.writer import LogWriter
from havre.adapters.swarm.engine import Engine
from havre.config import Config
from havre.controllers.alert_watch import AlertWatch
from havre.controllers.backup_watch import BackupWatch
from havre.controllers.certificate_keeper import keep as keep_certificates
from havre.controllers.drift_watch import DriftWatch
from havre.controllers.figure_export import FigureExport
from havre.controllers.housekeeping import Housekeeping
from havre.controllers.log_collector import LogCollector
from havre.controllers.log_export import LogExport
from havre.controllers.metrics_collector import MetricsCollector
from havre.controllers.operation_runner import OperationRunner
from havre.controllers.queries import QueryServer
from havre.controllers.route_sync import RouteSync
from havre.controllers.scheduler import Scheduler
from havre.errors import HavreError
from havre.operations import scratch
from havre.operations.builds import Builds
from havre.operations.context import Interrupted, Platform
from havre.operations.live_log import LiveLog
from havre.operations.platform import by_worker, ensure, wait_until_stopping
from havre.operations.routing import Routing
from havre.records.models import Worker

log = logging.getLogger(__name__)

_HEARTBEAT = 5.0  # seconds
_RETRY = 30.0  # seconds
_LAST_WRITE = 5.0  # seconds that storing the last log lines may take


def run(config: Config) -> None:
    """Run until SIGTERM or SIGINT; operations under way are left for the next worker to continue."""
    stopping = threading.Event()
    engine = Engine(config.docker_host)
    platform = Platform(config, engine, Routing(config, engine), stopping, Builds(config, engine))
    boot = uuid.uuid4().hex
    scratch.take_over(config.paths)
    platform.routing.forget_earlier_probes()
    runner = OperationRunner(platform, boot)
    watch = DriftWatch(platform)
    live = LiveLog()
    logs = LogCollector(platform, LogWriter(config.paths.logs), live)

    def heard() -> None:
        watch.wake()
        logs.wake()

    routes = RouteSync(platform, also=heard)
    scheduler = Scheduler(platform, runner.wake)
    housekeeping = Housekeeping(platform)
    backups = BackupWatch(platform, runner.wake)
    metrics = MetricsCollector(platform)
    alerts = AlertWatch(platform)
    exports = (FigureExport(platform), LogExport(platform, live))
    runner.when_one_ends(scheduler.look_again)
    runner.when_one_ends(housekeeping.nudge)
    server = QueryServer(config.paths, runner.wake, live)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()
        runner.wake()
        routes.stop()
        watch.wake()
        scheduler.look_again()
        housekeeping.nudge()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    threading.Thread(target=_prepare, args=(platform,), name="prepare", daemon=True).start()
    threading.Thread(
        target=keep_certificates,
        args=(platform.routing.certificates, stopping),
        name="certificates",
        daemon=True,
    ).start()
    threading.Thread(target=_heartbeat, args=(boot, stopping), name="heartbeat", daemon=True).start()
    collecting = logs.start()
    for each in (server, routes, watch, scheduler, backups, housekeeping, metrics, alerts, *exports):
        each.start()
    log.info("worker %s is ready", boot[:8])
    try:
        runner.run()
    finally:
        server.stop()
        collecting.join(_LAST_WRITE)


def _prepare(platform: Platform) -> None:
    """Bring the router in line with the settings, so that Havre's own domain answers.

    A server without a domain of its own and without a deployment needs no router yet.
    """
    while not platform.stopping.is_set():
        try:
            platform.routing.publish_api()
            if platform.config.domain or platform.routing.has_router():
                ensure(platform, by_worker(platform), wait=wait_until_stopping(platform))
        except Interrupted:
            return
        except HavreError as error:
            log.warning("the router: %s", error.message)
        except Exception:
            log.exception("the router")
        else:
            return
        platform.stopping.wait(_RETRY)


def _heartbeat(boot: str, stopping: threading.Event) -> None:
    started = timezone.now()
    while not stopping.is_set():
        try:
            Worker.objects.update_or_create(
                pk=1,
                defaults={
                    "boot": boot,
                    "pid": os.getpid(),
                    "started_at": started,
                    "seen_at": timezone.now(),
                    "clock": moments.now().facts(),
                },
            )
        except Exception:
            log.exception("heartbeat")
            time.sleep(1.0)
        stopping.wait(_HEARTBEAT)
