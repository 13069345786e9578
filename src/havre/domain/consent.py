"""Consent: what a protected environment asks its name for before it is done.

One rule. What follows a commit asks where it interrupts or destroys: the commit itself was decided on
elsewhere. What somebody does by hand always asks. What changes nothing that runs, and what a schedule
of the manifest starts, never asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Asks(StrEnum):
    """When a kind of action asks."""

    ALWAYS = "always"
    DANGERS = "where it interrupts or destroys"
    NEVER = "never"


@dataclass(frozen=True)
class Rule:
    """When an action asks, and the words for doing it."""

    asks: Asks
    doing: str


RULES: Final[Mapping[str, Rule]] = {
    "deploy": Rule(Asks.DANGERS, "deploying to it"),
    "apply": Rule(Asks.DANGERS, "applying a plan to it"),
    "rollback": Rule(Asks.ALWAYS, "rolling it back"),
    "restart": Rule(Asks.ALWAYS, "restarting it"),
    "scale": Rule(Asks.ALWAYS, "scaling it"),
    "destroy": Rule(Asks.ALWAYS, "destroying it"),
    "promote": Rule(Asks.ALWAYS, "promoting its canary"),
    "abort": Rule(Asks.ALWAYS, "giving its canary up"),
    "run": Rule(Asks.ALWAYS, "running a command in it"),
    "exec": Rule(Asks.ALWAYS, "going into its containers"),
    "copy": Rule(Asks.ALWAYS, "copying settings into it"),
    "restore": Rule(Asks.ALWAYS, "restoring a database in it"),
    "upgrade": Rule(Asks.ALWAYS, "upgrading a database in it"),
    "rebuild": Rule(Asks.ALWAYS, "bringing back what is missing of it"),
    "confirm": Rule(Asks.ALWAYS, "removing what a restore in it replaced"),
    "erase": Rule(Asks.ALWAYS, "erasing a person in it"),
    "backup": Rule(Asks.NEVER, "backing it up"),
    "dump": Rule(Asks.NEVER, "dumping its databases"),
    "save": Rule(Asks.NEVER, "saving its images and volumes"),
    "verify": Rule(Asks.NEVER, "reading its backups back"),
    "drill": Rule(Asks.NEVER, "drilling the restore of it"),
    "extract": Rule(Asks.NEVER, "copying a database out of its backup"),
    "cron": Rule(Asks.NEVER, "running a command of its manifest"),
    "adopt": Rule(Asks.NEVER, "recording what runs in it"),
    "plan": Rule(Asks.NEVER, "planning for it"),
}
"""Every kind of operation, and what else can be asked of an environment."""


def is_wanted(kind: str, *, is_protected: bool, is_dangerous: bool = False) -> bool:
    """Whether an action needs the environment's name.

    Args:
        kind: one of :data:`RULES`; another one always asks.
        is_protected: whether the environment is.
        is_dangerous: whether this one would interrupt or destroy something.
    """
    rule = RULES.get(kind)
    asks = rule.asks if rule else Asks.ALWAYS
    return is_protected and (asks is Asks.ALWAYS or (asks is Asks.DANGERS and is_dangerous))


def doing(kind: str) -> str:
    """The words for an action."""
    return RULES[kind].doing if kind in RULES else "this"
