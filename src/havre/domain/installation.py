"""What installing and removing Havre on a server takes: decided from what was found there.

Nothing here looks or acts. :func:`plan` names the actions that are missing, in the order in which
they have to be done, so a second run plans nothing and one that was interrupted plans the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Final

VERSIONS: Final = PurePosixPath("/opt/havre/versions")
"""One directory per installed version, each a Python environment."""
CURRENT: Final = PurePosixPath("/opt/havre/current")
"""Link to the version that runs."""
COMMAND: Final = PurePosixPath("/usr/local/bin/havre")
SETTINGS: Final = PurePosixPath("/etc/havre/havre.toml")

PACKAGES: Final = ("python3-venv", "git", "openssh-client", "ca-certificates", "mmdebstrap")
ENGINE_PACKAGES: Final = ("docker.io",)
ENGINE_PACKAGES_SPLIT: Final = ("docker.io", "docker-cli", "docker-buildx")
_SPLIT_SINCE: Final = 13  # Debian packages the engine's client apart from then on
_HIDDEN: Final = ("/tmp", "/var/tmp", "/home", "/root", "/run/user", "/dev")  # noqa: S108 - refused
SUPPORTED: Final = (12, 13)


class Swarm(StrEnum):
    """What the engine on this server is."""

    NO_ENGINE = "no engine"
    SILENT = "an engine that does not answer"
    NONE = "an engine without a Swarm"
    WORKER = "a Swarm worker"
    MANAGER = "a Swarm manager"


class Kind(StrEnum):
    """What can be done to a server."""

    PACKAGES = "install packages"
    ACCOUNT = "make the account"
    MEMBER = "make an administrator"
    VERSION = "install Havre"
    LINK = "link"
    ENGINE = "start the engine"
    SWARM = "begin a Swarm"
    SETTINGS = "write settings"
    FILE = "write"
    SET_UP = "set up the state"
    START = "start"
    STOP = "stop"
    REMOVE = "remove"
    REMOVE_ACCOUNT = "remove the account"
    APPLICATIONS = "remove every application"


@dataclass(frozen=True)
class Action:
    """One thing to do: what, to what, and the reason in words."""

    kind: Kind
    subject: str
    why: str = ""
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}".rstrip()


@dataclass(frozen=True)
class Plan:
    """What will be done, what forbids it, and what is left to the administrator."""

    actions: tuple[Action, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What the administrator asked for.

    Attributes:
        administrator: account that joins the group of the web process; empty: none.
        address: the address by which other nodes would reach this one; empty: chosen.
        start: whether to start Havre.
    """

    administrator: str = ""
    address: str = ""
    start: bool = True


@dataclass(frozen=True)
class Wanted:
    """A file with its text, mode and owners; ``keep``: what is there is the administrator's."""

    path: PurePosixPath
    text: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    keep: bool = False


@dataclass(frozen=True)
class Found:
    """A file as it is: its text (of a link: where it leads), mode and owners."""

    text: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True)
class Facts:
    """What was found on the server.

    Attributes:
        version: of the running code.
        is_wheel: it runs from an installed wheel, not from a checkout.
        is_root: whether this process may do anything.
        debian: major version; 0 if it is none, or unknown.
        installed: names of packages that are there.
        accounts: names of accounts that are there.
        members: accounts in the web process's group.
        versions: installed versions.
        current: the version that the link leads to; empty: none.
        files: wanted files that are there.
        engine: what the engine is.
        has_systemd: whether systemd runs this machine.
        is_running: whether Havre runs here.
        is_set_up: whether the state directory has a database.
        ports: those of the router that something else holds, with that program's name.
        address: one of this machine's addresses; empty if it has none.
    """

    version: str
    is_wheel: bool = True
    is_root: bool = True
    debian: int = 12
    installed: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset({"root"})
    members: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    current: str = ""
    files: Mapping[PurePosixPath, Found] = field(default_factory=dict)
    engine: Swarm = Swarm.NO_ENGINE
    has_systemd: bool = True
    is_running: bool = False
    is_set_up: bool = False
    ports: Sequence[tuple[int, str]] = ()
    address: str = ""


