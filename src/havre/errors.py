"""The exception tree of Havre.

    HavreError                  anything the user is told: message, hint, retryable
    ├── ManifestError           havre.yaml is not valid (carries every problem found)
    ├── UsageError              the request itself is wrong: unknown name, bad argument
    │   └── ConsentError        a protected environment has to be named, and was not
    ├── ConflictError           the request collides with what is running now
    ├── SourceError             a repository, or an image of a registry, could not be read
    ├── BuildError              an image could not be built
    ├── EngineError             the Docker engine refused
    │   └── EngineAway          it did not answer: an operation waits for it and begins again
    ├── RolloutError            a release did not become healthy or did not answer
    ├── CommandError            a command that Havre ran for somebody failed or was stopped
    ├── BackupError             a backup, or a restore, did not come to a good end
    ├── SecretError             a secret is missing or cannot be opened
    ├── Cancelled               somebody asked the operation to stop
    └── ServerError             the CLI could not reach Havre, or Havre failed

A message says what happened and where; the hint says what to do about it. Neither ever
holds a secret's value.
"""

from __future__ import annotations


class HavreError(Exception):
    """Something the user is told about.

    Args:
        message: what happened and where, one sentence.
        hint: the remedy, one sentence; empty when there is none.
        retryable: whether doing the same again may succeed.
        detail: more lines (log lines of a task, the end of a build log).
    """

    retryable_default = False

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self.retryable = self.retryable_default if retryable is None else retryable


class ManifestError(HavreError):
    """havre.yaml is not valid."""


class UsageError(HavreError):
    """The request itself is wrong."""


class ConsentError(UsageError):
    """A protected environment has to be named, and was not; ``confirm`` is that name."""

    def __init__(self, message: str, *, confirm: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.confirm = confirm


class ConflictError(HavreError):
    """The request collides with what is running now."""

    retryable_default = True


class SourceError(HavreError):
    """A repository, or an image of a registry, could not be read."""


class BuildError(HavreError):
    """An image could not be built."""


class EngineError(HavreError):
    """The Docker engine refused or did not answer."""


class EngineAway(EngineError):  # noqa: N818 - it is a state, which passes
    """The Docker engine did not answer, or its Swarm has no leader at the moment."""

    retryable_default = True


class RolloutError(HavreError):
    """A release did not become healthy, or did not answer."""


class CommandError(HavreError):
    """A one-off or scheduled command failed, ran out of time, or could not be started."""


class BackupError(HavreError):
    """A backup failed or is not good, or a restore did not come to its end."""


class SecretError(HavreError):
    """A secret is missing or cannot be opened."""


WRONG_REQUEST = (UsageError, ManifestError, SecretError)
"""What who asked has to put right; nothing was changed."""


class Cancelled(HavreError):  # noqa: N818 - it is an outcome, not a failure
    """Somebody asked the operation to stop."""


class ServerError(HavreError):
    """The CLI could not reach Havre, or Havre failed."""
