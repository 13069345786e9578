"""What can go wrong with a copy, on real parts: each fault is told, and costs no older copy."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from minio.error import S3Error

from havre.adapters.buildkit.platform import prepare
from havre.adapters.s3.bucket import Bucket, lock, protection
from havre.adapters.swarm.engine import Engine
from havre.adapters.swarm.toolbox import Mount
from havre.domain.continuity import archive as places
from havre.domain.continuity.archive import Place, Snapshot
from havre.domain.continuity.repositories import Keys, OffSite
from havre.domain.continuity.survival import Kept
from havre.errors import BackupError, UsageError
from havre.operations.continuity.archive import IMAGE, Archive
from support.object_storage import BUCKET, KEY, SECRET, ObjectStorage

pytestmark = pytest.mark.timeout(300)
FILES = "/volumes/files"
TAG = places.volume_tag("files")
LABELS = {"havre.managed": "true", "havre.role": "archive", "havre.operation": "0"}
PHRASE = "correct horse"
SMALL = 2_000_000
LARGE = 300_000_000


@pytest.fixture(scope="module")
def engine() -> Engine:
    host = os.environ["HAVRE_TEST_DOCKER_HOST"]
    prepare(host, report=lambda _line: None)
    return Engine(host)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    made = ObjectStorage(tmp_path_factory.mktemp("s3") / "storage")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """What is saved: files that compress to nothing less than themselves."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a").write_bytes(secrets.token_bytes(SMALL))
    return folder


@pytest.fixture
def place(storage: ObjectStorage, request: pytest.FixtureRequest) -> Place:
    """A repository of each test's own."""
    storage.ensure()
    where = OffSite(storage.endpoint, BUCKET, prefix=request.node.name[:60], has_ca=True)
    return places.elsewhere(where, Keys(KEY, SECRET, PHRASE), storage.ca.read_text())


def other(place: Place, **settings: str) -> Place:
    """The same place with other settings."""
    return replace(place, settings=tuple((name, settings.get(name, value)) for name, value in place.settings))


@contextmanager
def opened(engine: Engine, place: Place, files: Path | None = None, **more: object) -> Iterator[Archive]:
    mounts = [Mount(str(files), FILES)] if files else []
    with Archive.opened(engine, place, labels=LABELS, mounts=mounts, **more) as found:  # type: ignore[arg-type]
        yield found


def save(engine: Engine, place: Place, files: Path) -> str:
    with opened(engine, place, files) as there:
        there.ensure()
        return there.save_folder(FILES, TAG).snapshot


def kept(engine: Engine, place: Place) -> list[Snapshot]:
    with opened(engine, place) as there:
        return list(there.snapshots())


def comes_back(engine: Engine, place: Place, snapshot: str, files: Path, tmp_path: Path) -> bool:
    """Whether what a snapshot holds is what was saved."""
    target = tmp_path / "back"
    target.mkdir()
    with Archive.opened(
        engine, place, labels=LABELS, mounts=[Mount(str(target), "/back", read_only=False)], writes=True
    ) as there:
        there.restore_folder(snapshot, FILES, "/back")
    return (target / "a").read_bytes()[:SMALL] == (files / "a").read_bytes()[:SMALL]


def test_the_storage_dies_in_the_middle_of_a_save(
    engine: Engine,
    storage: ObjectStorage,
    place: Place,
    files: Path,
    tmp_path: Path,
) -> None:
    first = save(engine, place, files)
    (files / "b").write_bytes(secrets.token_bytes(LARGE))
    dead = threading.Event()

    def watch(message: str) -> None:
        if message.endswith(" MB") and not message.startswith("0 ") and not dead.is_set():
            dead.set()
            storage.kill()

    began = time.monotonic()
    with (
        opened(engine, place, files, watch=watch, patience=3.0) as there,
        pytest.raises(BackupError) as failed,
    ):
        there.save_folder(FILES, TAG)
    assert dead.is_set(), "it died in the middle"
    assert failed.value.message == "the off-site storage cannot be reached any more"
    assert failed.value.hint
    assert time.monotonic() - began < 120, "restic alone would try for a quarter of an hour"
    storage.ensure()
    assert [each.id for each in kept(engine, place)] == [first], "half a copy is none"
    assert comes_back(engine, place, first, files, tmp_path)
    (files / "b").write_bytes(b"small")
    assert save(engine, place, files) != first, "it goes on by itself"


def test_what_opens_nothing_is_told_and_saves_nothing(engine: Engine, place: Place, files: Path) -> None:
    first = save(engine, place, files)
    refused = ("the off-site storage refused the keys", "havre backup storage set")
    for setting, (told, helps) in {
        "RESTIC_PASSWORD": ("the passphrase does not open the archive", "--passphrase-file"),
        "AWS_SECRET_ACCESS_KEY": refused,
        "AWS_ACCESS_KEY_ID": refused,
    }.items():
        with opened(engine, other(place, **{setting: "WRONG"}), files) as there:
            with pytest.raises(BackupError) as failed:
                there.ensure()
            assert failed.value.message == told
            assert helps in failed.value.hint
            with pytest.raises(BackupError):
                there.forget({})
    assert [each.id for each in kept(engine, place)] == [first]


