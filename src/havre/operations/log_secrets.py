"""The secrets that must not be read in the log of an environment."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable

from django.db.models import Max

from havre.adapters import sealing
from havre.config import Config
from havre.domain.redaction import Redactor
from havre.errors import SecretError
from havre.operations.continuity.storage import Storage
from havre.records.models import BackupStorage, Secret

log = logging.getLogger(__name__)


class LogSecrets:
    """A redactor for each environment, which learns of new secrets when it is told to look.

    Every version that was ever set is taken out: an older release may still run with it. So are the keys of
    the off-site storage, which databases have, in every environment.

    Args:
        config: where the key is that opens them.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._redactors: dict[tuple[str, str], Redactor] = {}
        self._everywhere: list[str] = []
        self._seen = 0
        self._seen_storage = 0

    def redactor(self, project: str, environment: str) -> Callable[[str], str]:
        """What takes the secrets of an environment out of a text, also those that are learned later."""
        return self._redactor((project, environment))

    def look(self) -> None:
        """Learn of secrets that were set since the last look."""
        newest = Secret.objects.aggregate(newest=Max("pk"))["newest"] or 0
        if newest > self._seen:
            self._learn()
            self._seen = newest
        newest = BackupStorage.objects.aggregate(newest=Max("pk"))["newest"] or 0
        if newest > self._seen_storage:
            self._learn_storage()
            self._seen_storage = newest

    def _learn(self) -> None:
        new = Secret.objects.filter(pk__gt=self._seen).select_related("environment__project")
        for secret in new.order_by("pk"):
            where = (secret.environment.project.name, secret.environment.name)
            try:
                value = sealing.unseal(self._config.paths.private_key, bytes(secret.sealed))
            except SecretError as error:
                log.warning("%s of %s is not taken out of its log: %s", secret.name, where, error.message)
                continue
            self._redactor(where).hide(_written(value.decode(errors="replace")))

    def _learn_storage(self) -> None:
        for row in BackupStorage.objects.filter(pk__gt=self._seen_storage).order_by("pk"):
            try:
                keys = Storage.opened(self._config, row).keys
            except SecretError:
                continue  # it never had any
            for value in (keys.key, keys.secret, keys.passphrase):
                self._everywhere.extend(_written(value))
        for redactor in self._redactors.values():
            redactor.hide(self._everywhere)

    def _redactor(self, where: tuple[str, str]) -> Redactor:
        if where not in self._redactors:
            made = Redactor()
            made.hide(self._everywhere)
            self._redactors[where] = made
        return self._redactors[where]


def _written(value: str) -> Iterable[str]:
    """A value as it is, and as it stands in JSON."""
    return {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