def plan(
    choices: Choices,
    facts: Facts,
    files: Sequence[Wanted],
    *,
    user: str,
    units: Sequence[str],
    state: PurePosixPath,
) -> Plan:
    """What is missing on a server, in order.

    Args:
        choices: what was asked for.
        facts: what is there.
        files: what Havre's own files should be (units, completion, manual page, settings).
        user: account of the web process; its group are the administrators.
        units: names of the units to start, in order.
        state: the state directory.
    """
    problems = (*_problems(choices, facts), *_misplaced(facts, state))
    if problems:
        return Plan(problems=problems)
    actions = [
        *_packages(facts),
        *_accounts(choices, facts, user),
        *_program(facts),
        *_engine(choices, facts),
        *_files(files, facts.files),
    ]
    must_set_up = bool(actions) or not facts.is_set_up
    if must_set_up:
        actions.append(Action(Kind.SET_UP, "", "directories, keys and database, with least permissions"))
    if choices.start and facts.has_systemd and (must_set_up or not facts.is_running):
        actions.append(Action(Kind.START, " ".join(units), "and at every boot", tuple(units)))
    return Plan(tuple(actions), (), tuple(_notes(choices, facts)))


def _problems(choices: Choices, facts: Facts) -> list[tuple[str, str]]:
    problems = []
    if not facts.is_root:
        problems.append(("only root can install a server", "run it by sudo"))
    if not facts.is_wheel:
        problems.append(
            (
                "this is a checkout, not an installed wheel",
                "build and install one: python -m build --wheel && pipx install dist/*.whl",
            )
        )
    if facts.current and facts.current != facts.version:
        problems.append(
            (f"version {facts.current} is installed here", "change it by: havre server upgrade --to WHEEL")
        )
    if facts.engine is Swarm.WORKER:
        problems.append(("this node is a worker of a Swarm", "install on a manager: docker node promote"))
    if choices.administrator and choices.administrator not in facts.accounts:
        problems.append(
            (f"there is no account {choices.administrator}", f"make it: adduser {choices.administrator}")
        )
    problems += [
        (f"port {port} is held by {program}", "stop that program, or set http_port and https_port first")
        for port, program in facts.ports
    ]
    return problems


def _misplaced(facts: Facts, state: PurePosixPath) -> list[tuple[str, str]]:
    """A state directory that the units, for which these places are empty or closed, would not see."""
    hidden = next((place for place in _HIDDEN if facts.has_systemd and state.is_relative_to(place)), None)
    if hidden is None:
        return []
    return [
        (f"the state, {state}, would lie below {hidden}, which is closed to the units", "move it elsewhere")
    ]


def _packages(facts: Facts) -> list[Action]:
    wanted = list(PACKAGES)
    if facts.engine is Swarm.NO_ENGINE:
        wanted += ENGINE_PACKAGES_SPLIT if facts.debian >= _SPLIT_SINCE else ENGINE_PACKAGES
    missing = tuple(name for name in wanted if name not in facts.installed)
    return [Action(Kind.PACKAGES, " ".join(missing), "from Debian", missing)] if missing else []


def _accounts(choices: Choices, facts: Facts, user: str) -> list[Action]:
    actions = []
    if user not in facts.accounts:
        why = "of the web process: no home, no shell, no rights"
        actions.append(Action(Kind.ACCOUNT, user, why))
    person = choices.administrator
    if person and person != "root" and person not in facts.members:
        actions.append(Action(Kind.MEMBER, person, f"joins the group {user}, which may open Havre's socket"))
    return actions


def _program(facts: Facts) -> list[Action]:
    actions = []
    place = VERSIONS / facts.version
    if facts.version not in facts.versions:
        actions.append(Action(Kind.VERSION, str(place), "a copy of what runs now"))
    for link, target in ((CURRENT, place), (COMMAND, CURRENT / "bin/havre")):
        found = facts.files.get(link)
        if found is None or found.text != str(target):
            actions.append(Action(Kind.LINK, f"{link} -> {target}", "", (str(link), str(target))))
    return actions


def _engine(choices: Choices, facts: Facts) -> list[Action]:
    actions = []
    if facts.engine in {Swarm.NO_ENGINE, Swarm.SILENT}:
        actions.append(Action(Kind.ENGINE, "docker", "and at every boot"))
    if facts.engine is not Swarm.MANAGER:
        address = choices.address or facts.address
        actions.append(Action(Kind.SWARM, f"at {address or 'this address'}", "of one node", (address,)))
    return actions