def test_a_key_that_expires_in_the_middle_fails_the_copy(
    engine: Engine, storage: ObjectStorage, place: Place, files: Path
) -> None:
    first = save(engine, place, files)
    (files / "b").write_bytes(secrets.token_bytes(SMALL))
    with opened(engine, place, files) as there:
        there.ensure()
        with storage.without_keys(), pytest.raises(BackupError) as failed:
            there.save_folder(FILES, TAG)
    assert failed.value.message == "the off-site storage refused the keys"
    assert [each.id for each in kept(engine, place)] == [first]


def test_a_file_that_cannot_be_read_leaves_no_half_copy(engine: Engine, place: Place, files: Path) -> None:
    first = save(engine, place, files)
    with opened(engine, place, files) as there:
        there.ensure()
        (files / "b").write_bytes(b"x" * 100)
        with pytest.raises(BackupError) as failed:
            # A folder of the kernel's in which some files cannot be read by anybody.
            there.save_folder("/proc/sys/net", TAG)
    assert "/proc/sys/net" in failed.value.message
    assert [each.id for each in kept(engine, place)] == [first]


def test_what_is_sent_keeps_below_its_ceiling(
    engine: Engine, storage: ObjectStorage, place: Place, files: Path
) -> None:
    assert place.storage
    slow = places.elsewhere(
        place.storage, Keys(KEY, SECRET, PHRASE), storage.ca.read_text(), upload_limit=512
    )
    began = time.monotonic()
    save(engine, slow, files)
    # A second's worth may go at once.
    assert time.monotonic() - began > SMALL / 1024 / 512 - 1.5


def test_the_bucket_says_what_becomes_of_what_is_deleted(storage: ObjectStorage) -> None:
    storage.ensure()
    bucket = Bucket(storage.endpoint, BUCKET, "us-east-1", "path", KEY, SECRET, storage.ca.read_text())
    assert protection(bucket).versioning == ""
    with pytest.raises(UsageError, match="cannot lock objects"):
        lock(bucket, 30, "GOVERNANCE")
    storage.shell(f"s3.bucket.versioning -name {BUCKET} -enable")
    assert protection(bucket) == Kept("Enabled")
    assert protection(replace(bucket, secret="wrong")).versioning is None


