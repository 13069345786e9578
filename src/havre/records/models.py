"""What the platform remembers.

The web process may write operations, variables and sealed secrets; the rest is written by the
worker. Values of secrets are stored only sealed (see :mod:`havre.adapters.sealing`).
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils import timezone


class Project(models.Model):
    """What one ``havre.yaml`` describes, and where its repository is."""

    name = models.CharField(max_length=30, unique=True)
    source = models.CharField(max_length=500, help_text="local path or Git URL of the repository")
    subfolder = models.CharField(max_length=300, blank=True, default="")
    sealed_deploy_key = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Project]]

    def __str__(self) -> str:
        return self.name


class Environment(models.Model):
    """One running copy of a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    name = models.CharField(max_length=30)
    current_release = models.ForeignKey(
        "Release", on_delete=models.SET_NULL, null=True, related_name="current_of"
    )
    replicas: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(
        default=dict, help_text="what `havre scale` set, by service; wins over the manifest"
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Environment]]

    class Meta:
        """One environment of a name in a project."""

        constraints = (models.UniqueConstraint(fields=("project", "name"), name="environment_once"),)

    def __str__(self) -> str:
        return f"{self.project.name}-{self.name}"


class Variable(models.Model):
    """An environment variable set by ``havre env``; wins over the manifest's."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="variables")
    service = models.CharField(max_length=30, blank=True, default="", help_text="empty: every app")
    name = models.CharField(max_length=200)
    value = models.TextField()

    objects: ClassVar[models.Manager[Variable]]

    class Meta:
        """One value per name."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "service", "name"), name="variable_once"),
        )


class Secret(models.Model):
    """One version of a secret, sealed. A release names the versions it runs with."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    sealed = models.BinaryField()
    generated = models.BooleanField(default=False, help_text="made by Havre (a database password)")
    unset_at = models.DateTimeField(null=True, help_text="since when new releases do not see it")
    created_at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=100, blank=True, default="")

    objects: ClassVar[models.Manager[Secret]]

    class Meta:
        """Versions count up per name."""

        constraints = (
            models.UniqueConstraint(fields=("environment", "name", "version"), name="secret_version_once"),
        )


class Operation(models.Model):
    """Any long action: queued by an interface, claimed and run by the worker."""

    class State(models.TextChoices):
        """Where an operation stands; the last three are final."""

        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    FINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})

    kind = models.CharField(max_length=30)
    environment = models.ForeignKey(
        Environment, on_delete=models.SET_NULL, null=True, related_name="operations"
    )
    target = models.CharField(max_length=70, help_text="project-environment, kept after a destroy")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    params: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    result: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)
    error: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(null=True)
    actor = models.CharField(max_length=100)
    worker = models.CharField(max_length=40, blank=True, default="", help_text="boot id of the claimer")
    attempt = models.PositiveSmallIntegerField(default=0, help_text="times a worker began it")
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Operation]]

    class Meta:
        """The queue is read by state."""

        indexes = (models.Index(fields=("state", "id"), name="operation_queue"),)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in self.FINAL


class Step(models.Model):
    """One step of an operation, recorded as it happens."""

    class State(models.TextChoices):
        """Where a step stands."""

        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        SKIPPED = "skipped"

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    message = models.CharField(max_length=500, blank=True, default="")
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Step]]

    class Meta:
        """A step has one place."""

        ordering = ("position",)
        constraints = (models.UniqueConstraint(fields=("operation", "name"), name="step_once"),)


class Event(models.Model):
    """What happened during an operation, in order; the CLI and the panel follow these.

    ``kind`` and ``data``:

    * ``plan``: ``{"steps": [{"name", "title"}], "attempt"}``, first, and again after a restart
    * ``step``: ``{"name", "title", "state", "message", "seconds"}``
    * ``log``: ``{"line", "source"}`` (source: ``build api``, ``release api``, …)
    * ``outcome``: ``{"state", "error", "result"}``, the last one
    """

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=10)
    data: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField()

    objects: ClassVar[models.Manager[Event]]

    class Meta:
        """Followed by id within one operation."""

        indexes = (models.Index(fields=("operation", "id"), name="event_follow"),)


class Release(models.Model):
    """Commit, images, resolved configuration and secret versions, numbered per environment.

    Immutable once it was live; while ``preparing`` it is the draft that lets a restarted worker
    continue the deployment.
    """

    class State(models.TextChoices):
        """``live`` is the one that serves; at most one per environment."""

        PREPARING = "preparing"
        LIVE = "live"
        SUPERSEDED = "superseded"
        FAILED = "failed"

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.PREPARING)
    operation = models.ForeignKey(Operation, on_delete=models.SET_NULL, null=True, related_name="releases")
    commit = models.CharField(max_length=40, blank=True, default="")
    ref = models.CharField(max_length=250, blank=True, default="")
    subject = models.CharField(max_length=300, blank=True, default="")
    spec: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(
        default=dict, help_text="the manifest resolved for the environment"
    )
    images: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict, help_text="image id by service"
    )
    secret_versions: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    variables: models.JSONField[list[list[str]], list[list[str]]] = models.JSONField(
        default=list, help_text="[service, name, value] of `havre env` at that time"
    )
    replicas: models.JSONField[dict[str, int], dict[str, int]] = models.JSONField(default=dict)
    swarm_services: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        default=dict,
        help_text="Swarm service by service; of an earlier release where nothing changed",
    )
    restore_point: models.JSONField[dict[str, Any] | None, dict[str, Any] | None] = models.JSONField(
        null=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    live_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Release]]

    class Meta:
        """Numbers count up per environment."""

        constraints = (models.UniqueConstraint(fields=("environment", "number"), name="release_number_once"),)


class Build(models.Model):
    """How an image of a release was built: its size and the time of each stage."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="builds")
    service = models.CharField(max_length=30)
    image_id = models.CharField(max_length=80)
    tag = models.CharField(max_length=200)
    size = models.BigIntegerField(help_text="bytes")
    seconds = models.FloatField()
    stages: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(
        default=list, help_text="name, seconds, cached"
    )

    objects: ClassVar[models.Manager[Build]]

    class Meta:
        """One build per service of a release."""

        constraints = (models.UniqueConstraint(fields=("release", "service"), name="build_once"),)


class Token(models.Model):
    """A token for the API over HTTPS; only its SHA-256 is stored."""

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Token]]


class Worker(models.Model):
    """The worker's sign of life: one row, rewritten every few seconds."""

    boot = models.CharField(max_length=40)
    pid = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Worker]]
