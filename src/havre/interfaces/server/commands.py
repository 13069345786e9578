"""The processes of a server: ``havre serve``, ``havre web`` and ``havre worker``.

Each is started as ``python -m havre.interfaces.server ROLE`` and not through the command line's own
program, which would add its size to every one of them.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import sys

from havre.interfaces.server import supervisor

log = logging.getLogger("havre")


def serve() -> None:
    """Become the supervisor, which runs worker and web until it is asked to stop. Does not return."""
    os.execv(sys.executable, supervisor.command("serve"))  # noqa: S606 - a fixed program and arguments


def web() -> None:
    """Answer the API on the unix socket and, where configured, on TCP; never with root's rights.

    Raises:
        ServerError: it runs already, or the TCP port is taken.
    """
    from havre.config import config  # noqa: PLC0415 - the supervisor shares this module and must stay small
    from havre.interfaces.server import listeners, process, spare  # noqa: PLC0415
    from havre.interfaces.server.asgi import make_application  # noqa: PLC0415
    from havre.operations.set_up import web_ids  # noqa: PLC0415

    process.configure_log("web")
    settings = config()
    spare.web()
    _prepare_unless_done()
    application = make_application()
    uid, gid = web_ids(settings)
    if os.geteuid() == 0:
        # The account may not be able to read the code: all is imported before the rights are dropped.
        importlib.import_module("havre.interfaces.server.warm_up").warm_up(application)
    process.drop_privileges(uid, gid)
    process.end_with_parent()
    os.umask(0o007)  # database files are shared with the worker through the group
    unix = listeners.listen_unix(settings.paths.api_socket)
    panel = listeners.listen_unix(settings.paths.panel_socket)
    tcp = listeners.listen_tcp(settings.api_listen, settings.api_port) if settings.api_listen else None
    gc.collect()
    gc.freeze()
    log.info(
        "answering on %s, %s%s",
        settings.paths.api_socket,
        settings.paths.panel_socket,
        f" and {settings.api_listen}:{settings.api_port}" if tcp else "",
    )
    listeners.serve(application, unix, panel, tcp)


def worker() -> None:
    """Run operations and keep routes; the one process with the engine's socket and the private key.

    Raises:
        ServerError: it runs already.
    """
    from havre.config import config  # noqa: PLC0415 - as in web
    from havre.interfaces.server import process, spare  # noqa: PLC0415

    process.configure_log("worker")
    process.end_with_parent()
    settings = config()
    _prepare_unless_done()
    os.umask(0o022)
    lock = process.hold_lock(settings.paths.run / "worker.lock", "a worker")
    spare.worker()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.worker_settings")
    importlib.import_module("django").setup()
    # By name: this is where the processes are put together; no code of the web process may import
    # what runs in the worker.
    run = importlib.import_module("havre.controllers.worker").run
    gc.collect()
    gc.freeze()
    try:
        run(settings)
    finally:
        lock.close()


def set_up() -> None:
    """Prepare the state directory; print what the supervisor needs to know, as JSON."""
    from havre.config import config  # noqa: PLC0415 - as in web
    from havre.interfaces.server import process  # noqa: PLC0415
    from havre.operations.set_up import set_up as prepare  # noqa: PLC0415
    from havre.operations.set_up import web_ids  # noqa: PLC0415

    process.configure_log("set-up")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "havre.settings")
    ids = web_ids(config())
    prepare(config(), web_ids=ids)
    sys.stdout.write(json.dumps({"uid": ids[0], "gid": ids[1], "run": str(config().paths.run)}) + "\n")


def _prepare_unless_done() -> None:
    """Set up in a process of its own, whose memory is given back; not where ``havre serve`` did it.

    Nor in a web process that was started without rights over the state directory: then the worker
    does it.
    """
    from havre.config import config  # noqa: PLC0415 - as in web
    from havre.interfaces.server.process import SUPERVISOR  # noqa: PLC0415

    state = config().state
    is_own = os.geteuid() == 0 or not state.exists() or state.stat().st_uid == os.geteuid()
    if SUPERVISOR not in os.environ and is_own:
        supervisor.prepare()
