"""Words that people read for the kinds and states that the records hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from havre.domain.served_certificates import Standing

Tone = Literal["ok", "busy", "warn", "bad", "off"]


@dataclass(frozen=True)
class Status:
    """How something stands: a shape by its tone, and a word."""

    tone: Tone
    word: str | Promise


OPERATIONS: Final[dict[str, Status]] = {
    "queued": Status("off", _("Queued")),
    "running": Status("busy", _("Running")),
    "succeeded": Status("ok", _("Succeeded")),
    "failed": Status("bad", _("Failed")),
    "cancelled": Status("off", _("Cancelled")),
}
STEPS: Final[dict[str, Status]] = {
    "pending": Status("off", _("Waiting")),
    "running": Status("busy", _("Running")),
    "done": Status("ok", _("Done")),
    "failed": Status("bad", _("Failed")),
    "skipped": Status("off", _("Skipped")),
}
RELEASES: Final[dict[str, Status]] = {
    "preparing": Status("busy", _("Preparing")),
    "live": Status("ok", pgettext_lazy("release", "Live")),
    "superseded": Status("off", _("Replaced")),
    "failed": Status("bad", _("Failed")),
}
SERVICES: Final[dict[str, Status]] = {
    "running": Status("ok", pgettext_lazy("service", "Running")),
    "starting": Status("busy", _("Starting")),
    "draining": Status("off", _("Draining")),
    "changing": Status("busy", _("Changing")),
}
KINDS: Final[dict[str, str | Promise]] = {
    "deploy": _("Deployment"),
    "apply": _("Plan carried out"),
    "plan": _("Plan"),
    "rollback": _("Rollback"),
    "restart": pgettext_lazy("operation", "Restart"),
    "scale": _("Scaling"),
    "destroy": _("Destruction"),
    "promote": _("Canary promoted"),
    "abort": _("Canary given up"),
    "run": _("Command"),
    "exec": _("Visit to a container"),
    "cron": _("Scheduled command"),
    "adopt": _("Drift adopted"),
    "backup": _("Backup"),
    "dump": _("Dump"),
    "save": _("Images and volumes saved"),
    "verify": _("Backups read back"),
    "restore": pgettext_lazy("operation", "Restore"),
    "upgrade": _("Database upgrade"),
    "drill": _("Restore drill"),
    "extract": _("Copy of a database"),
    "rebuild": _("Rebuild"),
    "confirm": _("Replaced data removed"),
    "erase": _("Person erased"),
    "copy": _("Settings copied"),
}
UNDER_WAY: Final[dict[str, str | Promise]] = {
    "deploy": _("Deploying"),
    "apply": _("Deploying"),
    "rollback": _("Rolling back"),
    "restart": _("Restarting"),
    "scale": _("Scaling"),
    "destroy": _("Being destroyed"),
    "restore": _("Restoring"),
    "upgrade": _("Upgrading"),
    "rebuild": _("Rebuilding"),
}
CERTIFICATES: Final[dict[Standing, Status]] = {
    Standing.GOOD: Status("ok", _("Valid")),
    Standing.ENDS_SOON: Status("warn", _("Ends soon")),
    Standing.UNKNOWN_SIGNER: Status("warn", _("Signed by an authority of your own")),
    Standing.NOT_YET: Status("bad", _("Not valid yet")),
    Standing.OTHER_NAME: Status("bad", _("None for this host")),
    Standing.EXPIRED: Status("bad", _("Expired")),
    Standing.NONE: Status("bad", _("Not seen")),
}
ROLES: Final[dict[str, str | Promise]] = {
    "viewer": _("viewer"),
    "developer": _("developer"),
    "maintainer": _("maintainer"),
    "owner": _("owner"),
}
REPOSITORIES: Final[dict[str, str | Promise]] = {"local": _("on this server"), "offsite": _("off-site")}
BACKUPS: Final[dict[str, str | Promise]] = {
    "full": _("full"),
    "diff": _("differential"),
    "incr": _("incremental"),
    "incremental": _("incremental"),
    "differential": _("differential"),
    "dump": _("dump"),
}


ACCOUNTS: Final[dict[str, Status]] = {
    "ready": Status("ok", pgettext_lazy("account", "Ready")),
    "invited": Status("busy", pgettext_lazy("account", "Invited")),
    "unfinished": Status("warn", _("No second factor")),
    "locked": Status("bad", pgettext_lazy("account", "Shut out")),
}
OUTCOMES: Final[dict[str, Status]] = {
    "done": Status("ok", _("Done")),
    "refused": Status("bad", pgettext_lazy("audit", "Refused")),
}
WAYS: Final[dict[str, str | Promise]] = {
    "socket": _("on the server"),
    "session": _("panel"),
    "token": _("token"),
    "link": _("link"),
}
"""How somebody came in."""
DONE: Final[dict[str, str | Promise]] = {
    "see": _("Looked"),
    "read logs": _("Logs read"),
    "read variables": _("Variables read"),
    "read what is known of secrets": _("Names of secrets read"),
    "plan": _("Plan"),
    "deploy": _("Deployment"),
    "operate": _("Operated"),
    "run commands": _("Command run"),
    "cancel operations": _("Operation stopped"),
    "set variables": _("Variables set"),
    "set secrets": _("Secrets set"),
    "copy settings": _("Settings copied"),
    "back up": _("Backup"),
    "drill": _("Restore drill"),
    "restore": pgettext_lazy("operation", "Restore"),
    "erase persons": _("Person erased"),
    "destroy": _("Destruction"),
    "set deploy keys": _("Deploy key set"),
    "read the audit log": _("Audit log read"),
    "copy databases": _("Copy of a database"),
    "enter containers": _("Visit to a container"),
    "manage members": _("Members changed"),
    "see the server": _("Looked"),
    "read metrics": _("Metrics read"),
    "create projects": _("Project created"),
    "manage the off-site storage": _("Off-site storage"),
    "manage tokens": _("Tokens changed"),
    "manage users": _("People changed"),
    "read the audit log of the server": _("Audit log read"),
    "sign in": _("Sign-in"),
    "sign out": _("Sign-out"),
    "set password": _("Password set"),
    "change password": _("Password changed"),
    "add second factor": _("Second factor added"),
    "remove second factor": _("Second factor removed"),
    "reset second factor": _("Second factor renewed"),
    "end sessions": _("Sessions ended"),
    "create token": _("Token made"),
    "revoke token": _("Token revoked"),
    "read the recovery kit": _("Recovery kit read"),
}
"""What entries of the audit log tell of; the words of :class:`havre.domain.access.Action` among them."""


def kind(name: str) -> str | Promise:
    """The word for a kind of operation; a new one shows its own name."""
    return KINDS.get(name, name)


def operation(state: str) -> Status:
    """How an operation stands."""
    return OPERATIONS.get(state, Status("off", state))
