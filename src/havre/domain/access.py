"""Who may do what: roles, actions, and the one table that joins them.

A role is granted for one project or for the whole server; in a project the higher of both counts. What is
not in the table may nobody do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What somebody is, in a project or on the whole server; each may all that the one before it may."""

    VIEWER = "viewer"
    DEVELOPER = "developer"
    MAINTAINER = "maintainer"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        """How much a role may, compared with others."""
        return _RANKS[self]

    def covers(self, other: Role) -> bool:
        """Whether it may all that the other one may."""
        return self.rank >= other.rank


_RANKS: Final[Mapping[Role, int]] = {role: rank for rank, role in enumerate(Role)}


class Reach(StrEnum):
    """What an action is about."""

    PROJECT = "project"
    SERVER = "server"


class Action(StrEnum):
    """What can be asked for."""

    SEE = "see"
    READ_LOGS = "read logs"
    READ_VARIABLES = "read variables"
    READ_SECRETS = "read what is known of secrets"
    PLAN = "plan"
    DEPLOY = "deploy"
    OPERATE = "operate"
    RUN = "run commands"
    CANCEL = "cancel operations"
    SET_VARIABLES = "set variables"
    SET_SECRETS = "set secrets"
    COPY_SETTINGS = "copy settings"
    BACK_UP = "back up"
    DRILL = "drill"
    RESTORE = "restore"
    ERASE = "erase persons"
    DESTROY = "destroy"
    SET_DEPLOY_KEY = "set deploy keys"
    READ_AUDIT = "read the audit log"
    EXTRACT = "copy databases"
    ENTER = "enter containers"
    MANAGE_MEMBERS = "manage members"

    SEE_SERVER = "see the server"
    READ_METRICS = "read metrics"
    CREATE_PROJECT = "create projects"
    MANAGE_SILENCES = "silence alerts"
    MANAGE_CHANNELS = "manage alert channels"
    MANAGE_STORAGE = "manage the off-site storage"
    MANAGE_TOKENS = "manage tokens"
    MANAGE_USERS = "manage users"
    READ_SERVER_AUDIT = "read the audit log of the server"


@dataclass(frozen=True)
class Rule:
    """What an action is about, and the least role that may do it."""

    reach: Reach
    least: Role


def _of(reach: Reach, least: Role, *actions: Action) -> dict[Action, Rule]:
    return dict.fromkeys(actions, Rule(reach, least))


RULES: Final[Mapping[Action, Rule]] = {
    **_of(Reach.PROJECT, Role.VIEWER, Action.SEE),
    **_of(
        Reach.PROJECT,
        Role.DEVELOPER,
        Action.READ_LOGS,
        Action.READ_VARIABLES,
        Action.READ_SECRETS,
        Action.PLAN,
        Action.DEPLOY,
        Action.OPERATE,
        Action.RUN,
        Action.CANCEL,
        Action.SET_VARIABLES,
        Action.SET_SECRETS,
        Action.BACK_UP,
        Action.COPY_SETTINGS,
    ),
    **_of(
        Reach.PROJECT,
        Role.MAINTAINER,
        Action.DRILL,
        Action.RESTORE,
        Action.ERASE,
        Action.DESTROY,
        Action.SET_DEPLOY_KEY,
        Action.READ_AUDIT,
    ),
    # A copy of a whole database, and a shell beside its password: as much as there is to have.
    **_of(Reach.PROJECT, Role.OWNER, Action.EXTRACT, Action.ENTER, Action.MANAGE_MEMBERS),
    **_of(Reach.SERVER, Role.VIEWER, Action.SEE_SERVER, Action.READ_METRICS),
    **_of(Reach.SERVER, Role.MAINTAINER, Action.CREATE_PROJECT, Action.MANAGE_SILENCES),
    **_of(
        Reach.SERVER,
        Role.OWNER,
        Action.MANAGE_CHANNELS,
        Action.MANAGE_STORAGE,
        Action.MANAGE_TOKENS,
        Action.MANAGE_USERS,
        Action.READ_SERVER_AUDIT,
    ),
}
"""Every action with its rule."""

