"""What the platform remembers.

The web process may write operations, variables and sealed secrets; the rest is written by the
worker. Values of secrets are stored only sealed (see :mod:`havre.adapters.sealing`).
"""

from __future__ import annotations

from havre.records.models.accounts import AuditEntry, Grant, SignInLink, User
from havre.records.models.alerts import Channel, Check, Delivery, Incident, Silence, place_of
from havre.records.models.continuity import (
    Backup,
    BackupStorage,
    Dump,
    SavedDatabase,
    SavedEnvironment,
    StoredKit,
)
from havre.records.models.drift import Drift
from havre.records.models.drills import Drill
from havre.records.models.erasures import Erasure
from havre.records.models.manifests import ManifestText
from havre.records.models.operations import Event, Operation, Step
from havre.records.models.projects import Environment, Project, Secret, Variable
from havre.records.models.releases import Build, Release
from havre.records.models.schedule import ScheduledJob, ScheduledRun
from havre.records.models.server import Token, Worker

__all__ = [
    "AuditEntry",
    "Backup",
    "BackupStorage",
    "Build",
    "Channel",
    "Check",
    "Delivery",
    "Drift",
    "Drill",
    "Dump",
    "Environment",
    "Erasure",
    "Event",
    "Grant",
    "Incident",
    "ManifestText",
    "Operation",
    "Project",
    "Release",
    "SavedDatabase",
    "SavedEnvironment",
    "ScheduledJob",
    "ScheduledRun",
    "Secret",
    "SignInLink",
    "Silence",
    "Step",
    "StoredKit",
    "Token",
    "User",
    "Variable",
    "Worker",
    "place_of",
]
