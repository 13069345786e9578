"""``havre.yaml``: from text to typed values, and everything that is wrong with it at once."""

from __future__ import annotations

from havre.manifest.drill import Drill, DrillCheck
from havre.manifest.loading import load, load_file
from havre.manifest.model import Backup, Environment, EnvironmentSpec, Manifest
from havre.manifest.parts import (
    Build,
    Domain,
    Health,
    Image,
    RegistryAuth,
    Resources,
    SecretReference,
    Share,
    StaticBuild,
    Volume,
)
from havre.manifest.problems import InvalidManifest, Problem
from havre.manifest.services import (
    AppService,
    PostgresService,
    RedisService,
    Routed,
    ServiceSpec,
    StaticService,
    Strategy,
)

__all__ = [
    "AppService",
    "Backup",
    "Build",
    "Domain",
    "Drill",
    "DrillCheck",
    "Environment",
    "EnvironmentSpec",
    "Health",
    "Image",
    "InvalidManifest",
    "Manifest",
    "PostgresService",
    "Problem",
    "RedisService",
    "RegistryAuth",
    "Resources",
    "Routed",
    "SecretReference",
    "ServiceSpec",
    "Share",
    "StaticBuild",
    "StaticService",
    "Strategy",
    "Volume",
    "load",
    "load_file",
]