def _files(files: Sequence[Wanted], found: Mapping[PurePosixPath, Found]) -> list[Action]:
    return [
        Action(Kind.SETTINGS if file.keep else Kind.FILE, str(file.path), f"mode {file.mode:04o}")
        for file in files
        if _differs(file, found.get(file.path))
    ]


def _differs(file: Wanted, found: Found | None) -> bool:
    if found is None:
        return True
    same_access = (found.mode, found.owner, found.group) == (file.mode, file.owner, file.group)
    return not same_access or (not file.keep and found.text != file.text)


def _notes(choices: Choices, facts: Facts) -> list[str]:
    notes = []
    if facts.debian not in SUPPORTED:
        notes.append("this is no Debian 12 or 13: Havre is not tested here")
    if not facts.has_systemd:
        notes.append("systemd does not run this machine: start Havre by `havre serve`, and keep that running")
    if not choices.administrator:
        notes.append("only root can use the command; let somebody else: havre server install --admin NAME")
    notes.append("firewall: open 80 and 443 (and SSH), keep 2377, 7946 and 4789 closed to the internet")
    return notes


@dataclass(frozen=True)
class Removal:
    """What a removal was asked to take.

    Attributes:
        purge: settings, state with its keys and backups, and the account too.
        applications: services, networks and secrets of every application, and the router;
            with ``purge`` their volumes, so all data.
    """

    purge: bool = False
    applications: bool = False


@dataclass(frozen=True)
class Present:
    """What of Havre is on the server.

    Attributes:
        files: of the files that Havre wrote, those that are there.
        versions: whether ``/opt/havre`` is there.
        kept: settings and state directories that are there.
        has_account: whether the web process's account is there.
        is_running: whether Havre runs.
        services: how many Swarm services it manages; None if the engine does not answer.
        is_root: whether this process may do anything.
    """

    files: tuple[str, ...] = ()
    versions: bool = False
    kept: tuple[str, ...] = ()
    has_account: bool = False
    is_running: bool = False
    services: int | None = 0
    is_root: bool = True


def removal(asked: Removal, present: Present, *, user: str) -> Plan:
    """What to remove, in order; data and applications stay unless they are asked for."""
    problems = []
    if not present.is_root:
        problems.append(("only root can uninstall a server", "run it by sudo"))
    if asked.applications and present.services is None:
        problems.append(("the engine does not answer, so applications cannot be removed", "start it first"))
    if asked.purge and not asked.applications and present.services != 0:
        told = "unknown" if present.services is None else str(present.services)
        problems.append(
            (
                f"applications still run ({told} services), and the router reads its routes from the state",
                "remove them too: --applications, or keep the state: without --purge",
            )
        )
    if problems:
        return Plan(problems=tuple(problems))
    actions = []
    if present.is_running:
        why = "" if asked.applications else "applications go on"
        actions.append(Action(Kind.STOP, "web and worker", why))
    if asked.applications and present.services:
        what = "with their volumes: all data" if asked.purge else "volumes stay"
        actions.append(Action(Kind.APPLICATIONS, f"({present.services} services)", what))
    actions += [Action(Kind.REMOVE, file) for file in present.files]
    if asked.purge:
        actions += [Action(Kind.REMOVE, place, "keys, database, settings") for place in present.kept]
        if present.has_account:
            actions.append(Action(Kind.REMOVE_ACCOUNT, user))
    if present.versions:
        actions.append(Action(Kind.REMOVE, str(VERSIONS.parent), "the program"))
    return Plan(tuple(actions), (), tuple(_what_stays(asked, present, user)))


def _what_stays(asked: Removal, present: Present, user: str) -> list[str]:
    stays = []
    if not asked.purge:
        stays += [f"{place} stays" for place in present.kept]
        stays += [f"the account {user} stays"] if present.has_account else []
    if present.services and not asked.applications:
        stays.append(f"{present.services} Swarm services go on serving, with nobody to change them")
    stays.append("Docker, its Swarm and Debian's packages stay")
    return stays