OPERATIONS: Final[Mapping[str, Action]] = {
    "plan": Action.PLAN,
    "deploy": Action.DEPLOY,
    "apply": Action.DEPLOY,
    "rollback": Action.OPERATE,
    "restart": Action.OPERATE,
    "scale": Action.OPERATE,
    "cron": Action.OPERATE,
    "adopt": Action.OPERATE,
    "promote": Action.OPERATE,
    "abort": Action.OPERATE,
    "run": Action.RUN,
    "copy": Action.COPY_SETTINGS,
    "backup": Action.BACK_UP,
    "dump": Action.BACK_UP,
    "save": Action.BACK_UP,
    "verify": Action.BACK_UP,
    "drill": Action.DRILL,
    "restore": Action.RESTORE,
    "confirm": Action.RESTORE,
    "rebuild": Action.RESTORE,
    "upgrade": Action.RESTORE,
    "erase": Action.ERASE,
    "destroy": Action.DESTROY,
    "extract": Action.EXTRACT,
    "exec": Action.ENTER,
}
"""The action that each kind of operation is (the kinds are those of :data:`havre.domain.consent.RULES`)."""


@dataclass(frozen=True)
class Grants:
    """The roles of somebody: ``server`` on all of it, ``projects`` by a project's name."""

    server: Role | None = None
    projects: Mapping[str, Role] | None = None

    def role_in(self, project: str) -> Role | None:
        """The higher of the roles in a project and on the server; None for neither."""
        own = (self.projects or {}).get(project)
        found = [role for role in (self.server, own) if role is not None]
        return max(found, key=lambda role: role.rank, default=None)

    @property
    def is_nothing(self) -> bool:
        """Whether there is no role at all."""
        return self.server is None and not self.projects

    def within(self, other: Grants) -> bool:
        """Whether all that is granted here is granted by the other one too."""
        if self.server is not None and not (other.server and other.server.covers(self.server)):
            return False
        return all(_covers(other.role_in(name), role) for name, role in (self.projects or {}).items())


EVERYTHING: Final = Grants(Role.OWNER)
"""The roles of who administers the server itself, by its unix socket."""


def grants(rows: Iterable[tuple[str | None, str]]) -> Grants:
    """Roles out of records: pairs of a project's name (None: the server) and a role's word."""
    server: Role | None = None
    projects: dict[str, Role] = {}
    for project, word in rows:
        role = Role(word)
        if project is None:
            server = role
        else:
            projects[project] = role
    return Grants(server, projects)


def common(one: Grants, other: Grants) -> Grants:
    """What is granted by both: of a token, as far as its owner still has it."""
    server = _lower(one.server, other.server)
    names = {*(one.projects or {}), *(other.projects or {})}
    both = {name: _lower(one.role_in(name), other.role_in(name)) for name in sorted(names)}
    return Grants(server, {name: role for name, role in both.items() if role is not None})


def allows(held: Grants, action: Action, project: str | None = None) -> bool:
    """Whether somebody with these roles may do something.

    Args:
        held: their roles.
        action: what they want to do.
        project: in which project; None for what is about the server. An action in a project, asked without
            one, is refused.
    """
    rule = RULES.get(action)
    if rule is None:
        return False
    if rule.reach is Reach.SERVER:
        return _covers(held.server, rule.least)
    return project is not None and _covers(held.role_in(project), rule.least)


def allows_somewhere(held: Grants, action: Action) -> bool:
    """Whether somebody may do something in at least one project, or on the server if it is about that."""
    rule = RULES.get(action)
    if rule is None:
        return False
    everywhere = _covers(held.server, rule.least)
    if rule.reach is Reach.SERVER:
        return everywhere
    return everywhere or any(_covers(role, rule.least) for role in (held.projects or {}).values())


def _lower(one: Role | None, other: Role | None) -> Role | None:
    return None if one is None or other is None else min(one, other, key=lambda role: role.rank)


def _covers(role: Role | None, least: Role) -> bool:
    return role is not None and role.covers(least)
