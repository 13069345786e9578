"""Who may come in: people, their roles, links that let them set a password, and what was done."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from havre.domain.access import Role
from havre.errors import ServerError

USERNAME = r"^[a-z0-9]([a-z0-9._-]{0,58}[a-z0-9])?\Z"
"""What an account may be called: small letters, so that no two names differ by case only."""
ROLES = [(role.value, role.value) for role in Role]


class UserManager(BaseUserManager["User"]):
    """Finds people by their name. There is no ``create_superuser``: roles are granted."""


class User(AbstractBaseUser):
    """Somebody with an account of the panel. What they may do is in their grants."""

    username = models.CharField(
        max_length=60, unique=True, validators=[RegexValidator(USERNAME, "small letters, digits, . _ and -")]
    )
    email = models.EmailField(blank=True, default="", help_text="where alerts go; nobody logs in by it")
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=10, blank=True, default="")
    time_zone = models.CharField(max_length=60, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.username


class Grant(models.Model):
    """A role of a user or of a token, in a project or on the whole server (no project)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="grants")
    token = models.ForeignKey("Token", on_delete=models.CASCADE, null=True, related_name="grants")
    project = models.ForeignKey("Project", on_delete=models.CASCADE, null=True, related_name="grants")
    role = models.CharField(max_length=12, choices=ROLES)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager[Grant]]

    class Meta:
        """One role per holder and place."""

        constraints = (
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(token__isnull=True), name="grant_has_one_holder"
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="grant_role_is_known"
            ),
            models.UniqueConstraint(fields=("user", "project"), name="user_role_once"),
            models.UniqueConstraint(
                fields=("user",), condition=Q(project__isnull=True), name="user_server_role_once"
            ),
            models.UniqueConstraint(fields=("token", "project"), name="token_role_once"),
            models.UniqueConstraint(
                fields=("token",), condition=Q(project__isnull=True), name="token_server_role_once"
            ),
        )


class SignInLink(models.Model):
    """A link by which a user sets a password, once; only its SHA-256 is stored."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="links")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=100)
    forgets_factors = models.BooleanField(default=False, help_text="the second factors of before go with it")

    objects: ClassVar[models.Manager[SignInLink]]


class _AppendOnly(models.QuerySet["AuditEntry"]):
    def _refuse(self, *_arguments: Any, **_named: Any) -> Any:
        raise ServerError(
            "the audit log is only ever appended to", hint="export it by `havre audit export` and keep that"
        )

    update = delete = bulk_update = _raw_delete = _refuse


class AuditEntry(models.Model):
    """Something that was done or asked for. Neither Django nor the database lets a row change or go.

    It names things by their words and not by keys: it outlives what it tells of.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.CharField(max_length=100)
    user_id = models.BigIntegerField(null=True)
    via = models.CharField(max_length=12, help_text="socket, session, token, link")
    address = models.CharField(max_length=45, blank=True, default="")
    action = models.CharField(max_length=60)
    outcome = models.CharField(max_length=12, help_text="done, refused")
    project = models.CharField(max_length=60, blank=True, default="", db_index=True)
    environment = models.CharField(max_length=60, blank=True, default="")
    details: models.JSONField[dict[str, Any], dict[str, Any]] = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[AuditEntry]] = models.Manager.from_queryset(_AppendOnly)()

    def save(self, *arguments: Any, **named: Any) -> None:
        """Append it.

        Raises:
            ServerError: it is stored already.
        """
        if not self._state.adding:
            AuditEntry.objects.all().update()
        super().save(*arguments, **named)

    def delete(self, *_arguments: Any, **_named: Any) -> Any:
        """Never.

        Raises:
            ServerError: always.
        """
        return AuditEntry.objects.all().delete()
