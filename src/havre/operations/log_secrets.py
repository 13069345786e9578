"""The secrets that must not be read in the log of an environment."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db.models import Max

from havre.adapters import sealing
from havre.config import Config
from havre.domain.redaction import Redactor
from havre.errors import SecretError
from havre.records.models import Secret

log = logging.getLogger(__name__)


class LogSecrets:
    """A redactor for each environment, which learns of new secrets when it is told to look.

    Every version that was ever set is taken out: an older release may still run with it.

    Args:
        config: where the key is that opens them.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._redactors: dict[tuple[str, str], Redactor] = {}
        self._seen = 0

    def redactor(self, project: str, environment: str) -> Callable[[str], str]:
        """What takes the secrets of an environment out of a text, also those that are learned later."""
        return self._redactors.setdefault((project, environment), Redactor())

    def look(self) -> None:
        """Learn of secrets that were set since the last look."""
        newest = Secret.objects.aggregate(newest=Max("pk"))["newest"] or 0
        if newest <= self._seen:
            return
        new = Secret.objects.filter(pk__gt=self._seen).select_related("environment__project").order_by("pk")
        for secret in new:
            where = (secret.environment.project.name, secret.environment.name)
            try:
                value = sealing.unseal(self._config.paths.private_key, bytes(secret.sealed))
            except SecretError as error:
                log.warning("secret %s of %s is not taken out of logs: %s", secret.name, where, error.message)
                continue
            self._redactors.setdefault(where, Redactor()).hide([value.decode(errors="replace")])
        self._seen = newest
