"""``havre.yaml``: from text to typed values, and everything that is wrong with it at once."""

from __future__ import annotations

from havre.manifest.loading import load, load_file
from havre.manifest.model import Backup, Environment, EnvironmentSpec, Manifest
from havre.manifest.problems import InvalidManifest, Problem
from havre.manifest.services import (
    AppService,
    Build,
    Domain,
    Health,
    PostgresService,
    RedisService,
    Resources,
    Routed,
    SecretReference,
    ServiceSpec,
    Share,
    StaticBuild,
    StaticService,
    Volume,
)

__all__ = [
    "AppService",
    "Backup",
    "Build",
    "Domain",
    "Environment",
    "EnvironmentSpec",
    "Health",
    "InvalidManifest",
    "Manifest",
    "PostgresService",
    "Problem",
    "RedisService",
    "Resources",
    "Routed",
    "SecretReference",
    "ServiceSpec",
    "Share",
    "StaticBuild",
    "StaticService",
    "Volume",
    "load",
    "load_file",
]
