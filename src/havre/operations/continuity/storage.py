"""The off-site storage of this server, opened for those who use it."""

from __future__ import annotations

from dataclasses import dataclass

from havre.adapters import sealing
from havre.config import Config
from havre.domain.continuity.repositories import Keys, OffSite
from havre.errors import SecretError
from havre.records import continuity
from havre.records.models import BackupStorage


@dataclass(frozen=True)
class Storage:
    """Where it is, and what opens it. ``ca``: PEM of an authority, empty for those of the system."""

    place: OffSite
    ca: str
    keys: Keys

    @classmethod
    def of(cls, config: Config, version: int | None) -> Storage | None:
        """A version of the storage; None where there is none.

        Raises:
            SecretError: its keys cannot be opened.
        """
        row = continuity.storage_of(version)
        return cls.opened(config, row) if row else None

    @classmethod
    def opened(cls, config: Config, row: BackupStorage) -> Storage:
        """The storage of a row.

        Raises:
            SecretError: its keys cannot be opened.
        """
        key = config.paths.private_key

        def value(sealed: bytes | memoryview | None) -> str:
            if sealed is None:
                raise SecretError("the off-site storage has no keys", hint="havre backup storage set")
            return sealing.unseal(key, bytes(sealed)).decode()

        keys = Keys(value(row.sealed_key), value(row.sealed_secret), value(row.sealed_passphrase))
        return cls(continuity.off_site(row), row.ca, keys)

    @classmethod
    def unopened(cls, version: int | None) -> Storage | None:
        """The same without its keys: for what compares and shows."""
        row = continuity.storage_of(version)
        return cls(continuity.off_site(row), row.ca, Keys("", "", "")) if row else None