def test_what_is_locked_survives_who_has_the_keys(
    engine: Engine, files: Path, storage: ObjectStorage
) -> None:
    storage.ensure()
    client = storage.client()
    client.make_bucket(bucket_name="locked", object_lock=True)
    bucket = Bucket(storage.endpoint, "locked", "us-east-1", "path", KEY, SECRET, storage.ca.read_text())
    assert protection(bucket) == Kept("Enabled", has_lock=True)
    lock(bucket, 7, "COMPLIANCE")
    assert protection(bucket) == Kept("Enabled", has_lock=True, mode="COMPLIANCE", days=7)
    where = OffSite(storage.endpoint, "locked", has_ca=True)
    place = places.elsewhere(where, Keys(KEY, SECRET, PHRASE), storage.ca.read_text())
    saved = save(engine, place, files)
    with opened(engine, place) as archive:
        assert [each.id for each in archive.snapshots()] == [saved]
    there = list(client.list_objects(bucket_name="locked", recursive=True, include_version=True))
    data = [each for each in there if "/data/" in f"/{each.object_name}"]
    assert sum(each.size for each in data) > SMALL
    for each in data:
        version = {"bucket_name": "locked", "object_name": each.object_name, "version_id": each.version_id}
        client.remove_object(bucket_name="locked", object_name=each.object_name)
        with pytest.raises(S3Error, match="AccessDenied"):
            client.remove_object(**version)
        # It is deleted for who reads without a version, and there all the same.
        assert len(client.get_object(**version).read()) == each.size


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else makes a repository here, so none that is unfinished is waited for."""
    monkeypatch.setattr("havre.domain.continuity.beginning.MADE_WITHIN", -1.0)


def objects(storage: ObjectStorage, place: Place) -> list[str]:
    assert place.storage
    prefix = f"{place.storage.prefix}/{places.FOLDER}/"
    found = storage.client().list_objects(bucket_name=BUCKET, prefix=prefix, recursive=True)
    return [str(each.object_name).removeprefix(prefix) for each in found]


@pytest.mark.usefixtures("impatient")
def test_an_off_site_repository_whose_maker_was_killed_is_made_anew(
    engine: Engine, storage: ObjectStorage, place: Place, files: Path
) -> None:
    def lose_settings() -> list[str]:
        assert place.storage
        storage.client().remove_object(
            bucket_name=BUCKET, object_name=f"{place.storage.prefix}/{places.FOLDER}/config"
        )
        return objects(storage, place)

    with opened(engine, place) as there:
        assert there.ensure() == ""
    (left,) = lose_settings()
    assert left.startswith("keys/"), "what restic leaves that is killed before the end of init"
    with opened(engine, place, files) as there:
        assert "unfinished" in there.ensure()
        assert there.ensure() == ""
        first = there.save_folder(FILES, TAG).snapshot
    assert [each.id for each in kept(engine, place)] == [first]
    assert left not in objects(storage, place)

    before = lose_settings()
    with opened(engine, place, files) as there, pytest.raises(BackupError) as failed:
        there.ensure()
    assert "its file config is missing, its data are there" in failed.value.message
    assert objects(storage, place) == before, "data may be saved yet: nothing is touched"


@pytest.mark.usefixtures("impatient")
def test_a_local_repository_that_opens_never_again_is_replaced_and_kept(
    engine: Engine, files: Path, tmp_path: Path
) -> None:
    with local(engine, "64m") as (place, shell):
        with opened(engine, place) as there:
            there.ensure()
        shell("rm -f /archive/config")
        with opened(engine, place) as there:
            assert "unfinished" in there.ensure()
        shell("test ! -e /archive/set-aside")
        lost = save(engine, place, files)
        # Made by an earlier installation: what it knew is not known here.
        shell(
            "cd /tmp && restic init -q -r /tmp/other --insecure-no-password"
            " && mv /archive/config /tmp/kept && cp /tmp/other/config /archive/config"
        )
        with opened(engine, place) as there, pytest.raises(BackupError) as failed:
            there.snapshots()
        assert "another key" in failed.value.message
        assert "sets it aside" in failed.value.hint
        with opened(engine, place) as there:
            assert "moved to set-aside/" in there.ensure()
        second = save(engine, place, files)
        assert [each.id for each in kept(engine, place)] == [second]
        assert comes_back(engine, place, second, files, tmp_path)
        # Nothing of it was lost.
        shell(
            "cd /archive/set-aside/* && cp -f /tmp/kept config"
            f" && restic snapshots -r . --insecure-no-password --no-lock | grep {lost[:8]}"
        )


def test_one_wrong_byte_is_found(engine: Engine, files: Path, tmp_path: Path) -> None:
    with local(engine, "64m") as (place, shell):
        first = save(engine, place, files)
        with opened(engine, place) as there:
            assert there.check() == "100% read back"
        shell("f=$(find /archive/data -type f -size +100k | head -n 1); chmod u+w $f;"
              " printf XXXX | dd of=$f bs=1 seek=50000 conv=notrunc 2>/dev/null")  # fmt: skip
        with opened(engine, place) as there, pytest.raises(BackupError) as failed:
            there.check()
        assert failed.value.message == "files of the archive are damaged"
        assert failed.value.hint
        assert [each.id for each in kept(engine, place)] == [first], "what is damaged is not thrown away"
        with pytest.raises(BackupError) as failed:
            comes_back(engine, place, first, files, tmp_path)
        assert failed.value.message == "files of the archive are damaged: /a"


def test_a_full_disk_fails_the_copy_and_costs_no_older_one(
    engine: Engine, files: Path, tmp_path: Path
) -> None:
    with local(engine, "24m") as (place, _):
        first = save(engine, place, files)
        (files / "b").write_bytes(secrets.token_bytes(40_000_000))
        with pytest.raises(BackupError) as failed:
            save(engine, place, files)
        assert failed.value.message == "the disk is full"
        assert "havre doctor" in failed.value.hint
        assert [each.id for each in kept(engine, place)] == [first]
        assert comes_back(engine, place, first, files, tmp_path)


@contextmanager
def local(engine: Engine, size: str) -> Iterator[tuple[Place, object]]:
    """The repository of this server on a disk of a certain size, and a shell on it."""
    client = docker.DockerClient(base_url=os.environ["HAVRE_TEST_DOCKER_HOST"])
    for left in client.containers.list(all=True, filters={"volume": places.LOCAL_VOLUME}):
        left.remove(force=True)
    for volume in client.volumes.list(filters={"name": places.LOCAL_VOLUME}):
        volume.remove()
    disk = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size}"}
    client.volumes.create(places.LOCAL_VOLUME, driver_opts=disk)
    # The disk is there as long as somebody has it.
    holder = client.containers.run(
        IMAGE, ["wait"], detach=True, mounts=[docker.types.Mount("/archive", places.LOCAL_VOLUME)]
    )

    def shell(command: str) -> None:
        code, out = holder.exec_run(["bash", "-c", command], user="0")
        assert code == 0, out

    try:
        yield places.local(), shell
    finally:
        holder.remove(force=True, v=True)
        client.volumes.get(places.LOCAL_VOLUME).remove(force=True)
        client.close()
