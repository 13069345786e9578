"""Continuity: the server's off-site storage, and the backups that were made."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from havre.records.models.operations import Operation
from havre.records.models.projects import Environment


class BackupStorage(models.Model):
    """One version of the off-site storage of this server; the newest counts. Releases name a version."""

    version = models.PositiveIntegerField(unique=True)
    endpoint = models.CharField(max_length=300, blank=True, default="", help_text="empty: removed")
    bucket = models.CharField(max_length=100, blank=True, default="")
    region = models.CharField(max_length=100, blank=True, default="")
    prefix = models.CharField(max_length=200, blank=True, default="")
    style = models.CharField(max_length=10, blank=True, default="path", help_text="path or host")
    ca = models.TextField(blank=True, default="", help_text="PEM of the authority of its certificate")
    sealed_key = models.BinaryField(null=True)
    sealed_secret = models.BinaryField(null=True)
    sealed_passphrase = models.BinaryField(null=True)
    actor = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[BackupStorage]]


class StoredKit(models.Model):
    """Somebody said that the recovery kit of a version of the storage is kept elsewhere."""

    version = models.PositiveIntegerField(unique=True, help_text="of the off-site storage")
    actor = models.CharField(max_length=100, blank=True, default="")
    stored_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[StoredKit]]


class Backup(models.Model):
    """A backup of a database in one repository, as Havre made it."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="backups")
    service = models.CharField(max_length=30)
    repository = models.CharField(max_length=10, help_text="local or offsite")
    label = models.CharField(max_length=60, help_text="pgBackRest's name of it")
    kind = models.CharField(max_length=10, help_text="full, diff or incr")
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, related_name="backups")
    size = models.BigIntegerField(help_text="bytes of the database")
    stored = models.BigIntegerField(help_text="bytes that it added to the repository")
    lsn_stop = models.CharField(max_length=20)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, help_text="when it was last read back whole")
    problem = models.CharField(max_length=300, blank=True, default="", help_text="why it is not good")

    objects: ClassVar[models.Manager[Backup]]

    class Meta:
        """A label is given once."""

        constraints = (
            models.UniqueConstraint(
                fields=("environment", "service", "repository", "label"), name="backup_once"
            ),
        )


class Dump(models.Model):
    """A dump of a database in one repository of the archive, which was read back."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="dumps")
    service = models.CharField(max_length=30)
    repository = models.CharField(max_length=10, help_text="local or offsite")
    snapshot = models.CharField(max_length=64, help_text="restic's name of it")
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, related_name="dumps")
    size = models.BigIntegerField(help_text="bytes of the dump")
    stored = models.BigIntegerField(help_text="bytes that it added to the repository")
    tables = models.PositiveIntegerField(help_text="that the database had")
    rows = models.BigIntegerField(help_text="about how many it had")
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Dump]]

    class Meta:
        """A snapshot is made once."""

        constraints = (models.UniqueConstraint(fields=("repository", "snapshot"), name="dump_once"),)


class SavedEnvironment(models.Model):
    """How the copies of what an environment is beside its databases stood, and who was told what."""

    environment = models.OneToOneField(Environment, on_delete=models.CASCADE, related_name="saved")
    watch: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[SavedEnvironment]]


class SavedDatabase(models.Model):
    """What is known of a database that is saved.

    Another cluster on its volume is not the data that was lost, so its identifier is kept. ``watch`` is how
    its archive and its backups stood when the worker last looked, and who was told what.
    """

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="saved_databases")
    service = models.CharField(max_length=30)
    identifier = models.CharField(
        max_length=30, blank=True, default="", help_text="PostgreSQL's system identifier"
    )
    watch: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    since = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[SavedDatabase]]

    class Meta:
        """A database has one."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "service"), name="saved_database_once"),
        )
