"""Every kind of operation, by name: what the interfaces may enqueue and the worker can run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from havre.operations import (
    adopt,
    apply,
    backup,
    deploy,
    destroy,
    drill,
    dump,
    erase,
    extract,
    plan,
    rebuild,
    restart,
    restore,
    roll_back,
    run_command,
    run_scheduled,
    save,
    scale,
    upgrade_database,
    verify,
)
from havre.operations.context import Run, Runbook

RUNBOOKS: Final[Mapping[str, Callable[[Run], Runbook]]] = {
    "deploy": deploy.runbook,
    "rollback": roll_back.runbook,
    "restart": restart.runbook,
    "scale": scale.runbook,
    "destroy": destroy.runbook,
    "run": run_command.runbook,
    "plan": plan.runbook,
    "apply": apply.runbook,
    "adopt": adopt.runbook,
    "cron": run_scheduled.runbook,
    "backup": backup.runbook,
    "dump": dump.runbook,
    "save": save.runbook,
    "verify": verify.runbook,
    "restore": restore.runbook,
    "upgrade": upgrade_database.runbook,
    "confirm": restore.confirm_runbook,
    "rebuild": rebuild.runbook,
    "erase": erase.runbook,
    "drill": drill.runbook,
    "extract": extract.runbook,
}
