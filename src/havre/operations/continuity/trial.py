"""Trying the off-site storage: list, write, read back and remove a small file, by pgBackRest itself."""

from __future__ import annotations

from typing import Any, Final

from havre.adapters.s3 import bucket as s3
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.inside import tell_inside
from havre.adapters.swarm.scratch import scratch_container
from havre.config import config
from havre.domain.continuity import failures
from havre.domain.continuity.repositories import trial_text
from havre.domain.continuity.survival import Kept
from havre.errors import BackupError, UsageError
from havre.operations.continuity.archive import trusted
from havre.operations.continuity.storage import Storage
from havre.operations.workloads import POSTGRES_IMAGE
from havre.records import continuity

_WORDS: Final = {"list": "list", "write": "write to", "read": "read from", "remove": "remove from"}


def try_storage() -> dict[str, Any]:
    """Try the storage as it is set now: ``place``, the ``steps`` that went well, and ``deletes``.

    ``deletes`` says what becomes of what is deleted there, ``survives`` whether it can be had back (None:
    nobody knows).

    Raises:
        UsageError: none is set, or the database's image is not there yet.
        BackupError: it did not go well, with the cause.
        EngineError: the engine does not answer.
    """
    settings = config()
    row = continuity.newest_storage()
    if row is None:
        raise UsageError("no off-site storage is set", hint="set one: havre backup storage set")
    storage = Storage.opened(settings, row)
    engine = Engine(settings.docker_host)
    image = engine.image_id(POSTGRES_IMAGE)
    if image is None:
        raise UsageError(
            f"{POSTGRES_IMAGE}, which asks the storage, is not on this server yet",
            hint="the first deployment makes it; then try again",
        )
    text = trial_text(storage.place, storage.keys, "@CA@")
    if storage.ca:
        text += f"--- CA\n{storage.ca}"
    with scratch_container(engine, image) as container:
        answer = tell_inside(engine, container, ["havre-storage-test"], text.encode())
    done = [line.removesuffix(" ok") for line in answer.out.splitlines() if line.endswith(" ok")]
    if not answer.is_good:
        cause = failures.cause(answer.out + answer.err)
        step = next((word for key, word in _WORDS.items() if key not in done), "use")
        raise BackupError(f"cannot {step} {storage.place.place}: {cause.message}", hint=cause.hint)
    try:
        kept = kept_by(storage)
    except BackupError:  # perhaps only containers reach it
        kept = Kept(None)
    return {"place": storage.place.place, "steps": done, "deletes": str(kept), "survives": kept.survives}


def lock_storage(days: int, mode: str) -> dict[str, Any]:
    """Have what is written there from now on locked: ``place``, ``deletes``, ``survives`` as after a trial.

    Args:
        days: for which nobody can delete it.
        mode: ``governance`` or ``compliance``.

    Raises:
        UsageError: none is set, or the bucket cannot lock.
        BackupError: the storage cannot be reached, or refused.
    """
    row = continuity.newest_storage()
    if row is None:
        raise UsageError("no off-site storage is set", hint="set one: havre backup storage set")
    storage = Storage.opened(config(), row)
    s3.lock(_bucket(storage), days, mode.upper())
    kept = kept_by(storage)
    return {"place": storage.place.place, "deletes": str(kept), "survives": kept.survives}


def kept_by(storage: Storage) -> Kept:
    """What becomes of what is deleted there.

    Raises:
        BackupError: the storage cannot be reached.
    """
    return s3.protection(_bucket(storage))


def _bucket(storage: Storage) -> s3.Bucket:
    place, keys = storage.place, storage.keys
    return s3.Bucket(
        place.endpoint, place.bucket, place.region, place.style, keys.key, keys.secret, trusted(storage.ca)
    )
